import { z } from 'zod';

import { linkInputSchema, createResultLink } from '../../../engine/pipeline/pull.ts';
import type { Context } from '../../../engine/pipeline/context.ts';
import type { SessionAdapter } from '../../../engine/sessions/session.port.ts';
import { benchActor, createBenchEngine, handler } from '../engine-here.ts';
import { startProfile } from '../profile.ts';
import { registerBinding, storeSchedules } from '../stored.ts';
import { hear, read, tell } from '../talk.ts';
import { addRuns, registerWork } from '../work.ts';
import { settled } from '../settled.ts';
import type { ApiJob, ApiReady } from './job.ts';

/** The engine in the api workload, with what is to be read there before. */
const lines = hear();
const job = await read<ApiJob>(lines);
const TEN_KB = Buffer.from(JSON.stringify({ text: 'x'.repeat(10_000) }));
/** Runs that have ended. */
let ended = 0;
const CHUNK = Buffer.alloc(1_000_000, 'The quick brown fox jumps over the lazy dog.\n');

const large: SessionAdapter = {
	...handler('large'),
	settings: z.strictObject({}),
	invoke: () =>
		Promise.resolve({
			kind: 'result',
			body: { encoding: 'bytes', contentType: 'text/plain', source: chunks() },
		}),
};

const engine = await createBenchEngine({
	place: job.place,
	sessions: [handler('noop', () => TEN_KB), large],
});
const { context } = engine;
await engine.start();
const links = await linksOf('noop', job.links);
const [largeLink] = job.megabytes === 0 ? [] : await linksOf('large', 1);
await registerBinding(context, { name: 'bench', binding: { type: 'noop' } });
await storeSchedules(context, {
	capability: 'bench',
	count: job.schedules,
	input: { timing: { cron: '0 3 1 1 *' } },
});
const { items } = await context.store.listSchedules('default', {}, { limit: 200 });
const ready: ApiReady = {
	url: engine.url,
	key: engine.firstKey ?? '',
	ids: items.map(({ id }) => id),
	links: links.map(({ path }) => path),
	large:
		largeLink === undefined
			? null
			: { path: largeLink.path, file: await fileOf(context, largeLink.runId) },
};
tell(ready);
const stopProfile = await startProfile(job.profile);
for await (const line of lines) {
	if (line !== 'counts') break;
	const { schedules } = await context.store.counts();
	tell({ schedules: schedules.active ?? 0 });
}
await stopProfile();
await engine.stop();
process.exit(0);

async function* chunks(): AsyncGenerator<Buffer> {
	for (let i = 0; i < job.megabytes; i++) {
		yield CHUNK;
		await new Promise((resolve) => setImmediate(resolve));
	}
}

async function linksOf(type: string, count: number): Promise<{ path: string; runId: string }[]> {
	if (count === 0) return [];
	const record = await registerWork(context, { binding: { type } });
	await addRuns(context, record, count);
	context.wake.poke();
	await settled(context, (ended += count));
	const actor = benchActor(context);
	const made: { path: string; runId: string }[] = [];
	const { items: runs } = await context.store.listRuns(
		'default',
		{},
		{ limit: Math.min(200, count) },
	);
	for (const { id } of runs.slice(0, count)) {
		const answer = await createResultLink(context, actor, id, linkInputSchema.parse({}));
		if (answer.kind !== 'done') throw new Error('the link was there already');
		made.push({ path: new URL(answer.answer.url).pathname, runId: id });
	}
	return made;
}

/** The blob of a result, for the server of files beside the engine. */
async function fileOf({ store }: Context, runId: string): Promise<string> {
	const run = await store.getRun('default', runId as never);
	const result = run?.resultId == null ? null : await store.getResult('default', run.resultId);
	if (result === null) throw new Error('the large result is missing');
	const { sha256 } = result.blob;
	return `${job.place}/blobs/${sha256.slice(0, 2)}/${sha256.slice(2)}`;
}

import { scheduleInputSchema } from '../../../engine/contract/schedule.ts';
import { acceptSchedule } from '../../../engine/pipeline/accept.ts';
import { benchActor, createBenchEngine } from '../engine-here.ts';
import { startProfile } from '../profile.ts';
import { registerBinding } from '../stored.ts';
import { hear, read, tell } from '../talk.ts';
import type { PathJob, PathReady, PathRecords } from './job.ts';

/** The engine in w3: a schedule for each, with a target and a notification of its own, due in the same instant. */
const lines = hear();
const job = await read<PathJob>(lines);
const AT_ONCE = 100;
/** Milliseconds in which a schedule is stored, on a machine that is busy. */
const EACH = 8;

const engine = await createBenchEngine({ place: job.place });
const { context } = engine;
await engine.start();
await registerBinding(context, {
	name: 'bench',
	binding: { type: 'http', url: `${job.receiver}/source` },
});
const dueAt = Math.ceil((Date.now() + 3000 + job.runs * EACH) / 1000) * 1000;
const input = scheduleInputSchema.parse({
	action: 'work',
	time: new Date(dueAt).toISOString(),
	delivery: {
		mode: 'push',
		targets: [
			{
				channel: 'webhook',
				settings: { url: `${job.receiver}/deliver`, secret: job.secret },
				format: 'csv',
			},
		],
	},
	notify: [{ url: `${job.receiver}/notify`, secret: job.secret }],
});
const actor = benchActor(context);
for (let done = 0; done < job.runs; done += AT_ONCE) {
	await Promise.all(
		Array.from({ length: Math.min(AT_ONCE, job.runs - done) }, () =>
			acceptSchedule(context, actor, 'bench', input),
		),
	);
}
const ready: PathReady = { dueAt };
tell(ready);
const stopProfile = await startProfile(job.profile);
await lines.next();
await stopProfile();
do tell(await records());
while ((await lines.next()).done !== true);
await engine.stop();
process.exit(0);

async function records(): Promise<PathRecords> {
	const { runs, deliveries } = await context.store.counts();
	return {
		succeeded: runs.succeeded ?? 0,
		delivered: deliveries.delivered ?? 0,
		notified: await notified(),
	};
}

/** Runs whose notification is recorded as accepted. */
async function notified(): Promise<number> {
	let count = 0;
	let cursor: string | null = null;
	do {
		const page = await context.store.listRuns(
			'default',
			{},
			{ limit: 200, ...(cursor === null ? {} : { cursor }) },
		);
		for (const { id } of page.items) {
			const details = await context.store.getRunDetails('default', id);
			const states = details?.notifications.map(({ state }) => state) ?? [];
			if (states.length > 0 && states.every((state) => state === 'delivered')) count++;
		}
		cursor = page.nextCursor;
	} while (cursor !== null);
	return count;
}

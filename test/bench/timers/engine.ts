import { scheduleInputSchema } from '../../../engine/contract/schedule.ts';
import type { Engine } from '../../../engine/main.ts';
import { acceptSchedule } from '../../../engine/pipeline/accept.ts';
import { benchActor, createBenchEngine, handler } from '../engine-here.ts';
import { startProfile } from '../profile.ts';
import { registerBinding, storeSchedules } from '../stored.ts';
import { hear, read, tell } from '../talk.ts';
import type { TimersJob } from './job.ts';
import { beginning, patternOf, Watch } from './watch.mjs';

/*
 * The engine in w2: a recurring schedule for each, accepted as the API accepts it. What counts as late is when the
 * work itself begins, which is after the ledger, the run and the lease are on the disk.
 */
const lines = hear();
const job = await read<TimersJob>(lines);
let watch: Watch | null = null;

const NULL = Buffer.from('null');
const noop = handler('noop', ({ envelope: { schedule, parameters } }) => {
	if (schedule !== undefined && schedule.nominalAt !== null) {
		watch?.fired(Number(parameters['index']), Date.parse(schedule.nominalAt));
	}
	return NULL;
});

const engine = await createBenchEngine({ place: job.place, sessions: [noop] });
await engine.start();
await registerBinding(engine.context, { name: 'bench', binding: { type: 'noop' } });
await storeSchedules(engine.context, {
	capability: 'bench',
	count: job.others,
	input: { timing: { cron: '0 3 1 1 *' } },
});
// the others may take minutes, these take seconds: milliseconds for each
const from = beginning(job.period, 5000 + job.schedules * 4);
await schedule(engine);
watch = new Watch(job, from);
tell({ from });
await lines.next();
const stopProfile = await startProfile(job.profile);
await watch.over(job.seconds);
await stopProfile();
const report = watch.report();
tell(report);
await lines.next();
tell({ wrong: await whatTheLedgerSays(engine) });
await engine.stop();
process.exit(0);

async function schedule({ context }: Engine): Promise<void> {
	const actor = benchActor(context);
	const start = new Date(from).toISOString();
	for (let done = 0; done < job.schedules; done += 200) {
		const size = Math.min(200, job.schedules - done);
		await Promise.all(
			Array.from({ length: size }, (_, i) => {
				const index = done + i;
				const timing = { cron: patternOf(index, job.period), start };
				const input = { action: 'work', parameters: { index }, timing };
				return acceptSchedule(context, actor, 'bench', scheduleInputSchema.parse(input));
			}),
		);
	}
}

/** Each occurrence up to the last that counts has one row, and was fired: the store's own record. */
async function whatTheLedgerSays({ context: { store } }: Engine): Promise<string[]> {
	const wrong: string[] = [];
	const times = job.seconds / job.period;
	const to = from + job.seconds * 1000 - 1;
	let looked = 0;
	let cursor: string | null = null;
	do {
		const page = await store.listSchedules(
			'default',
			{ capability: 'bench' },
			{ limit: 200, ...(cursor === null ? {} : { cursor }) },
		);
		for (const { id, timing } of page.items) {
			if (timing.start === undefined) continue;
			looked++;
			const { items } = await store.listOccurrences(
				'default',
				id,
				{ from, to },
				{ limit: Math.min(200, times + 1) },
			);
			const fired = items.filter(({ outcome }) => outcome === 'fired').length;
			if (fired !== Math.min(times, 200) || items.length !== fired) {
				wrong.push(`${id}: ${fired} fired of ${items.length} rows, expected ${times}`);
			}
		}
		cursor = page.nextCursor;
	} while (cursor !== null);
	if (looked !== job.schedules) wrong.push(`${looked} schedules stored, expected ${job.schedules}`);
	return wrong.slice(0, 5);
}

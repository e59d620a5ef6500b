import { monitorEventLoopDelay } from 'node:perf_hooks';

import { createBenchEngine, handler } from '../engine-here.ts';
import { startProfile } from '../profile.ts';
import { quantile } from '../report.ts';
import { settled } from '../settled.ts';
import { registerBinding, storeSchedules } from '../stored.ts';
import { hear, read, tell } from '../talk.ts';
import type { HourJob, HourReady, HourReport } from './hour-job.ts';

/*
 * Very many schedules that are due in one second. They are stored before the engine runs; one in ten has a high
 * priority and one in ten a low one.
 */
const lines = hear();
const job = await read<HourJob>(lines);
const CLASSES = [
	{ priority: 10, share: 0.1 },
	{ priority: 0, share: 0.8 },
	{ priority: -10, share: 0.1 },
];
const SLICES = 10;
/** Stored first, to see how long the others will take. */
const TRIAL = 2000;
/** Milliseconds between the end of the preparation and the instant, at least. */
const REST = 8000;
const NULL = Buffer.from('null');
const NS = 1e6;

const begins: { id: string; priority: number; at: number }[] = [];
const noop = handler('noop', ({ envelope: { schedule, parameters } }) => {
	begins.push({
		id: schedule?.id ?? '',
		priority: Number(parameters['priority']),
		at: Date.now(),
	});
	return NULL;
});

const engine = await createBenchEngine({ place: job.place, sessions: [noop] });
const { context } = engine;
await context.store.open();
await registerBinding(context, { name: 'bench', binding: { type: 'noop' } });
const rule = { timing: { cron: '0 3 1 1 *' } };
const trial = performance.now();
await storeSchedules(context, { capability: 'bench', count: TRIAL, input: rule });
const each = (performance.now() - trial) / TRIAL;
const second = Math.ceil((Date.now() + each * 2 * job.schedules + REST) / 1000) * 1000;
let stored = 0;
// in slices, the low ones first: the order in which they are stored must not be the order that is wanted
for (let slice = 0; slice < SLICES; slice++) {
	for (const { priority, share } of CLASSES.toReversed()) {
		const count = Math.round((job.schedules * share) / SLICES);
		stored += count;
		await storeSchedules(context, {
			capability: 'bench',
			// the first of each has its own instant, and is never due here
			count: count + 1,
			input: { ...rule, parameters: { priority }, policies: { priority } },
			nextAt: () => second,
		});
	}
}
if (Date.now() > second - 2000) throw new Error('storing the schedules took longer than expected');
await engine.start();
const { items } = await context.store.listSchedules('default', {}, { limit: 200 });
const ready: HourReady = {
	url: engine.url,
	key: engine.firstKey ?? '',
	ids: items.map(({ id }) => id),
	dueAt: second,
};
tell(ready);
await lines.next();
const loop = monitorEventLoopDelay({ resolution: 5 });
loop.enable();
const stopProfile = await startProfile(job.profile);
await settled(context, stored);
const ended = Date.now() - second;
loop.disable();
await stopProfile();
tell(report());
await lines.next();
await engine.stop();
process.exit(0);

function report(): HourReport {
	const late = begins.map(({ at }) => at - second).sort((a, b) => a - b);
	return {
		begun: late.at(-1) ?? 0,
		ended,
		p50: quantile(late, 0.5),
		p99: quantile(late, 0.99),
		loopP99: loop.percentile(99) / NS,
		loopMost: loop.max / NS,
		order: CLASSES.map(({ priority }) => {
			const last = begins.findLastIndex((one) => one.priority === priority);
			return {
				priority,
				share: (last + 1) / begins.length,
				last: (begins[last]?.at ?? 0) - second,
			};
		}),
		wrong: wrongOf(late),
	};
}

function wrongOf(late: readonly number[]): string[] {
	const wrong: string[] = [];
	const different = new Set(begins.map(({ id }) => id)).size;
	if (different !== stored) wrong.push(`${different} schedules fired, expected ${stored}`);
	if (begins.length !== different) wrong.push(`${begins.length - different} fired twice`);
	const early = late.filter((milliseconds) => milliseconds < 0).length;
	if (early > 0) wrong.push(`${early} fired early`);
	return wrong;
}

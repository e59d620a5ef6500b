import { statSync } from 'node:fs';
import { join } from 'node:path';

import type { Engine } from '../../../engine/main.ts';
import type { SqliteStore } from '../../../engine/stores/sqlite/store.ts';
import { createBenchEngine, handler } from '../engine-here.ts';
import { settled } from '../settled.ts';
import { registerBinding, storeSchedules } from '../stored.ts';
import { hear, read, tell } from '../talk.ts';
import { addRuns, registerWork } from '../work.ts';
import type { GrowthJob, GrowthReady, GrowthReport } from './job.ts';

/*
 * One step of the growth: fills up what is missing, closes, and starts again on what is there, so that nothing is in a
 * cache that would not be. Then some fire and some run, and the processor time is divided by them.
 */
const lines = hear();
const job = await read<GrowthJob>(lines);
const ROWS = 50_000;
const HOUR = 3_600_000;
/** Milliseconds from storing to the instant at which the sample is due. */
const AHEAD = 4000;

const fired = new Map<string, number>();
const noop = handler('noop', ({ envelope: { schedule } }) => {
	if (schedule !== undefined) fired.set(schedule.id, (fired.get(schedule.id) ?? 0) + 1);
	return Buffer.from('null');
});
const create = (): Promise<Engine> => createBenchEngine({ place: job.place, sessions: [noop] });

let rows = 0;
const key = await fill(await create());
const engine = await create();
const began = performance.now();
await engine.start();
const started = performance.now() - began;
const ready: GrowthReady = { url: engine.url, key: key ?? engine.firstKey ?? '', started };
tell(ready);
await lines.next();
const { runs } = await engine.context.store.counts();
const before = Object.values(runs).reduce((total, count) => total + count, 0);
const fire = await costOfFires(engine, before);
const run = await costOfRuns(engine, before + job.sample);
const twice = [...fired.values()].filter((count) => count > 1).length;
const { runs: after } = await engine.context.store.counts();
const succeeded = (after.succeeded ?? 0) - (runs.succeeded ?? 0);
const report: GrowthReport = {
	fire,
	run,
	file: ['capscheduler.db', 'capscheduler.db-wal'].reduce(
		(bytes, name) => bytes + statSync(join(job.place, name)).size,
		0,
	),
	wrong: [
		...(fired.size === job.sample ? [] : [`${fired.size} fired, expected ${job.sample}`]),
		...(twice === 0 ? [] : [`${twice} fired twice`]),
		...(succeeded === 2 * job.sample
			? []
			: [`${succeeded} runs succeeded, expected ${2 * job.sample}`]),
		...(rows >= job.ledger ? [] : [`${rows} rows of the ledger, expected ${job.ledger}`]),
	],
};
tell(report);
await engine.stop();
process.exit(0);

/** @returns the first key, when there was none before */
async function fill(filling: Engine): Promise<string | null> {
	const { context } = filling;
	await filling.start();
	await registerBinding(context, { name: 'bench', binding: { type: 'noop' } });
	const { schedules } = await context.store.counts();
	await storeSchedules(context, {
		capability: 'bench',
		count: Math.max(0, job.schedules - (schedules.active ?? 0)),
		input: { timing: { cron: '0 3 1 1 *' } },
	});
	rows = fillLedger(context.store as SqliteStore);
	await filling.stop();
	return filling.firstKey;
}

/**
 * Rows of the past, an hour apart, for each schedule: by SQL, as millions of fires would take an hour.
 * @returns how many there are
 */
function fillLedger({ database }: SqliteStore): number {
	const count = (): number =>
		database.rows<[number]>('SELECT count(*) FROM occurrences').get()?.[0] ?? 0;
	const of = database.rows<[number]>('SELECT count(*) FROM schedules').get()?.[0] ?? 1;
	for (let have = count(); have < job.ledger;) {
		const more = Math.min(ROWS, of, job.ledger - have);
		const at = Date.now() - HOUR * (1 + Math.ceil(have / of));
		database
			.sql(
				`INSERT OR IGNORE INTO occurrences (scheduleId, nominalAt, tenant, outcome, decidedAt, trigger, dueAt)
				SELECT id, ?, tenant, 'skipped_paused', ?, 'schedule', ? FROM schedules ORDER BY id LIMIT ? OFFSET ?`,
			)
			.run(at, at, at, more, have % of);
		const now = count();
		if (now === have) break;
		have = now;
	}
	return count();
}

async function costOfFires({ context }: Engine, endedBefore: number): Promise<number> {
	const at = Date.now() + AHEAD;
	await storeSchedules(context, {
		capability: 'bench',
		count: job.sample + 1, // the first has its own instant
		input: { timing: { cron: '0 3 1 1 *' } },
		nextAt: () => at,
	});
	await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - 50 - Date.now())));
	const cpu = process.cpuUsage();
	await settled(context, endedBefore + job.sample);
	return spent(cpu);
}

async function costOfRuns({ context }: Engine, endedBefore: number): Promise<number> {
	const record = await registerWork(context, { binding: { type: 'noop' } });
	const cpu = process.cpuUsage();
	await addRuns(context, record, job.sample);
	context.wake.poke();
	await settled(context, endedBefore + job.sample);
	return spent(cpu);
}

function spent(since: NodeJS.CpuUsage): number {
	const { user, system } = process.cpuUsage(since);
	return (user + system) / 1000 / job.sample;
}

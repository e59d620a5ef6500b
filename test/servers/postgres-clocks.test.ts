import { fileURLToPath } from 'node:url';

import { expect, it } from '@jest/globals';

import { createClient, listAll, startEngineProcess } from '../support/engine-process.ts';
import { usePostgresBed } from '../support/postgres-bed.ts';
import { newSchema, runSql } from '../support/postgres-store.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const HALF_AN_HOUR = 1_800_000;

const bed = usePostgresBed({ durable: false });

it('three engines whose clocks are half an hour apart, and jump, decide by one: nothing early, missed or doubled', async () => {
	const schema = newSchema();
	const start = async (shift: number): ReturnType<typeof startEngineProcess> =>
		startEngineProcess(
			{
				...bed.settings(schema),
				CAPSCHEDULER_CONCURRENCY: '4',
				CAPSCHEDULER_TEST_CLOCK_SHIFT: String(shift),
			},
			{
				command: [
					process.execPath,
					'--import',
					here('../support/shifted-clock.preload.ts'),
					here('../../engine/cli/main.ts'),
					'start',
					'--json',
				],
			},
		);
	const right = await start(0);
	const client = createClient(right.url, right.firstKey ?? '');
	const engines = [right, await start(HALF_AN_HOUR), await start(-HALF_AN_HOUR)];
	const { items } = await client<{ items: { pid: number; clockAheadMs: number }[] }>(
		'GET',
		'/v1/engines',
	);
	for (const [at, ahead] of [0, -HALF_AN_HOUR, HALF_AN_HOUR].entries()) {
		const said = items.find(({ pid }) => pid === engines[at]?.pid)?.clockAheadMs ?? NaN;
		expect(Math.abs(said - ahead)).toBeLessThan(60_000);
	}

	// Made at the engine that is ahead, and at the one that is behind.
	const [, fast, slow] = engines.map(({ url }) => createClient(url, right.firstKey ?? ''));
	if (fast === undefined || slow === undefined) throw new Error('three engines');
	const jobs = [
		await bed.oracle.schedule(fast, { schedules: 6, limit: 8 }),
		await bed.oracle.schedule(slow, { schedules: 6, limit: 8 }),
	];
	// Each jumps ahead, back and home again while it works: leases hold, and nothing is due for that.
	for (let jump = 0; jump < 6; jump++) {
		await ledgerGrew(schema, 12 * 8);
		for (const { pid } of engines) process.kill(pid, 'SIGUSR2');
	}
	await bed.oracle.untilQuiet(bed.server.port, schema);
	for (const job of jobs) await bed.oracle.check(client, job);

	// By the database's clock, no run began before it was due, and none was taken from a holder that was there.
	const early = await runSql(
		bed.server.port,
		`SELECT o.scheduleId FROM ${schema}.occurrences o WHERE o.decidedAt < o.dueAt`,
	);
	expect(early).toEqual([]);
	const attempts = (await runSql(
		bed.server.port,
		`SELECT outcome, count(*)::int AS n, count(DISTINCT owner)::int AS owners
		FROM ${schema}.run_attempts GROUP BY outcome`,
	)) as { outcome: string; n: number; owners: number }[];
	expect(attempts.map(({ outcome }) => outcome)).toEqual(['succeeded']);
	expect(attempts[0]?.n).toBe((await listAll(client, '/v1/runs')).length);
	expect(attempts[0]?.owners).toBeGreaterThan(1);
	for (const engine of engines) {
		await engine.kill('SIGTERM');
		expect(engine.log()).not.toContain('"level":50');
	}
}, 180_000);

/** Resolves when something more has fired, or all has. */
async function ledgerGrew(schema: string, all: number): Promise<void> {
	const count = async (): Promise<number> => {
		const rows = await runSql(
			bed.server.port,
			`SELECT count(*)::int AS n FROM ${schema}.occurrences`,
		);
		return (rows as { n: number }[])[0]?.n ?? 0;
	};
	const before = await count();
	while (before < all && (await count()) === before)
		await new Promise((resolve) => setTimeout(resolve, 20));
}

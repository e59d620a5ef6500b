import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import {
	createClient,
	killEngines,
	listAll,
	startEngineProcess,
} from '../support/engine-process.ts';
import type { Oracle } from '../support/oracle-run.ts';
import { startOracle } from '../support/oracle-run.ts';
import { newSchema, runSql, urlOf } from '../support/postgres-store.ts';
import type { DatabaseServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const HALF_AN_HOUR = 1_800_000;

let server: DatabaseServer;
let folder: string;
let oracle: Oracle;

beforeAll(async () => {
	server = await startPostgres({ durable: false });
	folder = await mkdtemp(join(tmpdir(), 'cap-pg-clocks-'));
	oracle = await startOracle();
}, 120_000);
afterAll(async () => {
	await killEngines();
	await oracle.close();
	await server.stop();
	await rm(folder, { recursive: true, force: true });
});

it('three engines whose clocks are half an hour apart decide by one: nothing early, missed or doubled', async () => {
	const schema = newSchema();
	const start = async (shift: number): ReturnType<typeof startEngineProcess> =>
		startEngineProcess(
			{
				CAPSCHEDULER_DATA_DIR: folder,
				CAPSCHEDULER_STORE: urlOf(server.port, schema),
				CAPSCHEDULER_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
				CAPSCHEDULER_LEASE: '3s',
				CAPSCHEDULER_SMALLEST_INTERVAL: '1s',
				CAPSCHEDULER_NOTIFY_AFTER: '3s',
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
		await oracle.schedule(fast, { schedules: 6, limit: 5 }),
		await oracle.schedule(slow, { schedules: 6, limit: 5 }),
	];
	await oracle.untilQuiet(server.port, schema);
	for (const job of jobs) await oracle.check(client, job);

	// By the database's clock, no run began before it was due, and none was taken from a holder that was there.
	const early = await runSql(
		server.port,
		`SELECT o.scheduleId FROM ${schema}.occurrences o WHERE o.decidedAt < o.dueAt`,
	);
	expect(early).toEqual([]);
	const attempts = (await runSql(
		server.port,
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

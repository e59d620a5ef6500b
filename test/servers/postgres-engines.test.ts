import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { systemClock } from '../../engine/clock.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { createClient, killEngines, startEngineProcess } from '../support/engine-process.ts';
import type { Oracle } from '../support/oracle-run.ts';
import { startOracle } from '../support/oracle-run.ts';
import { startPostgresProxy } from '../support/postgres-proxy.ts';
import { newSchema, openPostgresStore, runSql, urlOf } from '../support/postgres-store.ts';
import { randomFrom } from '../support/random.ts';
import type { PostgresServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

let server: PostgresServer;
let folder: string;
let oracle: Oracle;

const KEYS = `k1:${Buffer.alloc(32, 7).toString('base64')}`;

beforeAll(async () => {
	server = await startPostgres();
	folder = await mkdtemp(join(tmpdir(), 'cap-pg-engines-'));
	oracle = await startOracle();
});
afterAll(async () => {
	await killEngines();
	await oracle.close();
	await server.stop();
	await rm(folder, { recursive: true, force: true });
});

function settingsOf(schema: string): Record<string, string> {
	return {
		CAPSCHEDULER_DATA_DIR: folder,
		CAPSCHEDULER_STORE: urlOf(server.port, schema),
		CAPSCHEDULER_KEYS: KEYS,
		CAPSCHEDULER_LEASE: '3s',
		CAPSCHEDULER_SMALLEST_INTERVAL: '1s',
		CAPSCHEDULER_NOTIFY_AFTER: '3s',
	};
}

describe('one engine on PostgreSQL', () => {
	it('schedules, runs, delivers, tells, and gives the result by a link', async () => {
		const schema = newSchema();
		const engine = await startEngineProcess(settingsOf(schema));
		const client = createClient(engine.url, engine.firstKey ?? '');
		const job = await oracle.schedule(client, { schedules: 2, limit: 3 });
		await oracle.untilQuiet(server.port, schema);
		await oracle.check(client, job);
		const [runId = ''] = await oracle.runIds(client);
		const link = await client<{ url: string }>('POST', `/v1/runs/${runId}/links`, {});
		const response = await fetch(link.url);
		expect(await response.json()).toEqual([
			{ id: 1, name: 'a' },
			{ id: 2, name: 'b' },
		]);
		await engine.kill('SIGTERM');
		expect(engine.log()).not.toContain('"level":50');
		await expectNothingLeft(schema);
	}, 120_000);
});

describe('three engines on one PostgreSQL', () => {
	it('share the work, and make every occurrence happen once', async () => {
		const schema = newSchema();
		const settings = settingsOf(schema);
		// All at once on a new database: they make the tables, and one key, together.
		const engines = await Promise.all([1, 2, 3].map(async () => startEngineProcess(settings)));
		const keys = engines.flatMap(({ firstKey }) => firstKey ?? []);
		expect(keys).toHaveLength(1);
		const clients = engines.map(({ url }) => createClient(url, keys[0] ?? ''));
		const [client] = clients as [(typeof clients)[0]];
		const job = await oracle.schedule(client, { schedules: 12, limit: 5 });
		await oracle.untilQuiet(server.port, schema);
		for (const each of clients) await oracle.check(each, job);
		const owners = (await runSql(
			server.port,
			`SELECT DISTINCT owner FROM ${schema}.run_attempts`,
		)) as { owner: string }[];
		expect(owners.length).toBeGreaterThan(1);
		await Promise.all(engines.map(async (engine) => engine.kill('SIGTERM')));
		await expectNothingLeft(schema);
	}, 180_000);
});

/** The numbers of a seed, so that a run can be repeated: CAPSCHEDULER_TEST_SEED. */
const SEED = Number(process.env['CAPSCHEDULER_TEST_SEED'] ?? Math.floor(Math.random() * 1e9));
/** How many faults; CAPSCHEDULER_TEST_KILLS sets more for an evening. */
const FAULTS = Number(process.env['CAPSCHEDULER_TEST_KILLS'] ?? 10);

describe(`three engines on one PostgreSQL, and ${FAULTS} faults (seed ${SEED})`, () => {
	it(
		'give every occurrence one outcome, every run one end, and every target a call under one key',
		async () => {
			const random = randomFrom(SEED);
			const schema = newSchema();
			const proxy = await startPostgresProxy(server.port);
			const settings = {
				...settingsOf(schema),
				CAPSCHEDULER_STORE: urlOf(proxy.port, schema),
			};
			const engines: EngineProcess[] = [];
			for (let n = 0; n < 3; n++) engines.push(await startEngineProcess(settings));
			const key = engines.flatMap(({ firstKey }) => firstKey ?? [])[0] ?? '';
			const [first] = engines as [EngineProcess];
			const limit = FAULTS * 3 + 5;
			const job = await oracle.schedule(createClient(first.url, key), { schedules: 6, limit });

			const anyone = (): number => Math.floor(random() * engines.length);
			const faults: (() => Promise<void>)[] = [
				async function killsAnEngine() {
					const at = anyone();
					await engines[at]?.kill();
					engines[at] = await startEngineProcess(settings);
				},
				async function standsStillPastItsLease() {
					const pid = engines[anyone()]?.pid ?? 0;
					process.kill(pid, 'SIGSTOP');
					await pause(4_500);
					process.kill(pid, 'SIGCONT');
				},
				async function losesReplies() {
					await proxy.loseReplies(3);
				},
				async function losesCommits() {
					await proxy.loseCommits(3);
				},
				async function resetsConnections() {
					proxy.reset();
					await pause(300);
					proxy.reset();
				},
				async function killsTheServer() {
					await server.kill();
					await pause(random() * 1_000);
					await server.restart();
				},
				async function standsStill() {
					const goOn = proxy.stall();
					await pause(2_000);
					goOn();
					// What was swallowed never comes.
					proxy.reset();
				},
			];
			for (let n = 0; n < FAULTS; n++) {
				await pause(300 + random() * 700);
				const fault = faults[n % faults.length];
				await fault?.();
			}

			await oracle.untilQuiet(server.port, schema);
			const last = await startEngineProcess(settingsOf(schema));
			await oracle.check(createClient(last.url, key), job);
			await last.kill('SIGTERM');
			await Promise.all(engines.map(async (engine) => engine.kill('SIGTERM')));
			await proxy.close();
			await expectNothingLeft(schema);
			expect(await problemsOf(schema)).toEqual([]);
		},
		FAULTS * 20_000 + 180_000,
	);
});

async function problemsOf(schema: string): Promise<unknown[]> {
	const { store, close } = await openPostgresStore(server.port, systemClock, { schema });
	const findings = await store.doctor(systemClock.now());
	await close();
	return findings.filter(({ severity }) => severity === 'problem');
}

async function pause(milliseconds: number): Promise<void> {
	await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function expectNothingLeft(schema: string): Promise<void> {
	const left = await runSql(
		server.port,
		`SELECT name FROM ${schema}.agenda_jobs WHERE name NOT LIKE 'maintenance.%' OR locked_at IS NOT NULL`,
	);
	expect(left).toEqual([]);
}

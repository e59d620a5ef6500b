import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { createClient, killEngines, startEngineProcess } from '../support/engine-process.ts';
import type { Oracle } from '../support/oracle-run.ts';
import { startOracle } from '../support/oracle-run.ts';
import { newSchema, runSql, urlOf } from '../support/postgres-store.ts';
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

async function expectNothingLeft(schema: string): Promise<void> {
	const left = await runSql(
		server.port,
		`SELECT name FROM ${schema}.agenda_jobs WHERE name NOT LIKE 'maintenance.%' OR locked_at IS NOT NULL`,
	);
	expect(left).toEqual([]);
}

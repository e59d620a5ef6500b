import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { runCli, spawnCli } from '../support/cli.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { createClient, killEngines, startEngineProcess } from '../support/engine-process.ts';
import { newSchema, urlOf } from '../support/postgres-store.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { MongoServer } from './mongo.ts';
import { databaseUrl, startMongo } from './mongo.ts';
import type { PostgresServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

/* The commands that look into a store themselves, each against the real server. */

const keyOf = (fill: number): string => Buffer.alloc(32, fill).toString('base64');
const KEYS = `k1:${keyOf(1)}`;

let postgres: PostgresServer;
let mongo: MongoServer;
let folder: string;

beforeAll(async () => {
	[postgres, mongo] = await Promise.all([startPostgres(), startMongo('wiredtiger')]);
	folder = await mkdtemp(join(tmpdir(), 'cap-store-cli-'));
	await writeFile(join(folder, 'pass'), 'correct horse battery');
}, 300_000);
afterAll(async () => {
	await killEngines();
	await Promise.all([postgres.stop(), mongo.stop()]);
	await rm(folder, { recursive: true, force: true });
});

const settingsOf = (store: string, keys = KEYS): Record<string, string> => ({
	CAPSCHEDULER_DATA_DIR: join(folder, 'scratch'),
	CAPSCHEDULER_STORE: store,
	CAPSCHEDULER_KEYS: keys,
});

const STORES = [
	['PostgreSQL', () => urlOf(postgres.port, newSchema()), 'pg_dump'],
	['MongoDB', () => databaseUrl(mongo), 'mongodump'],
] as const;

describe.each(STORES)('the command line on %s', (name, makeUrl, dump) => {
	it('tells of engines, makes keys, looks for what is wrong, and says how to back up', async () => {
		const settings = settingsOf(makeUrl());
		const engine = await startEngineProcess(settings);
		const api = { ...settings, CAPSCHEDULER_URL: engine.url };
		const key = engine.firstKey ?? '';
		const engines = await runCli(['engines', '--json', '--key', key], api);
		expect(engines.json()).toMatchObject({ items: [{ state: 'running', pid: engine.pid }] });

		const made = await runCli(['keys', 'create', 'rescue', '--local', '--json'], settings);
		const { token } = made.json() as { token: string };
		const { items } = await createClient(engine.url, token)<{ items: unknown[] }>(
			'GET',
			'/v1/keys',
		);
		expect(items).toHaveLength(2);

		const doctor = await runCli(['doctor', '--json'], settings);
		expect(doctor.json()).toMatchObject({ ok: true });
		const backup = await runCli(['backup', join(folder, 'backup')], settings);
		expect(backup.code).toBe(2);
		expect(backup.stderr).toContain(dump);
		expect(backup.stderr).toContain('capscheduler export');
		await engine.kill('SIGTERM');
	}, 120_000);

	it('keeps out an engine with another key, and changes keys while engines run, with nothing unreadable', async () => {
		const url = makeUrl();
		const receiver = await startReceiver();
		let engine = await startEngineProcess(settingsOf(url));
		const key = engine.firstKey ?? '';
		const make = async (at: EngineProcess, destination: string): Promise<string> => {
			const body = {
				name: destination,
				channel: 'webhook',
				settings: { url: receiver.url, secret: `whsec_${keyOf(5)}` },
			};
			const client = createClient(at.url, key);
			return (await client<{ id: string }>('POST', '/v1/destinations', body)).id;
		};
		const destinations = [await make(engine, 'old')];
		const stranger = { ...settingsOf(url, `k2:${keyOf(2)}`), CAPSCHEDULER_PORT: '0' };
		const refused = await spawnCli(['start'], stranger);
		expect(refused.code).toBe(1);
		expect(refused.stderr).toContain('sealed with the key "k1"');

		// What is sealed with the new key could not be read by the engine that runs: nobody may begin to.
		const front = settingsOf(url, `k2:${keyOf(2)},${KEYS}`);
		const early = await spawnCli(['start'], { ...front, CAPSCHEDULER_PORT: '0' });
		expect(early.code).toBe(1);
		expect(early.stderr).toContain('does not have the key "k2"');
		const tooEarly = await runCli(['keys', 'rewrap'], front);
		expect(tooEarly.stderr).toContain('does not have the key "k2"');

		// First all get it, then it seals. Every secret is read by both engines all the while.
		await engine.kill('SIGTERM');
		engine = await startEngineProcess(settingsOf(url, `${KEYS},k2:${keyOf(2)},${KEYS}`));
		const other = await startEngineProcess(front);
		destinations.push(await make(other, 'new'));
		let stop = false;
		const readers = [engine, other].map(async (at) => {
			const client = createClient(at.url, key);
			const failed: unknown[] = [];
			for (let round = 0; !stop || round < 2; round++) {
				for (const destination of destinations) {
					const tested = await client<{ ok: boolean }>(
						'POST',
						`/v1/destinations/${destination}/test`,
						{},
					);
					if (!tested.ok) failed.push(tested);
				}
			}
			return failed;
		});
		const beside = await runCli(['keys', 'rewrap', '--json'], front);
		stop = true;
		expect((await Promise.all(readers)).flat()).toEqual([]);
		expect(beside.json()).toMatchObject({ active: 'k2', forgotten: false });
		expect(beside.json()['rewrapped']).toBeGreaterThan(0);
		expect(receiver.received.length).toBeGreaterThan(8);
		await Promise.all([engine.kill('SIGTERM'), other.kill('SIGTERM'), receiver.close()]);
		const alone = await runCli(['keys', 'rewrap', '--json'], front);
		expect(alone.json()).toMatchObject({ rewrapped: 0, forgotten: true });
	}, 120_000);

	it('exports while nothing runs, and imports into an embedded store and back', async () => {
		const url = makeUrl();
		const engine = await startEngineProcess(settingsOf(url));
		const client = createClient(engine.url, engine.firstKey ?? '');
		await client('PUT', '/v1/capabilities/rows', {
			binding: { type: 'http', url: 'http://127.0.0.1:9/', authorization: 'Bearer x' },
			actions: { read: {} },
		});
		const timing = { every: '1h' };
		await client('POST', '/rows/schedule', { action: 'read', timing });
		await engine.kill('SIGTERM');

		const pass = ['--passphrase-file', join(folder, 'pass'), '--json'];
		const [first, second] = [join(folder, `${name}-1`), join(folder, `${name}-2`)];
		const out = await runCli(['export', first, ...pass], settingsOf(url));
		expect(out).toMatchObject({ code: 0, stderr: '' });
		const embedded = {
			CAPSCHEDULER_DATA_DIR: join(folder, `${name}-data`),
			CAPSCHEDULER_KEYS: `k3:${keyOf(3)}`,
		};
		expect(await runCli(['import', first, ...pass], embedded)).toMatchObject({ code: 0 });
		expect(await runCli(['export', second, ...pass], embedded)).toMatchObject({ code: 0 });
		const back = await runCli(['import', second, ...pass], settingsOf(makeUrl()));
		expect(back).toMatchObject({ code: 0, stderr: '' });
		expect(back.json()).toMatchObject({ sums: { schedules: { records: 1 } }, missing: [] });
	}, 120_000);
});

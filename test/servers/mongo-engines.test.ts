import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';

import type { EngineProcess } from '../support/engine-process.ts';
import {
	createClient,
	EngineDied,
	killEngines,
	startEngineProcess,
} from '../support/engine-process.ts';
import type { Oracle } from '../support/oracle-run.ts';
import { startOracle } from '../support/oracle-run.ts';
import type { MongoServer } from './mongo.ts';
import { databaseUrl, startMongo } from './mongo.ts';

let server: MongoServer;
let folder: string;
let oracle: Oracle;

const KEYS = `k1:${Buffer.alloc(32, 7).toString('base64')}`;
const LEASE = 3_000;
beforeAll(async () => {
	server = await startMongo('memory');
	folder = await mkdtemp(join(tmpdir(), 'cap-mongo-engines-'));
	oracle = await startOracle();
}, 300_000);
afterAll(async () => {
	await killEngines();
	await oracle.close();
	await server.stop();
	await rm(folder, { recursive: true, force: true });
});

/** A database of its own, looked at beside the engines. */
async function newDatabase(): Promise<{
	settings: Record<string, string>;
	open(): Promise<number>;
	owners(): Promise<string[]>;
	left(): Promise<Record<string, number>>;
	close(): Promise<void>;
}> {
	const url = databaseUrl(server);
	const client = await new MongoClient(url).connect();
	const db = client.db();
	const count = async (name: string, filter: object): Promise<number> =>
		db.collection(name).countDocuments(filter);
	return {
		settings: {
			CAPSCHEDULER_DATA_DIR: folder,
			CAPSCHEDULER_STORE: url,
			CAPSCHEDULER_KEYS: KEYS,
			CAPSCHEDULER_LEASE: `${LEASE}ms`,
			CAPSCHEDULER_SMALLEST_INTERVAL: '1s',
			CAPSCHEDULER_NOTIFY_AFTER: '3s',
		},
		async open() {
			const states = { $in: ['pending', 'sending', 'failed'] };
			return (
				(await count('schedules', { state: { $ne: 'completed' } })) +
				(await count('runs', { open: true })) +
				(await count('deliveries', { state: states })) +
				(await count('notifications', { state: states })) +
				// what a crash left to be carried out
				(await count('schedules', { 'outbox.0': { $exists: true } })) +
				(await count('runs', { 'outbox.0': { $exists: true } }))
			);
		},
		async owners() {
			const runs = await db.collection('runs').find({}).toArray();
			const texts = runs.flatMap((run) => run['attempts'] as { text: string }[]);
			return [...new Set(texts.map(({ text }) => (JSON.parse(text) as { owner: string }).owner))];
		},
		async left() {
			return {
				timers: await count('agendaJobs', { name: { $not: /^maintenance\./ } }),
				holders: await count('gates', { 'holders.0': { $exists: true } }),
				heads: await count('runs', { blocked: true }),
			};
		},
		async close() {
			await db.dropDatabase();
			await client.close();
		},
	};
}

const NOTHING = { timers: 0, holders: 0, heads: 0 };

describe('one engine on MongoDB', () => {
	it('schedules, runs, delivers, tells, and gives the result by a link', async () => {
		const database = await newDatabase();
		const engine = await started(database.settings);
		const client = createClient(engine.url, engine.firstKey ?? '');
		const job = await oracle.schedule(client, { schedules: 2, limit: 3 });
		await oracle.untilNoneIsOpen(async () => database.open());
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
		expect(await database.left()).toEqual(NOTHING);
		await database.close();
	}, 120_000);
});

describe('three engines on one MongoDB', () => {
	it('share the work, and make every occurrence happen once', async () => {
		const database = await newDatabase();
		// All at once on a new database: they make the indexes, and one key, together.
		const engines = await Promise.all([1, 2, 3].map(async () => started(database.settings)));
		const keys = engines.flatMap(({ firstKey }) => firstKey ?? []);
		expect(keys).toHaveLength(1);
		const clients = engines.map(({ url }) => createClient(url, keys[0] ?? ''));
		const [client] = clients as [(typeof clients)[0]];
		const job = await oracle.schedule(client, { schedules: 12, limit: 5 });
		await oracle.untilNoneIsOpen(async () => database.open());
		for (const each of clients) await oracle.check(each, job);
		expect((await database.owners()).length).toBeGreaterThan(1);
		await Promise.all(engines.map(async (engine) => engine.kill('SIGTERM')));
		expect(await database.left()).toEqual(NOTHING);
		await database.close();
	}, 180_000);
});

/** One that is not up in time is ended, as if it were killed once more; a busy machine may be that slow. */
async function started(settings: Record<string, string>): Promise<EngineProcess> {
	for (let tries = 0; ; tries++) {
		try {
			return await startEngineProcess(settings);
		} catch (error) {
			if (!(error instanceof EngineDied) || tries === 3) throw error;
		}
	}
}

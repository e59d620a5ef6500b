import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { EngineProcess } from '../support/engine-process.ts';
import { createClient, killEngines, startEngineProcess } from '../support/engine-process.ts';
import { newEnginesDatabase, NOTHING } from '../support/mongo-engines.ts';
import { startMongoProxy } from '../support/mongo-proxy.ts';
import type { Oracle } from '../support/oracle-run.ts';
import { startOracle } from '../support/oracle-run.ts';
import { expectOneHistory, startClients } from '../support/history-clients.ts';
import { randomFrom } from '../support/random.ts';
import { shake } from '../support/shared-engines.ts';
import type { DurableMongoServer } from './mongo.ts';
import { startDurableMongo } from './mongo.ts';

let server: DurableMongoServer;
let folder: string;
let oracle: Oracle;

beforeAll(async () => {
	server = await startDurableMongo({ sync: true });
	folder = await mkdtemp(join(tmpdir(), 'cap-mongo-engines-'));
	oracle = await startOracle();
}, 300_000);
afterAll(async () => {
	await killEngines();
	await oracle.close();
	await server.stop();
	await rm(folder, { recursive: true, force: true });
});

describe('one engine on MongoDB', () => {
	it('schedules, runs, delivers, tells, and gives the result by a link', async () => {
		const database = await newEnginesDatabase(server, folder);
		const engine = await startEngineProcess(database.settings);
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
		expect(await database.left()).toEqual(NOTHING);
		await engine.kill('SIGTERM');
		expect(engine.log()).not.toContain('"level":50');
		await database.close();
	}, 240_000);
});

describe('three engines on one MongoDB', () => {
	it('share the work, and make every occurrence happen once', async () => {
		const database = await newEnginesDatabase(server, folder);
		// All at once on a new database: they make the indexes, and one key, together.
		const engines = await Promise.all(
			[1, 2, 3].map(async () => startEngineProcess(database.settings)),
		);
		const keys = engines.flatMap(({ firstKey }) => firstKey ?? []);
		expect(keys).toHaveLength(1);
		const clients = engines.map(({ url }) => createClient(url, keys[0] ?? ''));
		const [client] = clients as [(typeof clients)[0]];
		const job = await oracle.schedule(client, { schedules: 6, limit: 4 });
		await oracle.untilNoneIsOpen(async () => database.open());
		for (const each of clients) await oracle.check(each, job);
		expect((await database.owners()).length).toBeGreaterThan(1);
		expect(await database.left()).toEqual(NOTHING);
		await Promise.all(engines.map(async (engine) => engine.kill('SIGTERM')));
		await database.close();
	}, 300_000);
});

/** The numbers of a seed, so that a run can be repeated: CAPSCHEDULER_TEST_SEED. */
const SEED = Number(process.env['CAPSCHEDULER_TEST_SEED'] ?? Math.floor(Math.random() * 1e9));
/** How many faults; CAPSCHEDULER_TEST_KILLS sets more for an evening. */
const FAULTS = Number(process.env['CAPSCHEDULER_TEST_KILLS'] ?? 7);

describe(`three engines on one MongoDB, and ${FAULTS} faults (seed ${SEED})`, () => {
	it(
		'give every occurrence one outcome, every run one end, every target a call under one key, and clients one history',
		async () => {
			const random = randomFrom(SEED);
			const database = await newEnginesDatabase(server, folder);
			const proxy = await startMongoProxy(server.port);
			const behindProxy = database.url.replace(`:${server.port}`, `:${proxy.port}`);
			const settings = {
				...database.settings,
				// A replica set would tell its members' own addresses, past the proxy.
				CAPSCHEDULER_STORE: `${behindProxy}?directConnection=true`,
			};
			const engines: EngineProcess[] = [];
			for (let n = 0; n < 3; n++) engines.push(await startEngineProcess(settings));
			const key = engines.flatMap(({ firstKey }) => firstKey ?? [])[0] ?? '';
			const [first] = engines as [EngineProcess];
			const limit = FAULTS * 3 + 5;
			const job = await oracle.schedule(createClient(first.url, key), { schedules: 3, limit });

			// Clients beside it, whose schedules never fire: what they write and read is held against docs/clusters.md.
			const urls = (): string[] => engines.map(({ url }) => url);
			const clients = await startClients({ urls, key, seed: SEED, clients: 4 });

			await shake({ engines, settings, proxy, server, random }, FAULTS);

			expectOneHistory(await clients.stop());
			await oracle.untilNoneIsOpen(async () => database.open());
			const last = await startEngineProcess(database.settings);
			await oracle.check(createClient(last.url, key), job);
			expect(await database.left()).toEqual(NOTHING);
			await last.kill('SIGTERM');
			await Promise.all(engines.map(async (engine) => engine.kill('SIGTERM')));
			await proxy.close();
			expect(await database.problems()).toEqual([]);
			await database.close();
		},
		FAULTS * 30_000 + 300_000,
	);
});

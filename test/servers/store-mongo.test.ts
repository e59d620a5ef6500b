import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe } from '@jest/globals';

import { noFaults } from '../../engine/faults.ts';
import { createMongoStore } from '../../engine/stores/mongo/store.ts';
import { exerciseStore } from '../conformance/store.ts';
import type { MongoServer } from './mongo.ts';
import { databaseUrl, MONGO_KINDS, startMongo } from './mongo.ts';

describe.each(MONGO_KINDS)('the MongoDB store (%s)', (kind) => {
	let server: MongoServer;
	beforeAll(async () => {
		server = await startMongo(kind);
	}, 300_000);
	afterAll(async () => server.stop());

	exerciseStore(async (clock) => {
		const folder = await mkdtemp(join(tmpdir(), 'capscheduler-store-'));
		const url = databaseUrl(server);
		const store = createMongoStore({ url, folder, clock, faults: noFaults });
		await store.open();
		return {
			store,
			async loseTimers() {
				await store.database.timers().deleteMany({});
			},
			async close() {
				await store.database.db().dropDatabase();
				await store.close();
				await rm(folder, { recursive: true });
			},
		};
	});
});

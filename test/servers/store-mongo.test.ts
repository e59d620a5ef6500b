import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Db, Document } from 'mongodb';
import { MongoClient } from 'mongodb';

import { noFaults } from '../../engine/faults.ts';
import { createMongoStore } from '../../engine/stores/mongo/store.ts';
import type { Store } from '../../engine/stores/store.port.ts';
import { exerciseStore } from '../conformance/store.ts';
import type { Spoilt } from '../conformance/store-repair.ts';
import { testClock } from '../support/store-records.ts';
import type { Query } from '../support/mongo-queries.ts';
import { createRecorder, planOf, servedBy } from '../support/mongo-queries.ts';
import type { MongoServer } from './mongo.ts';
import { databaseUrl, MONGO_KINDS, startMongo } from './mongo.ts';

/** Collections of which every document is looked at, and why that is no harm. */
const WHOLE = new Set([
	'keys', // whether there is any, at the start
	'gates', // one for each concurrency key that is held now
	'calendars', // whether any was changed; there are few
]);

const SPOILS: Record<Spoilt, (db: Db) => Promise<unknown>> = {
	schedules_paused: async (db) =>
		db.collection('schedules').updateMany({}, { $set: { state: 'paused' } }),
	runs_gone: async (db) => db.collection('runs').deleteMany({}),
	leases_endless: async (db) =>
		db.collection('runs').updateMany({}, { $set: { leaseUntil: null }, $unset: { look: '' } }),
	deadlines_gone: async (db) =>
		db.collection('runs').updateMany({}, { $set: { deadlineAt: null }, $unset: { look: '' } }),
	sums_wrong: async (db) =>
		db.collection('gates').updateMany({}, { $push: { holders: 'run_gone#1' } as never }),
};

const REAL = (process.env['CAPSCHEDULER_TEST_MONGO_URL'] ?? '') !== '';

describe.each(MONGO_KINDS)('the MongoDB store (%s)', (kind) => {
	const recorder = createRecorder();
	let server: MongoServer;
	beforeAll(async () => {
		server = await startMongo(kind);
	}, 300_000);
	afterAll(async () => server.stop());

	exerciseStore(async (clock) => {
		const folder = await mkdtemp(join(tmpdir(), 'capscheduler-store-'));
		const url = withMonitoring(databaseUrl(server));
		const store = createMongoStore({ url, folder, clock, faults: noFaults });
		recorder.listen(store.database.handle().client);
		await store.open();
		const { doctor, repair, archive } = store;
		// these look at everything, and are for an engine that is not busy
		const unheard: Pick<Store, 'doctor' | 'repair' | 'archive'> = {
			doctor: async (now) => recorder.pause(async () => doctor(now)),
			repair: async (now, beside) => recorder.pause(async () => repair(now, beside)),
			archive: {
				...archive,
				rebuild: async () => recorder.pause(async () => archive.rebuild()),
			},
		};
		const others: Store[] = [];
		return {
			store: { ...store, ...unheard },
			async another() {
				const other = createMongoStore({ url, folder, clock, faults: noFaults });
				await other.open();
				others.push(other);
				return other;
			},
			async loseTimers() {
				await recorder.pause(async () => store.database.timers().deleteMany({}));
			},
			async spoil(what) {
				await recorder.pause(async () => SPOILS[what](store.database.db()));
			},
			async close() {
				await Promise.all(others.map(async (other) => other.close()));
				await store.database.db().dropDatabase();
				await store.close();
				await rm(folder, { recursive: true });
			},
		};
	});

	it('declares an index for each query that was made up to here', () => {
		const queries = recorder.queries();
		// as good as nothing would be checked if the driver told of nothing
		expect(queries.length).toBeGreaterThan(100);
		const unserved = queries.filter((query) => !isMeant(query) && servedBy(query) === null);
		expect(unserved).toEqual([]);
	});

	// SecantusDB explains, but takes an index only for the plainest of filters.
	if (!REAL) return;
	it('is read by those indexes, as the server explains', async () => {
		const folder = await mkdtemp(join(tmpdir(), 'capscheduler-store-'));
		const url = databaseUrl(server);
		const store = createMongoStore({ url, folder, clock: testClock(), faults: noFaults });
		await store.open();
		const client = await new MongoClient(url).connect();
		const whole: unknown[] = [];
		for (const query of recorder.queries()) {
			const index = servedBy(query);
			if (index === null || query.distinct !== undefined || isMeant(query)) continue;
			const stages = await planOf(client, client.db().databaseName, query);
			if (stages.length === 0 || stages.includes('COLLSCAN')) whole.push({ ...query, stages });
		}
		await client.db().dropDatabase();
		await client.close();
		await store.close();
		await rm(folder, { recursive: true });
		expect(whole).toEqual([]);
	});
});

function isMeant({ on, filter }: Query): boolean {
	const ofOneEngine = (filter['$or'] as Document[] | undefined)?.some(({ owner }) => owner);
	// GridFS has indexes of its own; leases of all others are asked for only where one engine has a store to itself
	return WHOLE.has(on) || on.startsWith('files.') || ofOneEngine === true;
}

function withMonitoring(url: string): string {
	return `${url}${url.includes('?') ? '&' : '?'}monitorCommands=true`;
}

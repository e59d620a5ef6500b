import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { noFaults } from '../../engine/faults.ts';
import type { MongoStore } from '../../engine/stores/mongo/store.ts';
import { createMongoStore } from '../../engine/stores/mongo/store.ts';
import { capabilityOf, destinationOf, keyOf, onceOf } from '../conformance/store-access.ts';
import { oneClaimed } from '../conformance/store-runs.ts';
import { created } from '../conformance/store-schedules.ts';
import type { Bench } from '../conformance/store.ts';
import { createRecords, T0, TENANT, testClock } from '../support/store-records.ts';
import type { MongoServer } from './mongo.ts';
import { databaseUrl, startMongo } from './mongo.ts';

let server: MongoServer;
let folder: string;
let store: MongoStore;
let bench: Bench;

beforeAll(async () => {
	server = await startMongo('memory');
	folder = await mkdtemp(join(tmpdir(), 'cap-mongo-operators-'));
	const clock = testClock();
	store = createMongoStore({ url: databaseUrl(server), folder, clock, faults: noFaults });
	await store.open();
	bench = { store, clock, records: createRecords(clock) };
}, 300_000);
afterAll(async () => {
	await store.database.db().dropDatabase();
	await store.close();
	await server.stop();
	await rm(folder, { recursive: true, force: true });
});

/** What a body could bring where a text belongs, if a check before the store were missing. */
const OPERATORS = [{ $ne: null }, { $gt: '' }, { $regex: '.*' }, { $where: 'true' }] as unknown[];

describe('an operator where a text belongs', () => {
	it('finds nothing and changes nothing, wherever it comes in', async () => {
		const key = keyOf(bench);
		await store.putKey(key, [], onceOf());
		await store.putCapability(capabilityOf(), { events: [] });
		await store.createDestination(destinationOf(bench), []);
		const schedule = await created(bench);
		const run = await oneClaimed(bench, { scheduleId: schedule.id });
		const page = { limit: 10 };
		for (const operator of OPERATORS) {
			const x = operator as never;
			const looks: (() => Promise<unknown>)[] = [
				async () => store.getKey(x),
				async () => store.listKeys(x),
				async () => store.findIdempotent(x, 'k1', T0),
				async () => store.findIdempotent(TENANT, x, T0),
				async () => store.getCapability(TENANT, x),
				async () => store.getCapability(x, 'reports'),
				async () => (await store.listCapabilities(x, page)).items,
				async () => store.getDestination(TENANT, x),
				async () => store.getDestination(x, 'sftp'),
				async () => (await store.listDestinations(x, page)).items,
				async () => store.destinationUsers(TENANT, x),
				async () => store.getSchedule(TENANT, x),
				async () => store.getSchedule(x, schedule.id),
				async () => (await store.listSchedules(x, {}, page)).items,
				async () => (await store.listSchedules(TENANT, { name: x }, page)).items,
				async () => (await store.listSchedules(TENANT, { state: x }, page)).items,
				async () => (await store.listSchedules(TENANT, { capability: x }, page)).items,
				async () =>
					(await store.listSchedules(TENANT, { label: { key: x, value: x } }, page)).items,
				async () => (await store.listOccurrences(TENANT, x, {}, page)).items,
				async () => store.getRun(TENANT, x),
				async () => store.getRun(x, run.id),
				async () => store.getRunById(x),
				async () => store.getRunDetails(TENANT, x),
				async () => (await store.listRuns(x, {}, page)).items,
				async () => (await store.listRuns(TENANT, { state: x }, page)).items,
				async () => (await store.listRuns(TENANT, { scheduleId: x }, page)).items,
				async () => (await store.listRuns(TENANT, { backfillId: x }, page)).items,
				async () => store.activeRunsOf(TENANT, x),
				async () => store.getResult(TENANT, x),
				async () => store.findLink(x),
				async () => store.getDelivery(TENANT, x),
				async () => (await store.listDeliveries(TENANT, { runId: x }, page)).items,
				async () => store.deliveriesOfRun(TENANT, x),
				async () => store.getBackfill(TENANT, x),
				async () => store.getCalendar(TENANT, x),
				async () => [...(await store.getCalendars(TENANT, [x]))],
				async () => store.readEvents(x, null, 10),
				async () => store.getShared(TENANT, x),
			];
			for (const look of looks) {
				const found = await look().catch(() => null);
				expect([look.toString(), found ?? []]).toEqual([look.toString(), []]);
			}
			await store.revokeKey(TENANT, x, T0, []).catch(() => null);
			await store.revokeLink(TENANT, x, T0, []).catch(() => null);
			await store.deleteCapability(TENANT, x, { events: [] }).catch(() => null);
			await store.deleteDestination(TENANT, x, { events: [] }).catch(() => null);
		}
		expect(await store.getKey(key.id)).toEqual(key);
		expect(await store.getCapability(TENANT, 'reports')).not.toBeNull();
		expect((await store.listDestinations(TENANT, page)).items).toHaveLength(1);
	});
});

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { testClock, claimEvents, createRecords, event } from '../support/store-records.ts';
import { AT, fillSchema, ROWS, wholeReads } from '../support/postgres-rows.ts';
import { newSchema, openPostgresStore } from '../support/postgres-store.ts';
import type { Store } from '../../engine/stores/store.port.ts';
import type { PostgresServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

let server: PostgresServer;
const schema = newSchema();
const clock = testClock(AT + 100);

beforeAll(async () => {
	server = await startPostgres({ durable: false });
	const { close } = await openPostgresStore(server.port, clock, { schema });
	await fillSchema(server.port, schema);
	await close();
}, 180_000);
afterAll(async () => {
	await server.stop();
});

const DAY = 86_400_000;
const page = { limit: 20 };
const claim = { now: AT + 50, limit: 5, owner: 'eng_x' as const, leaseUntil: AT + 1000 };

/** Every look that is made again and again, whatever it finds. */
const LOOKS: Record<string, (store: Store) => Promise<unknown>> = {
	getKey: (store) => store.getKey('key_00000001'),
	listKeys: (store) => store.listKeys('none'),
	findIdempotent: (store) => store.findIdempotent('t0', 'k5', AT),
	getCapability: (store) => store.getCapability('t0', 'cap1'),
	getDestination: (store) => store.getDestination('t0', 'd10'),
	listDestinations: (store) => store.listDestinations('t0', page),
	destinationUsers: (store) => store.destinationUsers('t0', 'dst_00000010'),
	disabledTarget: (store) => store.disabledTarget('t0', 'sch_00000001', '0'),
	getSchedule: (store) => store.getSchedule('t1', 'sch_00000001'),
	listSchedules: (store) => store.listSchedules('t0', {}, page),
	'listSchedules by state': (store) => store.listSchedules('t0', { state: 'paused' }, page),
	'listSchedules by capability': (store) => store.listSchedules('t0', { capability: 'cap0' }, page),
	'listSchedules by name': (store) => store.listSchedules('t0', { name: 'name10' }, page),
	'listSchedules by label': (store) =>
		store.listSchedules('t0', { label: { key: 'team', value: 'v10' } }, page),
	listOccurrences: (store) => store.listOccurrences('t0', 'sch_00000001', {}, page),
	getSpecs: (store) => store.getSpecs(['spec_00000001']),
	claimRuns: (store) => store.claimRuns(claim, claimEvents),
	renewLeases: (store) => store.renewLeases('run', [{ id: 'run_00000050', epoch: 1 }], AT + 2000),
	listExpiredRuns: (store) => store.listExpiredRuns(AT, 20),
	listDueRuns: (store) => store.listDueRuns(AT, 20),
	listSlaDue: (store) => store.listSlaDue(AT, 20),
	getRun: (store) => store.getRun('t1', 'run_00000001'),
	getRunDetails: (store) => store.getRunDetails('t1', 'run_00000001'),
	listRuns: (store) => store.listRuns('t0', {}, page),
	'listRuns by state': (store) => store.listRuns('t1', { state: 'failed' }, page),
	'listRuns that are queued': (store) => store.listRuns('t0', { state: 'queued' }, page),
	'listRuns by schedule': (store) => store.listRuns('t1', { scheduleId: 'sch_00000001' }, page),
	'listRuns by capability': (store) => store.listRuns('t1', { capability: 'cap1' }, page),
	'listRuns by backfill': (store) => store.listRuns('t1', { backfillId: 'bkf_7' }, page),
	activeRunsOf: (store) => store.activeRunsOf('t0', 'sch_00000050'),
	getResult: (store) => store.getResult('t0', 'res_00000001'),
	getArtifact: (store) => store.getArtifact('t0', 'res_00000001', 'csv'),
	lastDeliveredResult: (store) => store.lastDeliveredResult('t0', 'sch_00000001', '0'),
	findLink: (store) => store.findLink('lnk_00000001'),
	useLink: (store) => store.useLink('lnk_00000001', 'h', AT),
	listUnusedLinks: (store) => store.listUnusedLinks(AT, AT + 100, 20),
	claimDeliveries: (store) => store.claimDeliveries(claim, claimEvents),
	listExpiredDeliveries: (store) => store.listExpiredDeliveries(AT, 20),
	getDelivery: (store) => store.getDelivery('t1', 'dlv_00000001'),
	listDeliveries: (store) => store.listDeliveries('t0', {}, page),
	'listDeliveries by state': (store) => store.listDeliveries('t3', { state: 'dead' }, page),
	'listDeliveries by run': (store) => store.listDeliveries('t0', { runId: 'run_00000010' }, page),
	'listDeliveries by schedule': (store) =>
		store.listDeliveries('t0', { scheduleId: 'sch_00000010' }, page),
	claimNotifications: (store) => store.claimNotifications(claim, claimEvents),
	listExpiredNotifications: (store) => store.listExpiredNotifications(AT, 20),
	releaseNotifications: (store) => store.releaseNotifications('t0', 'run_00000001', AT),
	readEvents: (store) => store.readEvents('t0', null, 20),
	lastEventId: (store) => store.lastEventId('t0'),
	nextTimerAt: (store) => store.nextTimerAt(),
	occur: (store) =>
		store.occur(AT + 5, 5, () => {
			throw new Error('nothing is decided here');
		}),
	retime: (store) =>
		store.retime({ limit: 5, zoneData: '2026a' }, () => {
			throw new Error('nothing is behind');
		}),
	getCalendar: (store) => store.getCalendar('t0', 'c10'),
	getCalendars: (store) => store.getCalendars('t0', ['cal_00000010']),
	getCalendarAt: (store) => store.getCalendarAt('t0', 'cal_00000010', AT),
	listCalendars: (store) => store.listCalendars('t0', page),
	listBackfills: (store) => store.listBackfills('t0', 'sch_00000001', page),
	cancellingBackfills: (store) => store.cancellingBackfills(20),
	openRunsOfBackfill: (store) =>
		store.openRunsOfBackfill('t0', 'bkf_7', { states: ['queued'], limit: 5 }),
	instantsThatRan: (store) => store.instantsThatRan('t0', 'sch_00000001', { from: 0, to: 500 }),
	getShared: (store) => store.getShared('t0', 'circuit:1'),
	listSharedDue: (store) => store.listSharedDue('circuit', AT + 5, 20),
	listShared: (store) => store.listShared('t0', 'circuit:1', 20),
	prune: (store) =>
		store.prune(AT + 100, { runs: DAY, results: DAY, ledger: DAY, events: DAY }, 100),
	putKey: async (store) => {
		const id = createRecords(clock).newId('key');
		const key = { id, tenant: 't0', name: 'k', hash: 'h', scopes: [], createdAt: 1 };
		await store.putKey(key, [event('key.created', { keyId: id })]);
	},
};

it(`reads no table of ${ROWS} rows from end to end, whatever is looked for`, async () => {
	// What the connections before this have read is counted by then.
	await (await openPostgresStore(server.port, clock, { schema })).close();
	const whole: string[] = [];
	for (const [name, look] of Object.entries(LOOKS)) {
		// What a connection has read is counted when it ends.
		const before = await wholeReads(server.port, schema);
		const { store, close } = await openPostgresStore(server.port, clock, { schema });
		await look(store);
		await close();
		const after = await wholeReads(server.port, schema);
		for (const [table, reads] of after) {
			if (reads > (before.get(table) ?? 0)) whole.push(`${name} reads all of ${table}`);
		}
	}
	expect(whole).toEqual([]);
}, 300_000);

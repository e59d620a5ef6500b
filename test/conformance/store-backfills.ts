import { expect, it } from '@jest/globals';

import type { Backfill } from '../../engine/contract/backfill.ts';
import type { Run } from '../../engine/contract/run.ts';
import type { LedgerRow, Schedule } from '../../engine/contract/schedule.ts';
import { event, T0, TENANT } from '../support/store-records.ts';
import { onceOf, withCursor } from './store-access.ts';
import { changeOf, created } from './store-schedules.ts';
import type { Bench } from './store.ts';

const HOUR = 3_600_000;

function backfillOf(bench: Bench, schedule: Schedule, changes: Partial<Backfill> = {}): Backfill {
	return {
		id: bench.records.newId('backfill'),
		tenant: schedule.tenant,
		scheduleId: schedule.id,
		capability: schedule.capability,
		state: 'running',
		fromAt: T0 - 3 * HOUR,
		toAt: T0 - HOUR,
		concurrency: 1,
		ordering: 'oldest_first',
		which: 'not_fired',
		total: 0,
		counts: null,
		createdBy: 'key_one',
		createdAt: T0,
		endedAt: null,
		...changes,
	};
}

/** A backfill of so many hours before T0. */
async function filled(
	bench: Bench,
	schedule: Schedule,
	total: number,
): Promise<{ backfill: Backfill; runs: Run[] }> {
	const { store, records } = bench;
	const backfill = backfillOf(bench, schedule, { total });
	const runs = Array.from({ length: total }, (_, n) =>
		records.run({
			scheduleId: schedule.id,
			backfillId: backfill.id,
			trigger: 'backfill',
			nominalAt: T0 - (total - n) * HOUR,
		}),
	);
	await store.createBackfill({
		backfill,
		spec: records.spec(),
		runs,
		events: [event('backfill.created', { backfillId: backfill.id })],
	});
	return { backfill, runs };
}

export function exerciseBackfills(bench: Bench): void {
	const end = async (run: Run | undefined, state: Run['state'] = 'failed'): Promise<void> => {
		if (run === undefined) throw new Error('no run to end');
		const { store, records, clock } = bench;
		const set = { state, owner: null, leaseUntil: null, endedAt: clock.at };
		await store.settleRuns([records.change(run, state, { epoch: null, set })]);
	};
	const endings = async (): Promise<string[]> =>
		(await bench.store.readEvents(TENANT, null, 100))
			.map(({ type }) => type)
			.filter((type) => type === 'backfill.completed' || type === 'backfill.cancelled');

	it('makes a backfill and its runs in one write, once under one key', async () => {
		const { store, records } = bench;
		const schedule = await created(bench);
		const { backfill, runs } = await filled(bench, schedule, 2);
		expect(await store.getBackfill(TENANT, backfill.id)).toEqual({
			...backfill,
			counts: { queued: 2 },
		});
		const found = await store.listRuns(TENANT, { backfillId: backfill.id }, { limit: 9 });
		expect(found.items.map(({ id }) => id).sort()).toEqual(runs.map(({ id }) => id).sort());
		expect(await store.getBackfill('elsewhere', backfill.id)).toBeNull();
		const twice = [1, 2].map(() =>
			store.createBackfill(
				{ backfill: backfillOf(bench, schedule), spec: null, runs: [records.run()], events: [] },
				onceOf(),
			),
		);
		const made = await Promise.all(twice);
		expect(made.filter((one) => one !== 'not_found' && one.replayed)).toHaveLength(1);
		expect((await store.listBackfills(TENANT, schedule.id, { limit: 9 })).items).toHaveLength(2);
	});

	it('makes none of a schedule that is not there, or deleted', async () => {
		const { store, records } = bench;
		const schedule = await created(bench);
		const make = (of: Schedule) => {
			const run = records.run({ scheduleId: of.id });
			const backfill = backfillOf(bench, of);
			return store.createBackfill({ backfill, spec: null, runs: [run], events: [] });
		};
		expect(await make({ ...schedule, tenant: 'elsewhere' })).toBe('not_found');
		await store.changeSchedule(changeOf(schedule, { set: { state: 'deleted' } }));
		expect(await make(schedule)).toBe('not_found');
		expect((await store.listRuns(TENANT, {}, { limit: 9 })).items).toEqual([]);
	});

	it('is over with the last of its runs, however they end, and says so once', async () => {
		const { store, clock } = bench;
		const { backfill, runs } = await filled(bench, await created(bench), 3);
		clock.at = T0 + 5;
		await end(runs[0]);
		await end(runs[1], 'cancelled');
		expect(await store.getBackfill(TENANT, backfill.id)).toMatchObject({
			state: 'running',
			counts: { queued: 1, failed: 1, cancelled: 1 },
			endedAt: null,
		});
		clock.at = T0 + 6;
		await end(runs[2], 'expired');
		await end(runs[2]);
		expect(await store.getBackfill(TENANT, backfill.id)).toMatchObject({
			state: 'completed',
			counts: { failed: 1, cancelled: 1, expired: 1 },
			endedAt: T0 + 6,
		});
		expect(await endings()).toEqual(['backfill.completed']);
	});

	it('is over at once when it has no runs', async () => {
		const { backfill } = await filled(bench, await created(bench), 0);
		expect(await bench.store.getBackfill(TENANT, backfill.id)).toMatchObject({
			state: 'completed',
			counts: {},
			endedAt: T0,
		});
		expect(await endings()).toEqual(['backfill.completed']);
	});

	it('is cancelled as soon as no run of it is left, and found until then', async () => {
		const { store } = bench;
		const { backfill, runs } = await filled(bench, await created(bench), 3);
		const { id } = backfill;
		const cancel = () => store.cancelBackfill({ tenant: TENANT, id, at: T0 + 1 });
		expect(await store.cancelBackfill({ tenant: 'elsewhere', id, at: T0 })).toBeNull();
		expect(await store.cancellingBackfills(9)).toEqual([]);
		expect(await cancel()).toMatchObject({ state: 'cancelling', endedAt: null });
		expect(await cancel()).toMatchObject({ state: 'cancelling' });
		expect((await store.cancellingBackfills(9)).map((found) => found.id)).toEqual([id]);
		// The last made first: those that run are at the other end.
		const open = await store.openRunsOfBackfill(TENANT, id, { states: ['queued'], limit: 2 });
		expect(open.map((run) => run.id)).toEqual([runs[2]?.id, runs[1]?.id]);
		expect(await store.openRunsOfBackfill(TENANT, id, { states: ['running'], limit: 2 })).toEqual(
			[],
		);
		for (const run of runs) await end(run, 'cancelled');
		expect(await store.getBackfill(TENANT, id)).toMatchObject({
			state: 'cancelled',
			counts: { cancelled: 3 },
		});
		expect(await store.cancellingBackfills(9)).toEqual([]);
		expect(await endings()).toEqual(['backfill.cancelled']);
	});

	it('is cancelled with its schedule', async () => {
		const { store, records } = bench;
		const schedule = await created(bench);
		const { backfill, runs } = await filled(bench, schedule, 2);
		await end(runs[0]);
		const cancelled = { state: 'cancelled', endedAt: T0 } as const;
		await store.changeSchedule(
			changeOf(schedule, {
				set: { state: 'deleted' },
				settle: runs
					.slice(1)
					.map((run) => records.change(run, 'cancelled', { epoch: null, set: cancelled })),
			}),
		);
		expect(await store.getBackfill(TENANT, backfill.id)).toMatchObject({
			state: 'cancelled',
			counts: { failed: 1, cancelled: 1 },
		});
	});

	it('lists those of one schedule, the newest first, page by page', async () => {
		const { store, clock } = bench;
		const schedule = await created(bench);
		const { backfill: old } = await filled(bench, schedule, 1);
		clock.at++;
		const { backfill: young } = await filled(bench, schedule, 1);
		await filled(bench, await created(bench), 1);
		const first = await store.listBackfills(TENANT, schedule.id, { limit: 1 });
		const cursor = withCursor(first.nextCursor ?? undefined);
		const rest = await store.listBackfills(TENANT, schedule.id, { limit: 9, ...cursor });
		expect([...first.items, ...rest.items].map(({ id }) => id)).toEqual([young.id, old.id]);
		expect(rest.nextCursor).toBeNull();
	});

	it('knows which instants ran: by an occurrence, wherever it was moved, or by a backfill', async () => {
		const { store } = bench;
		const schedule = await created(bench);
		const row = (hour: number, changes: Partial<LedgerRow> = {}): LedgerRow => ({
			tenant: TENANT,
			scheduleId: schedule.id,
			nominalAt: T0 + hour * HOUR,
			dueAt: T0 + hour * HOUR,
			outcome: 'fired',
			decidedAt: T0,
			trigger: 'schedule',
			runId: null,
			reason: null,
			movedFrom: null,
			...changes,
		});
		await store.changeSchedule(
			changeOf(schedule, {
				ledger: [
					row(1),
					row(2, { outcome: 'missed' }),
					// It ran at 20 for 3, and at 4 for 21.
					row(3, { outcome: 'skipped_by_user' }),
					row(20, { movedFrom: T0 + 3 * HOUR }),
					row(4, { movedFrom: T0 + 21 * HOUR }),
					row(9),
				],
			}),
		);
		const { runs } = await filled(bench, schedule, 3);
		await end(runs[0]);
		const between = async (from: number, to: number): Promise<number[]> => {
			const range = { from: T0 + from * HOUR, to: T0 + to * HOUR };
			const ran = await store.instantsThatRan(TENANT, schedule.id, range);
			return [...ran].map((at) => (at - T0) / HOUR).sort((a, b) => a - b);
		};
		expect(await between(1, 8)).toEqual([1, 3]);
		expect(await between(9, 21)).toEqual([9, 21]);
		// The one that failed has not run.
		expect(await between(-3, 0)).toEqual([-2, -1]);
	});
}

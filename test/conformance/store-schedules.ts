import { expect, it } from '@jest/globals';

import type { Destination } from '../../engine/contract/destination.ts';
import type { LedgerRow, Schedule } from '../../engine/contract/schedule.ts';
import type { Store } from '../../engine/stores/store.port.ts';
import { event, T0, TENANT } from '../support/store-records.ts';
import { destinationOf, onceOf, withCursor } from './store-access.ts';
import type { Bench } from './store.ts';

type Change = Parameters<Store['changeSchedule']>[0];

export async function created(bench: Bench, changes: Partial<Schedule> = {}): Promise<Schedule> {
	const { store, records } = bench;
	const schedule = records.schedule(changes);
	await store.createSchedule({
		schedule,
		spec: records.spec(),
		timerAt: schedule.nextAt,
		events: [event('schedule.created', { scheduleId: schedule.id }, schedule.tenant)],
	});
	return schedule;
}

export function changeOf(schedule: Schedule, changes: Partial<Change> = {}): Change {
	return {
		tenant: schedule.tenant,
		id: schedule.id,
		from: ['active'],
		readNextAt: schedule.nextAt,
		set: { state: 'paused', pauseReason: 'by_user', pauses: [{ from: T0, to: null }] },
		timerAt: null,
		settle: [],
		events: [event('schedule.paused', { scheduleId: schedule.id }, schedule.tenant)],
		...changes,
	};
}

export function exerciseSchedules(bench: Bench): void {
	it('keeps a schedule with its spec and its timer in one write', async () => {
		const { store, records } = bench;
		const schedule = await created(bench, { labels: { team: 'bi' }, metadata: { a: [1] } });
		expect(await store.getSchedule(TENANT, schedule.id)).toEqual(schedule);
		expect(await store.getSpecs([schedule.specId, 'x'])).toEqual(
			new Map([[schedule.specId, records.spec().spec]]),
		);
		expect(await store.nextTimerAt()).toBe(schedule.nextAt);
		expect(await store.counts()).toMatchObject({ schedules: { active: 1 }, timers: 1 });
	});

	it('makes one schedule of 50 identical creates at once', async () => {
		const { store, records } = bench;
		const all = await Promise.all(
			Array.from({ length: 50 }, () =>
				store.createSchedule(
					{ schedule: records.schedule(), spec: records.spec(), timerAt: null, events: [] },
					onceOf(),
				),
			),
		);
		expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
		expect((await store.listSchedules(TENANT, {}, { limit: 200 })).items).toHaveLength(1);
	});

	it('filters by state, capability, name and label, newest first', async () => {
		const { store } = bench;
		const a = await created(bench, { name: 'A', labels: { team: 'bi', 'x.y/z': '1' } });
		bench.clock.at++;
		const b = await created(bench, { name: 'B', capability: 'other', labels: { team: 'ops' } });
		bench.clock.at++;
		const c = await created(bench, { state: 'paused', labels: { team: 'bi' } });
		const ids = async (filter: Parameters<Store['listSchedules']>[1]) =>
			(await store.listSchedules(TENANT, filter, { limit: 10 })).items.map(({ id }) => id);
		expect(await ids({})).toEqual([c.id, b.id, a.id]);
		expect(await ids({ state: 'active' })).toEqual([b.id, a.id]);
		expect(await ids({ capability: 'other' })).toEqual([b.id]);
		expect(await ids({ name: 'A' })).toEqual([a.id]);
		expect(await ids({ label: { key: 'team', value: 'bi' } })).toEqual([c.id, a.id]);
		expect(await ids({ label: { key: 'x.y/z', value: '1' } })).toEqual([a.id]);
		expect(await ids({ label: { key: 'team', value: 'bi' }, state: 'paused' })).toEqual([c.id]);
		expect(await ids({ name: 'A', state: 'paused' })).toEqual([]);
	});

	it('keeps pages stable while others write', async () => {
		const { store } = bench;
		const ids: string[] = [];
		for (let i = 0; i < 7; i++) {
			bench.clock.at++;
			ids.unshift((await created(bench)).id);
		}
		const seen: string[] = [];
		let cursor: string | undefined;
		do {
			const page = await store.listSchedules(TENANT, {}, { limit: 2, ...withCursor(cursor) });
			seen.push(...page.items.map(({ id }) => id));
			cursor = page.nextCursor ?? undefined;
			bench.clock.at++;
			await created(bench);
		} while (cursor !== undefined);
		expect(seen).toEqual(ids);
	});

	it('refuses a cursor that it did not give', async () => {
		const list = bench.store.listSchedules(TENANT, {}, { limit: 2, cursor: 'bm9uc2Vuc2U' });
		await expect(list).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
	});

	it('changes a schedule only from the state, revision and instant that were read', async () => {
		const { store } = bench;
		const schedule = await created(bench);
		expect(await store.changeSchedule(changeOf(schedule, { expected: 2 }))).toBe(
			'revision_differs',
		);
		expect(await store.changeSchedule(changeOf(schedule, { from: ['paused'] }))).toBe(
			'state_differs',
		);
		expect(await store.changeSchedule(changeOf(schedule, { readNextAt: 1 }))).toBe('state_differs');
		expect(await store.changeSchedule(changeOf({ ...schedule, id: 'sch_none' }))).toBe('not_found');
		const paused = await store.changeSchedule(changeOf(schedule, { expected: 1 }));
		expect(paused).toMatchObject({ state: 'paused', pauseReason: 'by_user', revision: 2 });
		expect(await store.getSchedule(TENANT, schedule.id)).toEqual(paused);
		expect(await store.nextTimerAt()).toBeNull();
		expect(await store.counts()).toMatchObject({ schedules: { paused: 1 }, timers: 0 });
	});

	it('replaces what a change brings: name, labels, timing, the instant, the timer, outcomes', async () => {
		const { store } = bench;
		const schedule = await created(bench, { labels: { team: 'bi', tier: '1' } });
		const set: Change['set'] = {
			name: 'After',
			action: 'weekly',
			labels: { team: 'ops' },
			metadata: { a: [1] },
			timing: { kind: 'every', every: 7, anchor: T0, timeZone: 'Asia/Tokyo' },
			timedAt: T0 + 5,
			lastAt: T0 + 1,
			nextAt: T0 + 7,
			dueAt: T0 + 8,
			overrides: { skipped: [{ at: T0 + 7, by: 'me' }], moved: [] },
			zoneData: '2026b',
			updatedAt: T0 + 5,
		};
		const row: LedgerRow = {
			tenant: TENANT,
			scheduleId: schedule.id,
			nominalAt: T0 + 1,
			dueAt: T0 + 2,
			outcome: 'skipped_paused',
			decidedAt: T0 + 5,
			trigger: 'schedule',
			runId: null,
			reason: 'the schedule was paused',
			movedFrom: null,
		};
		const change = changeOf(schedule, { set, timerAt: T0 + 8, ledger: [row] });
		const changed = { ...schedule, ...set, revision: 2 };
		expect(await store.changeSchedule(change)).toEqual(changed);
		expect(await store.getSchedule(TENANT, schedule.id)).toEqual(changed);
		expect(await store.nextTimerAt()).toBe(T0 + 8);
		const { items } = await store.listOccurrences(TENANT, schedule.id, {}, { limit: 9 });
		expect(items).toEqual([row]);
		const withLabel = async (key: string, value: string) =>
			(await store.listSchedules(TENANT, { label: { key, value } }, { limit: 9 })).items;
		expect(await withLabel('team', 'ops')).toEqual([changed]);
		expect(await withLabel('team', 'bi')).toEqual([]);
		expect(await withLabel('tier', '1')).toEqual([]);
	});

	it('keeps to the destinations of the spec that a change brings, and lets the others go', async () => {
		const { store, records } = bench;
		const [before, after] = ['before', 'after'].map((name) => destinationOf(bench, { name }));
		if (before === undefined || after === undefined) throw new Error('no destinations');
		for (const each of [before, after]) await store.createDestination(each, []);
		const naming = (name: string) =>
			records.spec({ notify: [{ key: '0', destination: name, on: ['failed'] }] });
		const spec = naming('before');
		const schedule = records.schedule({ specId: spec.id });
		await store.createSchedule({ schedule, spec, timerAt: schedule.nextAt, events: [] });
		const next = naming('after');
		await store.changeSchedule(changeOf(schedule, { set: { specId: next.id }, spec: next }));
		expect(await store.getSpecs([next.id])).toEqual(new Map([[next.id, next.spec]]));
		const remove = async (id: Destination['id']) =>
			store.deleteDestination(TENANT, id, { events: [] });
		expect(await remove(before.id)).toBe('deleted');
		expect(await remove(after.id)).toEqual({ usedBy: [schedule.id] });
	});

	it('changes a schedule once under one key, and keeps none for a change that was refused', async () => {
		const { store } = bench;
		const schedule = await created(bench);
		const refused = changeOf(schedule, { from: ['paused'] });
		expect(await store.changeSchedule(refused, onceOf())).toBe('state_differs');
		const set = { name: 'After' };
		const change = changeOf(schedule, { set, timerAt: schedule.nextAt });
		expect(await store.changeSchedule(change, onceOf())).toMatchObject({ revision: 2 });
		expect(await store.changeSchedule(change, onceOf())).toEqual({
			replayed: true,
			earlier: onceOf(),
		});
		expect(await store.getSchedule(TENANT, schedule.id)).toMatchObject({ revision: 2 });
	});

	it('hides deleted schedules', async () => {
		const { store } = bench;
		const schedule = await created(bench);
		await store.changeSchedule(changeOf(schedule, { set: { state: 'deleted' } }));
		expect(await store.getSchedule(TENANT, schedule.id)).toBeNull();
		expect((await store.listSchedules(TENANT, {}, { limit: 9 })).items).toEqual([]);
		expect(await store.changeSchedule(changeOf(schedule, { from: ['deleted'] }))).toBe('not_found');
	});

	it('cancels runs in the commit that deletes their schedule', async () => {
		const { store, records } = bench;
		const schedule = await created(bench);
		const run = records.run({ scheduleId: schedule.id });
		await store.addRuns({ runs: [run], specs: [records.spec()], settle: [], events: [] });
		await store.changeSchedule(
			changeOf(schedule, {
				set: { state: 'deleted' },
				settle: [records.change(run, 'cancelled', { set: { state: 'cancelled', endedAt: T0 } })],
			}),
		);
		expect(await store.getRun(TENANT, run.id)).toMatchObject({ state: 'cancelled', endedAt: T0 });
		expect(await store.activeRunsOf(TENANT, schedule.id)).toEqual([]);
	});

	it('counts failed runs in a row and pauses at the given number', async () => {
		const { store, records } = bench;
		const schedule = await created(bench);
		const fail = async (failed: boolean): Promise<void> => {
			const run = records.run({ scheduleId: schedule.id });
			await store.addRuns({ runs: [run], specs: [], settle: [], events: [] });
			await store.settleRuns([
				records.change(run, 'failed', {
					set: { state: failed ? 'failed' : 'cancelled', endedAt: T0 },
					schedule: { id: schedule.id, failed, pauseAt: 2, at: T0 + 7 },
				}),
			]);
		};
		await fail(true);
		await fail(false);
		expect(await store.getSchedule(TENANT, schedule.id)).toMatchObject({ failures: 0 });
		await fail(true);
		expect(await store.getSchedule(TENANT, schedule.id)).toMatchObject({
			failures: 1,
			state: 'active',
		});
		await fail(true);
		expect(await store.getSchedule(TENANT, schedule.id)).toMatchObject({
			state: 'paused',
			pauseReason: 'on_failure',
			failures: 2,
			pauses: [{ from: T0 + 7, to: null }],
			revision: 2,
		});
		expect(await store.nextTimerAt()).toBeNull();
		await fail(true);
		const events = await store.readEvents(TENANT, null, 100);
		expect(events.filter(({ type }) => type === 'schedule.paused')).toHaveLength(1);
	});
}

import { expect, it } from '@jest/globals';

import type { Schedule } from '../../engine/contract/schedule.ts';
import type { Store } from '../../engine/stores/store.port.ts';
import { event, T0, TENANT } from '../support/store-records.ts';
import { onceOf, withCursor } from './store-access.ts';
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

import { expect, it } from '@jest/globals';

import { NO_CALENDARS } from '../../engine/contract/calendar.ts';
import type { DueSchedule, OccurrenceDecision } from '../../engine/contract/change.ts';
import type { ScheduleId } from '../../engine/contract/ids.ts';
import { event, T0, TENANT } from '../support/store-records.ts';
import { changeOf, created } from './store-schedules.ts';
import type { Bench } from './store.ts';

const MINUTE = 60_000;

/** Fires the instant that is due, once a minute. */
export function fire(bench: Bench, { schedule }: DueSchedule): OccurrenceDecision {
	const at = schedule.nextAt ?? 0;
	const run = bench.records.run({
		tenant: schedule.tenant,
		scheduleId: schedule.id,
		specId: schedule.specId,
		trigger: 'schedule',
		nominalAt: at,
		readyAt: at,
	});
	return {
		ledger: [
			{
				tenant: schedule.tenant,
				scheduleId: schedule.id,
				nominalAt: at,
				dueAt: at,
				outcome: 'fired',
				decidedAt: bench.clock.at,
				trigger: 'schedule',
				runId: run.id,
				reason: null,
				movedFrom: null,
			},
		],
		runs: [run],
		settle: [],
		set: {
			state: 'active',
			lastAt: at,
			windowFrom: at,
			nextAt: at + MINUTE,
			dueAt: at + MINUTE,
			overrides: schedule.overrides,
			runsMade: schedule.runsMade + 1,
			pauses: [],
			updatedAt: bench.clock.at,
		},
		timerAt: at + MINUTE,
		events: [event('occurrence.fired', { scheduleId: schedule.id }, schedule.tenant)],
	};
}

export function exerciseOccur(bench: Bench): void {
	it('asks for due schedules only, and writes ledger, run, schedule and timer together', async () => {
		const { store, clock, records } = bench;
		const due = await created(bench, { nextAt: T0 + MINUTE });
		await created(bench, { nextAt: T0 + 2 * MINUTE });
		clock.at = T0 + MINUTE;
		const asked: DueSchedule[] = [];
		const done = await store.occur(clock.at, 10, (schedule) => {
			asked.push(schedule);
			return fire(bench, schedule);
		});
		expect(done).toEqual({ schedules: 1, runs: 1 });
		expect(asked).toEqual([
			{ schedule: due, spec: records.spec().spec, active: [], calendars: NO_CALENDARS },
		]);
		expect(await store.getSchedule(TENANT, due.id)).toMatchObject({
			lastAt: T0 + MINUTE,
			windowFrom: T0 + MINUTE,
			nextAt: T0 + 2 * MINUTE,
			runsMade: 1,
		});
		const ledger = await store.listOccurrences(TENANT, due.id, {}, { limit: 10 });
		expect(ledger.items).toMatchObject([{ nominalAt: T0 + MINUTE, outcome: 'fired' }]);
		const active = await store.activeRunsOf(TENANT, due.id);
		expect(active.map(({ id }) => id)).toEqual([ledger.items[0]?.runId]);
		expect(await store.nextTimerAt()).toBe(T0 + 2 * MINUTE);
		expect(await store.occur(clock.at, 10, (s) => fire(bench, s))).toEqual({
			schedules: 0,
			runs: 0,
		});
	});

	it('shows the decision the unfinished runs, oldest first', async () => {
		const { store, clock } = bench;
		await created(bench, { nextAt: T0 + MINUTE });
		const seen: (number | null)[][] = [];
		for (let i = 1; i <= 3; i++) {
			clock.at = T0 + i * MINUTE;
			await store.occur(clock.at, 10, (due) => {
				seen.push(due.active.map(({ nominalAt }) => nominalAt));
				return fire(bench, due);
			});
		}
		expect(seen).toEqual([[], [T0 + MINUTE], [T0 + MINUTE, T0 + 2 * MINUTE]]);
	});

	it('takes no more than the limit, the longest overdue first', async () => {
		const { store, clock } = bench;
		const late = await created(bench, { nextAt: T0 + 2 });
		const later = await created(bench, { nextAt: T0 + 3 });
		const latest = await created(bench, { nextAt: T0 + 1 });
		clock.at = T0 + 10;
		const order: string[] = [];
		for (let i = 0; i < 2; i++) {
			await store.occur(clock.at, 2, (due) => {
				order.push(due.schedule.id);
				return fire(bench, due);
			});
		}
		expect(order).toEqual([latest.id, late.id, later.id]);
	});

	it('goes on with the others when one decision throws', async () => {
		const { store, clock } = bench;
		const bad = await created(bench, { nextAt: T0 + 1 });
		const good = await created(bench, { nextAt: T0 + 1 });
		clock.at = T0 + 1;
		const decide = (due: DueSchedule): OccurrenceDecision => {
			if (due.schedule.id === bad.id) throw new Error('cannot decide');
			return fire(bench, due);
		};
		expect(await store.occur(clock.at, 10, decide)).toEqual({ schedules: 1, runs: 1 });
		expect(await store.activeRunsOf(TENANT, good.id)).toHaveLength(1);
		expect(await store.getSchedule(TENANT, bad.id)).toEqual(bad);
		// Not at once again, but it is not forgotten either.
		expect(await store.occur(clock.at, 10, decide)).toEqual({ schedules: 0, runs: 0 });
		clock.at += 61_000;
		const again = await store.occur(clock.at, 10, (due) => fire(bench, due));
		expect(again.schedules).toBe(2);
	});

	it('gives an occurrence one outcome for ever', async () => {
		const { store, clock } = bench;
		const schedule = await created(bench, { nextAt: T0 + 1 });
		clock.at = T0 + 1;
		await store.occur(clock.at, 10, (due) => {
			const decision = fire(bench, due);
			return {
				...decision,
				set: { ...decision.set, nextAt: T0 + 1, dueAt: T0 + 1 },
				timerAt: T0 + 1,
			};
		});
		await store.occur(clock.at, 10, (due) => fire(bench, due));
		const { items } = await store.listOccurrences(TENANT, schedule.id, {}, { limit: 10 });
		expect(items).toHaveLength(1);
		expect(await store.activeRunsOf(TENANT, schedule.id)).toHaveLength(1);
	});

	it('decides nothing for a schedule that is paused', async () => {
		const { store, clock } = bench;
		const schedule = await created(bench, { nextAt: T0 + 1 });
		await store.changeSchedule(changeOf(schedule, { timerAt: T0 + 1 }));
		clock.at = T0 + 1;
		expect(await store.occur(clock.at, 10, (due) => fire(bench, due))).toEqual({
			schedules: 0,
			runs: 0,
		});
		expect(await store.nextTimerAt()).toBeNull();
	});

	it('decides for one schedule that is due, active or paused, before its timer is looked at', async () => {
		const { store, clock } = bench;
		const active = await created(bench, { nextAt: T0 + MINUTE });
		const paused = await created(bench, { nextAt: T0 + MINUTE, state: 'paused' });
		const over = await created(bench, { nextAt: T0 + MINUTE, state: 'completed' });
		const look = async (id: ScheduleId, tenant = TENANT): Promise<boolean> =>
			store.occurOne({ tenant, id, now: clock.at }, (due) => {
				const decision = fire(bench, due);
				return { ...decision, set: { ...decision.set, state: due.schedule.state } };
			});
		expect(await look(active.id)).toBe(false);
		clock.at = T0 + MINUTE;
		expect(await look(active.id, 'elsewhere')).toBe(false);
		expect(await look('sch_none')).toBe(false);
		expect(await look(over.id)).toBe(false);
		for (const { id } of [active, paused]) {
			expect(await look(id)).toBe(true);
			const { items } = await store.listOccurrences(TENANT, id, {}, { limit: 9 });
			expect(items).toMatchObject([{ nominalAt: T0 + MINUTE, outcome: 'fired' }]);
			expect(await look(id)).toBe(false);
		}
		expect(await store.getSchedule(TENANT, paused.id)).toMatchObject({ state: 'paused' });
	});

	it('throws what the decision about one schedule throws, and changes nothing', async () => {
		const { store, clock } = bench;
		const schedule = await created(bench, { nextAt: T0 + 1 });
		clock.at = T0 + 1;
		const failed = store.occurOne({ tenant: TENANT, id: schedule.id, now: clock.at }, () => {
			throw new Error('cannot decide');
		});
		await expect(failed).rejects.toThrow('cannot decide');
		expect(await store.getSchedule(TENANT, schedule.id)).toEqual(schedule);
		expect(await store.occur(clock.at, 10, (due) => fire(bench, due))).toMatchObject({ runs: 1 });
	});

	it('cancels the other runs that a decision names', async () => {
		const { store, clock, records } = bench;
		const schedule = await created(bench, { nextAt: T0 + MINUTE });
		clock.at = T0 + MINUTE;
		await store.occur(clock.at, 1, (due) => fire(bench, due));
		clock.at += MINUTE;
		await store.occur(clock.at, 1, (due) => ({
			...fire(bench, due),
			settle: due.active.map((run) =>
				records.change(run, 'cancelled', {
					epoch: null,
					set: { state: 'cancelled', endedAt: clock.at },
				}),
			),
		}));
		const active = await store.activeRunsOf(TENANT, schedule.id);
		expect(active.map(({ nominalAt }) => nominalAt)).toEqual([T0 + 2 * MINUTE]);
	});

	it('lists the ledger by instant, within a range, page by page', async () => {
		const { store, clock } = bench;
		const schedule = await created(bench, { nextAt: T0 + MINUTE });
		for (let i = 1; i <= 5; i++) {
			clock.at = T0 + i * MINUTE;
			await store.occur(clock.at, 10, (due) => fire(bench, due));
		}
		const range = { from: T0 + 2 * MINUTE, to: T0 + 4 * MINUTE };
		const first = await store.listOccurrences(TENANT, schedule.id, range, { limit: 2 });
		const rest = await store.listOccurrences(TENANT, schedule.id, range, {
			limit: 2,
			cursor: first.nextCursor ?? '',
		});
		const minutes = [...first.items, ...rest.items].map(
			({ nominalAt }) => (nominalAt - T0) / MINUTE,
		);
		expect(minutes).toEqual([2, 3, 4]);
		expect(rest.nextCursor).toBeNull();
	});
}

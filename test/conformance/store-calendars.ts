import { expect, it } from '@jest/globals';

import type { Calendar } from '../../engine/contract/calendar.ts';
import type { Retimed, RetimingDecision } from '../../engine/contract/change.ts';
import type { Timing } from '../../engine/contract/timing.ts';
import { event, T0, TENANT } from '../support/store-records.ts';
import { onceOf, withCursor } from './store-access.ts';
import { changeOf, created } from './store-schedules.ts';
import type { Bench } from './store.ts';

const MINUTE = 60_000;

function calendarOf(bench: Bench, changes: Partial<Calendar> = {}): Calendar {
	return {
		id: bench.records.newId('calendar'),
		tenant: TENANT,
		name: 'closed',
		title: null,
		version: 1,
		weekend: [0, 6],
		days: [{ date: '2027-01-06', name: 'Epiphany' }],
		knownFrom: '2026-01-01',
		knownUntil: '2037-12-31',
		source: { kind: 'days' },
		createdAt: T0,
		...changes,
	};
}

async function kept(bench: Bench, changes: Partial<Calendar> = {}): Promise<Calendar> {
	const calendar = calendarOf(bench, changes);
	await bench.store.createCalendar(calendar, []);
	return calendar;
}

const without = (...calendars: Calendar[]): Timing => ({
	kind: 'every',
	every: MINUTE,
	anchor: T0,
	timeZone: 'UTC',
	exclude: calendars.map(({ id }) => ({ calendar: id, rule: 'skip' })),
});
const byId = (...calendars: Calendar[]): Map<string, Calendar> =>
	new Map(calendars.map((calendar) => [calendar.id, calendar]));

/** Due a minute later than it was. */
function later({ schedule }: Retimed): RetimingDecision {
	const nextAt = (schedule.nextAt ?? 0) + MINUTE;
	return {
		set: { state: schedule.state, nextAt, dueAt: nextAt, zoneData: schedule.zoneData },
		events: [event('schedule.retimed', { scheduleId: schedule.id })],
	};
}

export function exerciseCalendars(bench: Bench): void {
	it('keeps every version of a calendar, and tells which was in force when', async () => {
		const { store } = bench;
		const first = await kept(bench, { title: 'When we are closed', createdAt: T0 });
		const second = { ...first, version: 2, days: [], createdAt: T0 + 10 };
		expect(await store.replaceCalendar({ ...second, version: 3 }, [])).toBe('version_differs');
		expect(await store.replaceCalendar(second, [])).toBe('replaced');
		expect(await store.replaceCalendar(second, [])).toBe('version_differs');
		expect(await store.getCalendar(TENANT, first.id)).toEqual(second);
		expect(await store.getCalendar(TENANT, 'closed')).toEqual(second);
		expect(await store.getCalendars(TENANT, [first.id, 'cal_none'])).toEqual(byId(second));
		expect(await store.getCalendarVersion(TENANT, first.id, 1)).toEqual(first);
		expect(await store.getCalendarVersion(TENANT, first.id, 3)).toBeNull();
		expect(await store.getCalendarAt(TENANT, first.id, T0 - 1)).toBeNull();
		expect(await store.getCalendarAt(TENANT, first.id, T0 + 9)).toEqual(first);
		expect(await store.getCalendarAt(TENANT, first.id, T0 + 10)).toEqual(second);
		const page = await store.listCalendarVersions(TENANT, first.id, { limit: 1 });
		expect(page.items).toEqual([second]);
		const { nextCursor: cursor } = page;
		expect(
			await store.listCalendarVersions(TENANT, first.id, {
				limit: 1,
				...withCursor(cursor ?? undefined),
			}),
		).toEqual({ items: [first], nextCursor: null });
	});

	it('lets one calendar of a tenant have a name, and makes one of repeated creates', async () => {
		const { store } = bench;
		const calendar = calendarOf(bench);
		expect(await store.createCalendar(calendar, [], onceOf())).toMatchObject({ replayed: false });
		expect(await store.createCalendar(calendarOf(bench), [], onceOf())).toMatchObject({
			replayed: true,
		});
		const taken = onceOf({ key: 'k2' });
		expect(await store.createCalendar(calendarOf(bench), [], taken)).toBe('name_taken');
		expect(await store.findIdempotent(TENANT, 'k2', T0)).toBeNull();
		const other = await kept(bench, { name: 'other' });
		const renamed = { ...other, name: 'closed', version: 2 };
		expect(await store.replaceCalendar(renamed, [])).toBe('name_taken');
		expect(await store.getCalendar(TENANT, 'other')).toEqual(other);
		const foreign = await kept(bench, { tenant: 'elsewhere' });
		expect(await store.getCalendar('elsewhere', 'closed')).toEqual(foreign);
		expect(await store.getCalendar(TENANT, foreign.id)).toBeNull();
		expect(await store.getCalendars(TENANT, [foreign.id])).toEqual(new Map());
		expect(await store.replaceCalendar({ ...foreign, tenant: TENANT, version: 2 }, [])).toBe(
			'not_found',
		);
	});

	it('deletes a calendar only when no schedule that may run names it, and frees its name', async () => {
		const { store } = bench;
		const calendar = await kept(bench);
		const remove = (expected?: number) =>
			store.deleteCalendar(TENANT, calendar.id, {
				...(expected === undefined ? {} : { expected }),
				at: T0,
				events: [],
			});
		const schedule = await created(bench, { timing: without(calendar) });
		expect(await remove(2)).toBe('revision_differs');
		expect(await remove()).toEqual({ usedBy: [schedule.id] });
		await store.changeSchedule(changeOf(schedule, { set: { state: 'deleted' } }));
		expect(await remove(1)).toBe('deleted');
		expect(await remove()).toBe('not_found');
		expect(await store.getCalendar(TENANT, 'closed')).toBeNull();
		expect((await store.listCalendars(TENANT, { limit: 9 })).items).toEqual([]);
		// What it was is still told, and another may have its name.
		expect(await store.getCalendars(TENANT, [calendar.id])).toEqual(byId(calendar));
		expect(await store.getCalendarAt(TENANT, calendar.id, T0)).toEqual(calendar);
		expect(await store.createCalendar(calendarOf(bench), [])).toMatchObject({ replayed: false });
	});

	it('makes no schedule, and changes none, to one that names a calendar that was deleted', async () => {
		const { store } = bench;
		const calendar = await kept(bench);
		await store.deleteCalendar(TENANT, calendar.id, { at: T0, events: [] });
		const conflict = { code: 'CONFLICT' };
		await expect(created(bench, { timing: without(calendar) })).rejects.toMatchObject(conflict);
		const schedule = await created(bench);
		const set = { timing: without(calendar) };
		await expect(
			store.changeSchedule(changeOf(schedule, { set, timerAt: schedule.nextAt })),
		).rejects.toMatchObject(conflict);
		expect(await store.getSchedule(TENANT, schedule.id)).toEqual(schedule);
		expect((await store.listSchedules(TENANT, {}, { limit: 9 })).items).toEqual([schedule]);
	});

	it('lists calendars whose days end, of all tenants, one after another', async () => {
		const { store } = bench;
		const first = await kept(bench, { knownUntil: '2030-12-31' });
		await kept(bench, { name: 'long', knownUntil: '2031-01-01' });
		const other = await kept(bench, { tenant: 'elsewhere', knownUntil: '2028-12-31' });
		const gone = await kept(bench, { name: 'gone', knownUntil: '2028-12-31' });
		await store.deleteCalendar(TENANT, gone.id, { at: T0, events: [] });
		const [one, two] = [first, other].sort((a, b) => (a.id < b.id ? -1 : 1));
		expect(await store.listCalendarsUntil('2031-01-01', null, 1)).toEqual([one]);
		expect(await store.listCalendarsUntil('2031-01-01', one?.id ?? null, 9)).toEqual([two]);
		expect(await store.listCalendarsUntil('2031-01-01', two?.id ?? null, 9)).toEqual([]);
	});

	it('takes schedules anew that were timed by another version of a calendar, each once', async () => {
		const { store, records } = bench;
		const [calendar, other] = [await kept(bench), await kept(bench, { name: 'other' })];
		const schedule = records.schedule({ timing: without(calendar, other) });
		await store.createSchedule({
			schedule,
			spec: records.spec(),
			timerAt: schedule.nextAt,
			calendars: byId(calendar, other),
			events: [],
		});
		await created(bench);
		const asked: Retimed[] = [];
		const retime = (limit = 10) =>
			store.retime({ limit }, (found) => {
				asked.push(found);
				return later(found);
			});
		expect(await retime()).toBe(0);
		const second = { ...calendar, version: 2, days: [] };
		await store.replaceCalendar(second, []);
		expect(await retime()).toBe(1);
		expect(asked).toEqual([{ schedule, calendars: byId(second, other), changed: [second] }]);
		const dueAt = (schedule.nextAt ?? 0) + MINUTE;
		// It is not the user's change: the revision stays.
		expect(await store.getSchedule(TENANT, schedule.id)).toEqual({
			...schedule,
			nextAt: dueAt,
			dueAt,
		});
		const types = (await store.readEvents(TENANT, null, 100)).map(({ type }) => type);
		expect(types).toContain('schedule.retimed');
		expect(await retime()).toBe(0);
	});

	it('takes a schedule anew that nobody says by which calendars it was timed', async () => {
		const { store } = bench;
		const calendar = await kept(bench);
		const schedule = await created(bench, { timing: without(calendar) });
		expect(await store.retime({ limit: 10 }, later)).toBe(1);
		expect(await store.nextTimerAt()).toBe((schedule.nextAt ?? 0) + MINUTE);
		expect(await store.retime({ limit: 10 }, later)).toBe(0);
	});

	it('takes schedules anew that were timed by other time zone data, so many at a time', async () => {
		const { store } = bench;
		for (let n = 0; n < 3; n++) await created(bench);
		const retime = (zoneData: string) =>
			store.retime({ limit: 2, zoneData }, (found) => {
				const { set, events } = later(found);
				return { set: { ...set, zoneData }, events };
			});
		expect(await retime('2026a')).toBe(0);
		expect(await retime('2026b')).toBe(2);
		expect(await retime('2026b')).toBe(1);
		expect(await retime('2026b')).toBe(0);
		// Back to the data of before, too.
		expect(await retime('2026a')).toBe(2);
	});

	it('ends a schedule that the new version leaves nothing of, and goes on when a decision throws', async () => {
		const { store } = bench;
		const calendar = await kept(bench);
		const bad = await created(bench, { timing: without(calendar) });
		const over = await created(bench, { timing: without(calendar) });
		const taken = await store.retime({ limit: 10 }, (found) => {
			if (found.schedule.id === bad.id) throw new Error('cannot decide');
			const { set, events } = later(found);
			return { set: { ...set, state: 'completed', nextAt: null, dueAt: null }, events };
		});
		expect(taken).toBe(2);
		expect(await store.getSchedule(TENANT, bad.id)).toEqual(bad);
		expect(await store.getSchedule(TENANT, over.id)).toMatchObject({
			state: 'completed',
			nextAt: null,
		});
		expect(await store.counts()).toMatchObject({
			schedules: { active: 1, completed: 1 },
			timers: 1,
		});
		expect(await store.retime({ limit: 10 }, later)).toBe(0);
	});
}

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Calendar } from '../../../../engine/contract/calendar.ts';
import type {
	Exclusion,
	HolidayRule,
	Restriction,
	Timing,
	Weekday,
} from '../../../../engine/contract/timing.ts';
import { planOf } from '../../../../engine/core/schedule/plan.ts';
import { movedFrom } from '../../../../engine/core/schedule/timing.ts';
import { aCalendar } from '../../../support/core-records.ts';
import type { Walk } from '../../../support/timing-oracle.ts';
import { changesInYear, walk } from '../../../support/timing-oracle.ts';

/*
 * `only`, `exclude` and moves against a second opinion: it looks at every minute of three weeks around a clock
 * change, asks Intl for the wall clock, and applies the filters to what it sees. It shares no code with the engine.
 */

const RUNS = process.env['CI'] === undefined ? 12 : 40;
const MINUTE = 60_000;
const DAY = 86_400_000;
const NAMES: readonly Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** One minute as the wall shows it. */
interface Seen {
	at: number;
	wall: number;
	/** The first minute with this wall time, or the only one. */
	first: boolean;
}

interface Rule {
	hours: number[];
	minute: number;
}

const PLACES: readonly (readonly [zone: string, year: number])[] = [
	['Europe/Berlin', 2027],
	['America/New_York', 2027],
	['Australia/Lord_Howe', 2027],
	['Pacific/Apia', 2011],
	['America/Santiago', 2027],
	['Asia/Beirut', 2027],
	['Antarctica/Troll', 2027],
	['America/Havana', 2027],
	['UTC', 2027],
];

const views = new Map<string, Seen[]>();

function minutesOf(zone: string, around: number): Seen[] {
	const key = `${zone} ${around}`;
	let view = views.get(key);
	if (view === undefined) {
		const { instants, walls }: Walk = walk(zone, around - 12 * DAY, around + 12 * DAY, MINUTE);
		const known = new Set<number>();
		view = instants.map((at, index) => {
			const wall = walls[index] ?? 0;
			const first = !known.has(wall);
			known.add(wall);
			return { at, wall, first };
		});
		views.set(key, view);
	}
	return view;
}

const dateOf = (wall: number): string => new Date(wall).toISOString().slice(0, 10);
const timeOf = (wall: number): string => new Date(wall).toISOString().slice(11, 16);
const weekdayOf = (wall: number): Weekday => NAMES[new Date(wall).getUTCDay()] ?? 'sun';

/** When the rule is due: daily at some hours; what the clock jumped over comes so much later. */
function base(view: Seen[], { hours, minute }: Rule): Seen[] {
	const wants = (wall: number): boolean => {
		const date = new Date(wall);
		return date.getUTCMinutes() === minute && hours.includes(date.getUTCHours());
	};
	const due = new Map<number, Seen>();
	const byInstant = new Map(view.map((each) => [each.at, each]));
	for (const [index, each] of view.entries()) {
		const before = view[index - 1];
		if (before !== undefined) {
			for (let missing = before.wall + MINUTE; missing < each.wall; missing += MINUTE) {
				const shifted = byInstant.get(each.at + missing - before.wall - MINUTE);
				if (wants(missing) && shifted !== undefined) due.set(shifted.at, shifted);
			}
		}
		if (wants(each.wall) && (each.first || hours.length === 24)) due.set(each.at, each);
	}
	return [...due.values()].sort((a, b) => a.at - b.at);
}

function lets(only: readonly Restriction[], { wall }: Seen, calendar: Calendar): boolean {
	const date = dateOf(wall);
	const isDay = (day: string): boolean => calendar.days.some((each) => each.date === day);
	return only.some((each) => {
		if ('dates' in each) return each.dates.includes(date);
		if ('calendar' in each) return isDay(date);
		if ('workingDaysOf' in each) return works(calendar, wall);
		if ('cron' in each) return new Date(wall).getUTCDay() === Number(each.cron.at(-1));
		const { weekdays, from = '00:00', to = '24:00' } = each;
		const chosen = (at: number): boolean => weekdays?.includes(weekdayOf(at)) !== false;
		const time = timeOf(wall);
		if (from < to) return time >= from && time < to && chosen(wall);
		return (time >= from && chosen(wall)) || (time < to && chosen(wall - DAY));
	});
}

function works(calendar: Calendar, wall: number): boolean {
	const weekend = calendar.weekend.includes(new Date(wall).getUTCDay());
	return !weekend && !calendar.days.some(({ date }) => date === dateOf(wall));
}

/** The same wall time on the next or previous day on which somebody works, as an instant. */
function movedTo(view: Seen[], seen: Seen, calendar: Calendar, direction: 1 | -1): number {
	if (works(calendar, seen.wall)) return seen.at;
	let wall = seen.wall;
	do wall += direction * DAY;
	while (!works(calendar, wall));
	const shown = view.find((each) => each.wall === wall && each.first);
	if (shown !== undefined) return shown.at;
	// The clock jumped over it: so much later as it jumped.
	const index = view.findIndex((each) => each.wall > wall);
	const [before, after] = [view[index - 1], view[index]];
	return (after?.at ?? 0) + wall - (before?.wall ?? 0) - MINUTE;
}

const clock = fc.constantFrom(
	'00:00',
	'01:30',
	'02:00',
	'02:30',
	'03:00',
	'09:00',
	'17:30',
	'23:00',
);
const weekdays = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 7 });

function dates(view: Seen[]): fc.Arbitrary<string[]> {
	const all = [...new Set(view.map(({ wall }) => dateOf(wall)))];
	return fc.uniqueArray(fc.constantFrom(...all), { minLength: 1, maxLength: 8 });
}

function restriction(view: Seen[]): fc.Arbitrary<Restriction> {
	const hours = fc
		.record({ weekdays, from: clock, to: clock }, { requiredKeys: [] })
		.filter(({ from, to }) => (from ?? '00:00') !== (to ?? '24:00'));
	return fc.oneof(
		{ weight: 3, arbitrary: hours },
		dates(view).map((list) => ({ dates: list })),
		fc.constant<Restriction>({ calendar: 'cal_1' }),
		fc.constant<Restriction>({ workingDaysOf: 'cal_1' }),
		fc.integer({ min: 0, max: 6 }).map((day) => ({ cron: `* * * * ${day}` })),
	);
}

function exclusion(view: Seen[]): fc.Arbitrary<Exclusion> {
	return fc.oneof(
		fc.constant<Exclusion>({ calendar: 'cal_1', rule: 'skip' }),
		dates(view).map((list) => ({ dates: list })),
		dates(view).map((list) => {
			const [from = '', ...rest] = [...list].sort();
			return { from, to: rest.at(-1) ?? from };
		}),
		fc.integer({ min: 0, max: 6 }).map((day) => ({ cron: `* * * * ${day}` })),
	);
}

const rules: fc.Arbitrary<Rule> = fc.record({
	hours: fc.uniqueArray(fc.constantFrom(0, 1, 2, 3, 9, 23), { minLength: 1, maxLength: 4 }),
	minute: fc.constantFrom(0, 15, 30),
});

function calendarOf(days: string[], weekend: number[]): Calendar {
	return aCalendar({
		version: 3,
		weekend,
		days: [...days].sort().map((date) => ({ date, name: `day ${date}` })),
	});
}

const weekends = fc.constantFrom<number[]>([0, 6], [5, 6], [0], []);

function timingOf(zone: string, { hours, minute }: Rule, more: Partial<Timing>): Timing {
	return {
		kind: 'cron',
		cron: `${minute} ${hours.join(',')} * * *`,
		timeZone: zone,
		...more,
	} as Timing;
}

function isDropped(exclude: readonly Exclusion[], { wall }: Seen, calendar: Calendar): boolean {
	const date = dateOf(wall);
	return exclude.some((each) => {
		if ('cron' in each) return new Date(wall).getUTCDay() === Number(each.cron.at(-1));
		if ('dates' in each) return each.dates.includes(date);
		if ('from' in each) return date >= each.from && date <= each.to;
		return each.rule === 'skip' && calendar.days.some((day) => day.date === date);
	});
}

describe.each(PLACES)('filters in %s, %i', (zone, year) => {
	const around = changesInYear(zone, year)[0] ?? Date.UTC(year, 5, 15);
	const view = minutesOf(zone, around);
	const [from, until] = [around - 5 * DAY, around + 5 * DAY];
	const inside = (at: number): boolean => at >= from && at <= until;
	const iso = (list: number[]): string[] => list.map((at) => new Date(at).toISOString());

	it('let through what fits, take out what is excluded, and do the same going back', () => {
		fc.assert(
			fc.property(
				fc.record({
					rule: rules,
					only: fc.option(fc.array(restriction(view), { minLength: 1, maxLength: 3 })),
					exclude: fc.array(exclusion(view), { maxLength: 3 }),
					days: dates(view),
					weekend: weekends,
					start: fc.integer({ min: from, max: until }),
				}),
				({ rule, only, exclude, days, weekend, start }) => {
					const calendar = calendarOf(days, weekend);
					const filters = { exclude, ...(only === null ? {} : { only }) };
					const timing = timingOf(zone, rule, filters);
					const plan = planOf({ timing, calendars: new Map([['cal_1', calendar]]), seed: 's' });
					const wanted = base(view, rule)
						.filter((seen) => only === null || lets(only, seen, calendar))
						.filter(({ at }) => inside(at));
					const list: number[] = [];
					for (let at = plan.next(from - 1); at !== undefined && at <= until; at = plan.next(at)) {
						list.push(at);
					}
					expect({ timing, list: iso(list) }).toEqual({
						timing,
						list: iso(wanted.map(({ at }) => at)),
					});
					const dropped = wanted.filter((seen) => isDropped(exclude, seen, calendar));
					expect(list.filter((at) => plan.skip(at) !== null)).toEqual(dropped.map(({ at }) => at));
					const live = list.filter((at) => plan.skip(at) === null);
					for (const place of [start, ...list]) {
						const nextLive = live.find((at) => at > place);
						if (nextLive !== undefined) expect(plan.nextLive(place)).toBe(nextLive);
					}
					const previous = list.findLast((at) => at < start);
					if (previous !== undefined) expect(plan.previous(start)).toBe(previous);
				},
			),
			{ numRuns: RUNS },
		);
	});

	it('move to working days, and say from where', () => {
		fc.assert(
			fc.property(
				fc.record({
					rule: rules,
					// Two that meet where neither lay before.
					only: fc.option(weekdays.map((list) => [{ weekdays: list }])),
					days: dates(view),
					weekend: weekends,
					moves: fc.constantFrom<HolidayRule>('next_working_day', 'previous_working_day'),
					start: fc.integer({ min: from, max: until }),
				}),
				({ rule, only, days, weekend, moves, start }) => {
					const calendar = calendarOf(days, weekend);
					const exclude: Exclusion[] = [{ calendar: 'cal_1', rule: moves }];
					const timing = timingOf(zone, rule, { exclude, ...(only === null ? {} : { only }) });
					const calendars = new Map([['cal_1', calendar]]);
					const plan = planOf({ timing, calendars, seed: 's' });
					const direction = moves === 'next_working_day' ? 1 : -1;
					const sources = new Map<number, number[]>();
					for (const seen of base(view, rule)) {
						if (only !== null && !lets(only, seen, calendar)) continue;
						const to = movedTo(view, seen, calendar, direction);
						sources.set(to, [...(sources.get(to) ?? []), seen.at]);
					}
					const wanted = [...sources.keys()].filter(inside).sort((a, b) => a - b);
					const list: number[] = [];
					for (let at = plan.next(from - 1); at !== undefined && at <= until; at = plan.next(at)) {
						list.push(at);
					}
					expect({ timing, list: iso(list) }).toEqual({ timing, list: iso(wanted) });
					const following = wanted.find((at) => at > start);
					if (following !== undefined) expect(plan.next(start)).toBe(following);
					for (const at of list) {
						const origins = sources.get(at) ?? [];
						const told = movedFrom(timing, at, calendars).map((each) => each.from);
						expect(told).toEqual(origins.includes(at) ? [] : origins);
					}
				},
			),
			{ numRuns: RUNS },
		);
	});
});

describe('jitter', () => {
	it('delays, alike for one schedule where that is asked, and never to the next instant', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1000, max: 7_200_000 }),
				fc.integer({ min: 0, max: 86_400_000 }),
				fc.constantFrom('schedule' as const, 'occurrence' as const),
				fc.string(),
				(every, max, per, seed) => {
					const timing: Timing = {
						kind: 'every',
						every,
						anchor: 0,
						timeZone: 'UTC',
						jitter: { max, per },
					};
					const plan = planOf({ timing, calendars: new Map(), seed });
					const delays = new Set<number>();
					for (let n = 1; n <= 20; n++) {
						const at = n * every;
						const delay = plan.dueAt(at) - at;
						expect(delay).toBeGreaterThanOrEqual(0);
						expect(delay).toBeLessThanOrEqual(max);
						expect(plan.dueAt(at)).toBeLessThan(at + every);
						expect(plan.dueAt(at)).toBe(plan.dueAt(at));
						delays.add(delay);
					}
					if (per === 'schedule') expect(delays.size).toBe(1);
				},
			),
		);
	});

	it.each([
		['schedule', 'schedules'],
		['occurrence', 'schedules'],
		['occurrence', 'occurrences of one schedule'],
	] as const)('per %s spreads %s over all the time that is allowed', (per, what) => {
		const every = 3_600_000;
		const max = 600_000;
		const timing: Timing = {
			kind: 'every',
			every,
			anchor: 0,
			timeZone: 'UTC',
			jitter: { max, per },
		};
		const tenths = new Set<number>();
		const delays = new Set<number>();
		for (let n = 1; n <= 300; n++) {
			const [seed, at] = what === 'schedules' ? [`sch_${n}`, every] : ['sch_1', n * every];
			const delay = planOf({ timing, calendars: new Map(), seed }).dueAt(at) - at;
			delays.add(delay);
			tenths.add(Math.floor((delay * 10) / max));
		}
		expect([...tenths].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
		expect(delays.size).toBeGreaterThan(250);
	});
});

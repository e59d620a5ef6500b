import type { Draft } from './english-reader.ts';
import type { TimeOfDay } from './english-words.ts';
import { ambiguous, clockName, notUnderstood, weekdayName } from './english-words.ts';

/* From what a sentence says to rules: cron where that can say it, RFC 5545 where it cannot. */

/** Rules that give the same days need one rule for each set of minutes that some hours share. */
const MAX_RULES = 20;
const DAY_MINUTES = 1440;
const CODES = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const ALL_DAYS = [0, 1, 2, 3, 4, 5, 6];

/** Days, apart from the times of day. */
type Days =
	/** Day of month, month and day of week. */
	| { cron: string }
	| {
			freq: 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY';
			by: string;
			interval?: number;
			nth?: number;
	  };

export interface EnglishRule {
	/** A pattern of cron, or the value of RRULE without INTERVAL. */
	cron?: string;
	rrule?: string;
	/** Counted from the first day that fits; 1 unless given. */
	interval: number;
}

export function compileDraft(draft: Draft, whole: string): EnglishRule[] {
	const times = timesOf(draft, whole);
	const groups = groupTimes(times);
	const rules = daysOf(draft, whole).flatMap((days) =>
		// A position counts days and times alike, so that each time needs a rule of its own.
		('nth' in days ? groups.flatMap(eachTime) : groups).map((group) => ruleOf(days, group)),
	);
	if (rules.length <= MAX_RULES) return rules;
	throw notUnderstood(`a sentence that needs at most ${MAX_RULES} rules`, whole);
}

function eachTime({ hours, minutes }: TimeGroup): TimeGroup[] {
	return hours.flatMap((hour) => minutes.map((minute) => ({ hours: [hour], minutes: [minute] })));
}

interface TimeGroup {
	hours: number[];
	minutes: number[];
}

/** Times as minutes of the day. */
function timesOf(draft: Draft, whole: string): number[] {
	const { unit, times, offsets, window, timesADay } = draft;
	if (unit === 'minute' || unit === 'hour') return steppedTimes(draft, unit, whole);
	if (window !== undefined) {
		throw notUnderstood(
			'minutes or hours to count between two times ("every 15 minutes between ...")',
			whole,
		);
	}
	if (offsets.length > 0) throw notUnderstood('":15" only with "every hour"', whole);
	if (timesADay !== undefined && timesADay !== times.length) {
		throw notUnderstood(`${timesADay} times after "at", as in "twice a day at 6 and 18"`, whole);
	}
	if (times.length === 0) draft.notes.push('no time was given: at 00:00');
	return times.length === 0 ? [0] : times.map(minuteOfDay);
}

function minuteOfDay({ hour, minute }: TimeOfDay): number {
	return hour * 60 + minute;
}

/** `every 15 minutes between 9:00 and 17:00`: counted from the first time, the last included. */
function steppedTimes(draft: Draft, unit: 'minute' | 'hour', whole: string): number[] {
	const { interval, window, offsets, times } = draft;
	if (times.length > 0) {
		throw notUnderstood(
			`"between ... and ..." or nothing with "every ${unit}", not "at ${times.map(clockName).join(' and ')}"`,
			whole,
		);
	}
	if (offsets.length > 0 && unit !== 'hour')
		throw notUnderstood('":15" only with "every hour"', whole);
	const step = interval * (unit === 'hour' ? 60 : 1);
	const from = window === undefined ? 0 : minuteOfDay(window.from);
	const to = window === undefined ? DAY_MINUTES - 1 : minuteOfDay(window.to);
	if (window === undefined && DAY_MINUTES % step !== 0) {
		throw notUnderstood(
			`an interval that divides a day, or "between ... and ..." to count from`,
			whole,
		);
	}
	if (to < from) throw notUnderstood('a window within one day, the earlier time first', whole);
	const list: number[] = [];
	for (let minute = from; minute <= to; minute += step) {
		if (offsets.length === 0) list.push(minute);
		for (const offset of offsets) {
			const shifted = Math.floor(minute / 60) * 60 + offset;
			if (shifted >= from && shifted <= to) list.push(shifted);
		}
	}
	return list;
}

/** Hours with the same minutes stand together in one pattern. */
function groupTimes(times: readonly number[]): TimeGroup[] {
	const byHour = new Map<number, number[]>();
	for (const time of [...new Set(times)].sort((a, b) => a - b)) {
		const hour = Math.floor(time / 60);
		byHour.set(hour, [...(byHour.get(hour) ?? []), time % 60]);
	}
	const groups = new Map<string, TimeGroup>();
	for (const [hour, minutes] of byHour) {
		const known = groups.get(minutes.join());
		if (known === undefined) groups.set(minutes.join(), { hours: [hour], minutes });
		else known.hours.push(hour);
	}
	return [...groups.values()];
}

function ruleOf(days: Days, { hours, minutes }: TimeGroup): EnglishRule {
	if ('cron' in days) {
		return { cron: `${field(minutes, 0, 59)} ${field(hours, 0, 23)} ${days.cron}`, interval: 1 };
	}
	const { freq, by, interval = 1, nth } = days;
	const parts = [
		`FREQ=${freq}`,
		...(by === '' ? [] : [by]),
		`BYHOUR=${hours.join()}`,
		`BYMINUTE=${minutes.join()}`,
		'BYSECOND=0',
		...(nth === undefined ? [] : [`BYSETPOS=${nth}`]),
	];
	return { rrule: parts.join(';'), interval };
}

/** All, a step, a range or a list. */
function field(values: readonly number[], min: number, max: number): string {
	const sorted = [...new Set(values)].sort((a, b) => a - b);
	if (sorted.length === max - min + 1) return '*';
	const [first = 0, second = 0] = sorted;
	const step = second - first;
	const even = sorted.length > 2 && sorted.every((value, index) => value === first + index * step);
	if (even && step > 1 && first === min && sorted.length === Math.ceil((max - min + 1) / step)) {
		return `*/${step}`;
	}
	if (even && step === 1) return `${first}-${sorted.at(-1) ?? first}`;
	return sorted.join();
}

function daysOf(draft: Draft, whole: string): Days[] {
	const { ordinals, monthDays, dates, weekdays, unit, interval } = draft;
	refuseMixtures(draft, whole);
	const months = monthsOf(draft);
	const list: Days[] = [];
	for (const { month, day } of dates) list.push(dateDays(draft, month, day));
	if (monthDays.length > 0) list.push(monthDayDays(draft, months, whole));
	for (const each of ordinals) list.push(ordinalDays(draft, each, { months, whole }));
	if (list.length > 0) return list;
	const days = weekdays.length === 0 ? ALL_DAYS : weekdays;
	const kept = days.filter((day) => !draft.except.includes(day));
	if (kept.length === 0) throw notUnderstood('at least one day that is left', whole);
	const inMonths = months.length === 0 ? [] : [`BYMONTH=${months.join()}`];
	const inWeek = kept.length === 7 ? [] : [`BYDAY=${codes(kept)}`];
	const by = [...inMonths, ...inWeek].join(';');
	if (interval > 1 && unit === 'day') return [{ freq: 'DAILY', by, interval }];
	if (interval > 1 && unit === 'week') return [{ freq: 'WEEKLY', by, interval }];
	return [{ cron: `* ${field(orAll(months), 1, 12)} ${field(kept, 0, 6)}` }];
}

function orAll(months: readonly number[]): readonly number[] {
	return months.length === 0 ? ALL_MONTHS : months;
}

const ALL_MONTHS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

function codes(days: readonly number[]): string {
	return [...new Set(days)].map((day) => CODES[day] ?? '').join();
}

function refuseMixtures(draft: Draft, whole: string): void {
	const { unit, weekdays, ordinals, monthDays, dates, interval, except, times, months } = draft;
	const byMonth = ordinals.length + monthDays.length + dates.length > 0;
	const at = times.length === 0 ? '' : ` at ${times.map(clockName).join(' and ')}`;
	const day = weekdays[0];
	const calendarUnit = unit === 'month' || unit === 'quarter' || unit === 'year';
	if (calendarUnit && day !== undefined) {
		const names = weekdays.map(weekdayName).join(' and ');
		throw ambiguous(`every ${unit} on ${names}`, [
			`first ${weekdayName(day)} of the ${unit}${at}`,
			`every ${names}${at}`,
		]);
	}
	if (calendarUnit && !byMonth) {
		const often = interval === 1 ? `every ${unit}` : `every ${interval} ${unit}s`;
		const expected = `a day, as in "${often} on the 1st${at}", or "${often}" alone, which counts from now`;
		throw notUnderstood(expected, whole);
	}
	if (unit === 'week' && weekdays.length === 0) {
		const often = interval === 1 ? 'every week' : `every ${interval} weeks`;
		const expected = `a weekday, as in "${often} on Monday${at}", or "${often}" alone, which counts from now`;
		throw notUnderstood(expected, whole);
	}
	if ((unit === 'week' || unit === 'day') && byMonth) {
		throw notUnderstood(`days of months or "every ${unit}", not both`, whole);
	}
	if (byMonth && (weekdays.length > 0 || except.length > 0)) {
		throw notUnderstood('either weekdays or days of months', whole);
	}
	if (dates.length > 0 && months.length > 0)
		throw notUnderstood('each date with its own month', whole);
	const nothing = unit === undefined && weekdays.length === 0 && !byMonth && months.length === 0;
	if (nothing) throw notUnderstood('days, as in "every day at 09:00"', whole);
}

/** Months that were named. */
function monthsOf(draft: Draft): number[] {
	return [...new Set(draft.months)].sort((a, b) => a - b);
}

function spanOf({ unit, span }: Draft): 'month' | 'quarter' | 'year' {
	if (span !== undefined) return span;
	return unit === 'quarter' || unit === 'year' ? unit : 'month';
}

function dateDays({ unit, interval }: Draft, month: number, day: number): Days {
	if (unit === 'year' && interval > 1) {
		return { freq: 'YEARLY', by: `BYMONTH=${month};BYMONTHDAY=${day}`, interval };
	}
	return { cron: `${day} ${month} *` };
}

function monthDayDays(draft: Draft, months: readonly number[], whole: string): Days {
	const { interval, monthDays } = draft;
	const inside = monthsOfSpan(draft, 1, months);
	if (interval === 1) {
		return { cron: `${field(monthDays, 1, 31)} ${field(orAll(inside), 1, 12)} *` };
	}
	return counted(draft, { by: `BYMONTHDAY=${monthDays.join()}`, inside, whole });
}

/** `first Monday`, `last day`, `3rd working day`, of months, quarters or years. */
function ordinalDays(
	draft: Draft,
	{ nth, of }: Draft['ordinals'][number],
	{ months, whole }: { months: readonly number[]; whole: string },
): Days {
	const inside = monthsOfSpan(draft, nth, months);
	const single = of !== 'day' && of.length === 1 ? of[0] : undefined;
	if (of === 'day') return counted(draft, { by: `BYMONTHDAY=${nth}`, inside, whole });
	if (single !== undefined) {
		if (Math.abs(nth) > 5) throw notUnderstood('at most the 5th of a weekday in a month', whole);
		return counted(draft, { by: `BYDAY=${nth}${CODES[single] ?? ''}`, inside, whole });
	}
	return { ...counted(draft, { by: `BYDAY=${codes(of)}`, inside, whole }), nth };
}

/** `INTERVAL` counts months, or years where a single month of the year is meant. */
function counted(
	{ interval }: Draft,
	{ by, inside, whole }: { by: string; inside: readonly number[]; whole: string },
): Extract<Days, { freq: string }> {
	if (inside.length === 0) return { freq: 'MONTHLY', by, interval };
	const months = `BYMONTH=${inside.join()};${by}`;
	if (interval === 1) return { freq: 'MONTHLY', by: months };
	if (inside.length === 1) return { freq: 'YEARLY', by: months, interval };
	throw notUnderstood('an interval of months, or of years with one month', whole);
}

/** The first days of a quarter lie in its first month, the last in its last. */
function monthsOfSpan(draft: Draft, nth: number, months: readonly number[]): readonly number[] {
	const span = spanOf(draft);
	if (months.length > 0 || span === 'month') return months;
	if (span === 'quarter') return nth > 0 ? [1, 4, 7, 10] : [3, 6, 9, 12];
	return nth > 0 ? [1] : [12];
}

import { inputError } from '../../contract/errors.ts';
import { civilToDay, lengthOfMonth, weekdayFromSunday } from './civil.ts';
import type { DayPattern } from './cron-days.ts';
import { daysOfMonth, KINDS_OF_MONTH } from './cron-days.ts';
import type { CronField } from './cron-field.ts';
import { parseField, shorten } from './cron-field.ts';
import type { Dialect, FieldName } from './cron-shapes.ts';
import { fieldsOf, MONTHS, shapeOf } from './cron-shapes.ts';

/** One field of the time of day, made for walking. */
export interface TimeField {
	values: readonly number[];
	first: number;
	last: number;
	/** By value v: the smallest chosen value that is not below v, or -1. One entry past the maximum. */
	next: Int8Array;
}

/** A cron pattern as read. Bits of a mask stand for values: bit 3 of `months` is March. */
export interface CronPattern extends DayPattern {
	text: string;
	seconds: TimeField;
	minutes: TimeField;
	hours: TimeField;
	months: number;
	/** Ascending; null when every year is chosen. */
	years: readonly number[] | null;
	/** Every hour is chosen, so the pattern goes on through both hours when clocks are set back. */
	everyHour: boolean;
	/** `*` fields with a step that does not divide their size: the last gap is shorter. */
	unevenSteps: readonly {
		unit: 'second' | 'minute' | 'hour';
		step: number;
		values: readonly number[];
	}[];
}

/** How a pattern is to be read. */
export interface CronReading {
	/** Default `vixie`. */
	dialect?: Dialect | undefined;
	/** For both day fields set; default as the dialect has it. */
	dayMatch?: 'either' | 'both' | undefined;
}

const MACROS: ReadonlyMap<string, string> = new Map([
	['@yearly', '0 0 1 1 *'],
	['@annually', '0 0 1 1 *'],
	['@monthly', '0 0 1 * *'],
	['@weekly', '0 0 * * 0'],
	['@daily', '0 0 * * *'],
	['@midnight', '0 0 * * *'],
	['@hourly', '0 * * * *'],
]);
/** The longest that each month can be, January first. */
export const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

const MAX_LENGTH = 200;
const CACHE_SIZE = 10_000;
const cache = new Map<string, CronPattern>();

/**
 * Reads 5 fields (minute, hour, day of month, month, day of week), 6 with seconds first, or `@daily` and
 * its like; in the dialect `quartz` 6 with seconds first, or 7 with the year last. Patterns are kept by text
 * and reading: any number of schedules with the same one share it.
 * @throws CapError INVALID_TIMING that names field, bounds, value and position
 */
export function parseCron(
	text: string,
	{ dialect = 'vixie', dayMatch }: CronReading = {},
	path = 'timing.cron',
): CronPattern {
	const key =
		dialect === 'vixie' && dayMatch === undefined ? text : `${dialect} ${dayMatch} ${text}`;
	const known = cache.get(key);
	if (known) return known;
	const pattern = read(text, { dialect, dayMatch, path });
	const oldest = cache.size >= CACHE_SIZE ? cache.keys().next().value : undefined;
	if (oldest !== undefined) cache.delete(oldest);
	cache.set(key, pattern);
	return pattern;
}

type Reading = { dialect: Dialect; dayMatch: CronReading['dayMatch']; path: string };

function read(text: string, reading: Reading): CronPattern {
	const { dialect, path } = reading;
	if (text.length > MAX_LENGTH) {
		const expected = `at most ${MAX_LENGTH} characters`;
		throw inputError('INVALID_TIMING', { path, expected, received: `${text.length} characters` });
	}
	const expanded = expandMacro(text, reading);
	// A macro is five fields in every dialect.
	const rules = expanded === text ? dialect : 'vixie';
	const fields = readFields(expanded, rules, path);
	const get = (name: FieldName): CronField | undefined => fields.get(name);
	const days = get('day of month') ?? NONE;
	const weekdays = get('day of week') ?? NONE;
	if (rules === 'quartz') checkQuartzDays({ days, weekdays }, reading, text);
	const hours = get('hour') ?? ZERO;
	const sunday = rules === 'quartz' ? 1 : 0;
	const years = get('year');
	const pattern: CronPattern = {
		text,
		seconds: timeField(get('second') ?? ZERO, 60),
		minutes: timeField(get('minute') ?? ZERO, 60),
		hours: timeField(hours, 24),
		days: mask(days.values),
		dayRules: days.rules,
		months: mask(get('month')?.values ?? []),
		weekdays: mask(weekdays.values.map((day) => day - sunday)),
		weekdayRules: weekdays.rules,
		eitherDay: matchesEither({ days, weekdays }, reading),
		monthMasks: new Int32Array(KINDS_OF_MONTH).fill(-1),
		years: years === undefined || years.any ? null : years.values,
		everyHour: hours.values.length === 24,
		unevenSteps: [
			...uneven('second', get('second') ?? ZERO, 60),
			...uneven('minute', get('minute') ?? ZERO, 60),
			...uneven('hour', hours, 24),
		],
	};
	refuseImpossibleDate(pattern, { days, text, path });
	return pattern;
}

const NONE: CronField = { values: [], rules: [], star: true, any: true, question: false };
const ZERO: CronField = { ...NONE, values: [0], star: false, any: false };

function readFields(text: string, dialect: Dialect, path: string): Map<FieldName, CronField> {
	const parts = [...text.matchAll(/[^ \t]+/g)];
	const names = fieldsOf(dialect, parts.length);
	if (names === undefined) throw wrongCount(text, parts.length, { dialect, path });
	return new Map(
		names.map((name, index) => {
			const found = parts[index];
			const place = { text: found?.[0] ?? '', position: (found?.index ?? 0) + 1, path };
			const label = `field ${index + 1} (${name})`;
			return [name, parseField(place, { ...shapeOf(dialect, name), label })];
		}),
	);
}

type DayFields = { days: CronField; weekdays: CronField };

/**
 * Vixie: either, unless one of the fields starts with `*`. Quartz: one of them is `?`, so it does not matter.
 * Whoever says what is meant is taken at their word.
 */
function matchesEither({ days, weekdays }: DayFields, { dayMatch }: Reading): boolean {
	if (dayMatch === undefined) return !days.star && !weekdays.star;
	return dayMatch === 'either' && !days.any && !weekdays.any;
}

function checkQuartzDays(
	{ days, weekdays }: DayFields,
	{ dayMatch, path }: Reading,
	text: string,
): void {
	if (days.question !== weekdays.question) return;
	if (!days.question && dayMatch !== undefined) return;
	const expected = days.question
		? '"?" in one of day of month and day of week only'
		: '"?" in one of day of month and day of week (dialect quartz), or "dayMatch"';
	throw inputError('INVALID_TIMING', { path, expected, received: shorten(text) });
}

function expandMacro(text: string, { path }: Reading): string {
	const trimmed = text.trim();
	if (!trimmed.startsWith('@')) return text;
	const pattern = MACROS.get(trimmed.toLowerCase());
	if (pattern !== undefined) return pattern;
	const expected = `one of ${[...MACROS.keys()].join(' ')}`;
	throw inputError('INVALID_TIMING', { path, expected, received: shorten(trimmed) });
}

function wrongCount(
	text: string,
	count: number,
	{ dialect, path }: { dialect: Dialect; path: string },
): Error {
	const expected =
		dialect === 'quartz'
			? '6 fields (second minute hour day-of-month month day-of-week), or 7 with the year last'
			: count === 7
				? '5 fields, or 6 with seconds first; a year as the 7th needs "dialect": "quartz"'
				: '5 fields (minute hour day-of-month month day-of-week), or 6 with seconds first';
	return inputError('INVALID_TIMING', { path, expected, received: `${count} in ${shorten(text)}` });
}

/** Some kind of some chosen month must have a day that fits, in a year that is chosen. */
function refuseImpossibleDate(
	pattern: CronPattern,
	{ days, text, path }: { days: CronField; text: string; path: string },
): void {
	const months = MONTHS.flatMap((_, index) =>
		(pattern.months >>> (index + 1)) & 1 ? [index] : [],
	);
	if (months.some((month) => isPossible(pattern, month))) return;
	const day = days.values[0] ?? 1;
	const tooLong = days.rules.length === 0 && months.every((m) => day > (LONGEST_MONTHS[m] ?? 0));
	const where = months.map((month) => MONTHS[month] ?? '').join(', ');
	const why = tooLong ? `no day ${day} in ${where}` : `no such day in ${where}`;
	const inYears = pattern.years === null ? '' : ' of the years';
	throw inputError('INVALID_TIMING', {
		path,
		expected: 'a date that exists',
		received: `${shorten(text)}, which never fires: ${why}${inYears}`,
	});
}

function isPossible(pattern: CronPattern, month: number): boolean {
	const longest = LONGEST_MONTHS[month] ?? 31;
	if (pattern.years !== null) {
		return pattern.years.some((year) => {
			const first = weekdayFromSunday(civilToDay(year, month + 1, 1));
			return daysOfMonth(pattern, lengthOfMonth(year, month + 1), first) !== 0;
		});
	}
	for (let length = longest === 29 ? 28 : longest; length <= longest; length++) {
		for (let first = 0; first < 7; first++) {
			if (daysOfMonth(pattern, length, first) !== 0) return true;
		}
	}
	return false;
}

function timeField({ values }: CronField, size: number): TimeField {
	const next = new Int8Array(size + 1).fill(-1);
	for (let value = size - 1, following = -1; value >= 0; value--) {
		if (values.includes(value)) following = value;
		next[value] = following;
	}
	return { values, first: values[0] ?? 0, last: values.at(-1) ?? 0, next };
}

function mask(values: readonly number[]): number {
	return values.reduce((bits, value) => bits | (1 << value), 0);
}

function uneven<U extends string>(
	unit: U,
	{ step, values }: CronField,
	size: number,
): { unit: U; step: number; values: readonly number[] }[] {
	return step === undefined || size % step === 0 ? [] : [{ unit, step, values }];
}

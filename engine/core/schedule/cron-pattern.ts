import { inputError } from '../../contract/errors.ts';
import type { CronField, FieldShape } from './cron-field.ts';
import { parseField, shorten } from './cron-field.ts';

/** One field of the time of day, made for walking. */
export interface TimeField {
	values: readonly number[];
	first: number;
	last: number;
	/** By value v: the smallest chosen value that is not below v, or -1. One entry past the maximum. */
	next: Int8Array;
}

/** A cron pattern as read. Bits of a mask stand for values: bit 3 of `months` is March. */
export interface CronPattern {
	text: string;
	seconds: TimeField;
	minutes: TimeField;
	hours: TimeField;
	days: number;
	months: number;
	/** Sunday is bit 0. */
	weekdays: number;
	/** Both day fields are restricted: a day that fits either is due (Vixie cron's rule). */
	eitherDay: boolean;
	/** Every hour is chosen, so the pattern goes on through both hours when clocks are set back. */
	everyHour: boolean;
	/** `*` fields with a step that does not divide their size: the last gap is shorter. */
	unevenSteps: readonly {
		unit: 'second' | 'minute' | 'hour';
		step: number;
		values: readonly number[];
	}[];
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
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
 * its like.
 * @throws CapError INVALID_TIMING that names field, bounds, value and position
 */
export function parseCron(text: string, path = 'timing.cron'): CronPattern {
	const known = cache.get(text);
	if (known) return known;
	const pattern = read(text, path);
	const oldest = cache.size >= CACHE_SIZE ? cache.keys().next().value : undefined;
	if (oldest !== undefined) cache.delete(oldest);
	cache.set(text, pattern);
	return pattern;
}

function read(text: string, path: string): CronPattern {
	if (text.length > MAX_LENGTH) {
		const received = `${text.length} characters`;
		throw inputError('INVALID_TIMING', {
			path,
			expected: `at most ${MAX_LENGTH} characters`,
			received,
		});
	}
	const parts = [...expandMacro(text, path).matchAll(/[^ \t]+/g)];
	if (parts.length !== 5 && parts.length !== 6) throw wrongCount(text, parts.length, path);
	const withSeconds = parts.length === 6;
	const field = (index: number, name: string, shape: Omit<FieldShape, 'label'>): CronField => {
		const found = parts[withSeconds ? index : index - 1];
		const label = `field ${withSeconds ? index + 1 : index} (${name})`;
		const place = { text: found?.[0] ?? '', position: (found?.index ?? 0) + 1, path };
		return parseField(place, { ...shape, label });
	};
	const seconds = withSeconds
		? field(0, 'second', { min: 0, max: 59 })
		: { values: [0], star: false };
	const minutes = field(1, 'minute', { min: 0, max: 59 });
	const hours = field(2, 'hour', { min: 0, max: 23 });
	const days = field(3, 'day of month', { min: 1, max: 31 });
	const months = field(4, 'month', { min: 1, max: 12, names: MONTHS });
	const weekdays = field(5, 'day of week', { min: 0, max: 6, names: WEEKDAYS, sevenIsZero: true });
	const eitherDay = !days.star && !weekdays.star;
	if (!eitherDay) refuseImpossibleDate(text, path, days.values, months.values);
	return {
		text,
		seconds: timeField(seconds.values, 60),
		minutes: timeField(minutes.values, 60),
		hours: timeField(hours.values, 24),
		days: mask(days.values),
		months: mask(months.values),
		weekdays: mask(weekdays.values),
		eitherDay,
		everyHour: hours.values.length === 24,
		unevenSteps: [
			...uneven('second', seconds, 60),
			...uneven('minute', minutes, 60),
			...uneven('hour', hours, 24),
		],
	};
}

function expandMacro(text: string, path: string): string {
	const trimmed = text.trim();
	if (!trimmed.startsWith('@')) return text;
	const pattern = MACROS.get(trimmed.toLowerCase());
	if (pattern !== undefined) return pattern;
	const expected = `one of ${[...MACROS.keys()].join(' ')}`;
	throw inputError('INVALID_TIMING', { path, expected, received: shorten(trimmed) });
}

function wrongCount(text: string, count: number, path: string): Error {
	const expected =
		count === 7
			? '5 fields, or 6 with seconds first; a year field is not supported yet'
			: '5 fields (minute hour day-of-month month day-of-week), or 6 with seconds first';
	return inputError('INVALID_TIMING', { path, expected, received: `${count} in ${shorten(text)}` });
}

/** With "either", a weekday always comes; otherwise some chosen month must have the smallest chosen day. */
function refuseImpossibleDate(
	text: string,
	path: string,
	days: readonly number[],
	months: readonly number[],
): void {
	const day = days[0] ?? 1;
	if (months.some((month) => day <= (LONGEST_MONTHS[month - 1] ?? 0))) return;
	const where = months.map((month) => MONTHS[month - 1] ?? '').join(', ');
	throw inputError('INVALID_TIMING', {
		path,
		expected: 'a date that exists',
		received: `${shorten(text)}, which never fires: no day ${day} in ${where}`,
	});
}

function timeField(values: readonly number[], size: number): TimeField {
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

import type { CapError } from '../../contract/errors.ts';
import { inputError } from '../../contract/errors.ts';
import { shorten } from './cron-field.ts';

/* The value of one RRULE line, RFC 5545 section 3.3.10, read and checked. */

export const FREQUENCIES = [
	'YEARLY',
	'MONTHLY',
	'WEEKLY',
	'DAILY',
	'HOURLY',
	'MINUTELY',
	'SECONDLY',
] as const;
export type Frequency = (typeof FREQUENCIES)[number];

export const WEEKDAY_CODES = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;

export interface NumberedDay {
	/** Monday is 0. */
	weekday: number;
	/** The nth of the month or year, from its end when negative; 0: all of them. */
	nth: number;
}

export interface RuleParts {
	freq: Frequency;
	interval: number;
	count?: number;
	/** As written: `20271224`, `20271224T090000` or with `Z`. */
	until?: string;
	bySecond: readonly number[];
	byMinute: readonly number[];
	byHour: readonly number[];
	byDay: readonly NumberedDay[];
	byMonthDay: readonly number[];
	byYearDay: readonly number[];
	byWeekNo: readonly number[];
	byMonth: readonly number[];
	bySetPos: readonly number[];
	/** Monday is 0. */
	weekStart: number;
}

const MAX_INTERVAL = 1_000_000;
/** The last of so many is looked for once, in some milliseconds; beyond, `limit` counts runs at no cost. */
const MAX_COUNT = 100_000;
const DATE_OR_TIME = /^\d{8}(?:T\d{6}Z?)?$/;

/** Parts that take a list of numbers: bounds, and whether counting from the end is allowed. */
const LISTS = {
	BYSECOND: { min: 0, max: 59, signed: false },
	BYMINUTE: { min: 0, max: 59, signed: false },
	BYHOUR: { min: 0, max: 23, signed: false },
	BYMONTHDAY: { min: 1, max: 31, signed: true },
	BYYEARDAY: { min: 1, max: 366, signed: true },
	BYWEEKNO: { min: 1, max: 53, signed: true },
	BYMONTH: { min: 1, max: 12, signed: false },
	BYSETPOS: { min: 1, max: 366, signed: true },
} as const;
type ListPart = keyof typeof LISTS;

const KNOWN = ['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', ...Object.keys(LISTS), 'BYDAY', 'WKST'];

export function wrong(
	path: string,
	{ part, expected, received }: { part: string; expected: string; received: string },
): CapError {
	return inputError('INVALID_TIMING', {
		path,
		expected: `rrule: ${part}: ${expected}`,
		received: shorten(received),
	});
}

/** @throws CapError INVALID_TIMING that names the part */
export function parseParts(value: string, path: string): RuleParts {
	const given = split(value, path);
	const freq = readFrequency(given.get('FREQ'), path);
	const list = (part: ListPart): number[] => readList(given.get(part), part, path);
	const until = given.get('UNTIL');
	if (until !== undefined && !DATE_OR_TIME.test(until)) {
		const expected = 'a date or time like 20271224T090000Z';
		throw wrong(path, { part: 'UNTIL', expected, received: until });
	}
	const count = readNumber(given, 'COUNT', { max: MAX_COUNT, path });
	if (count !== undefined && until !== undefined) {
		const expected = 'not together with UNTIL (RFC 5545, 3.3.10)';
		throw wrong(path, { part: 'COUNT', expected, received: 'both' });
	}
	const parts: RuleParts = {
		freq,
		interval: readNumber(given, 'INTERVAL', { max: MAX_INTERVAL, path }) ?? 1,
		...(count === undefined ? {} : { count }),
		...(until === undefined ? {} : { until }),
		bySecond: list('BYSECOND'),
		byMinute: list('BYMINUTE'),
		byHour: list('BYHOUR'),
		byDay: readDays(given.get('BYDAY'), path),
		byMonthDay: list('BYMONTHDAY'),
		byYearDay: list('BYYEARDAY'),
		byWeekNo: list('BYWEEKNO'),
		byMonth: list('BYMONTH'),
		bySetPos: list('BYSETPOS'),
		weekStart: readWeekday(given.get('WKST') ?? 'MO', 'WKST', path),
	};
	refuseMisfits(parts, given, path);
	return parts;
}

function split(value: string, path: string): Map<string, string> {
	const given = new Map<string, string>();
	for (const piece of value.toUpperCase().replace(/;$/, '').split(';')) {
		const [, name = '', rest = ''] = /^([A-Z-]+)[ \t]*=(.*)$/s.exec(piece.trim()) ?? [];
		const text = rest.trim();
		if (name === '' || text === '') {
			const expected = 'parts like FREQ=WEEKLY;BYDAY=MO';
			throw wrong(path, { part: 'RRULE', expected, received: piece });
		}
		if (name === 'RSCALE' || name === 'SKIP') {
			const expected =
				'nothing: RFC 7529 is not understood; for the last day of each month write BYMONTHDAY=-1';
			throw wrong(path, { part: name, expected, received: text });
		}
		if (!KNOWN.includes(name)) {
			throw wrong(path, { part: name, expected: `one of ${KNOWN.join(' ')}`, received: name });
		}
		if (given.has(name)) {
			throw wrong(path, { part: name, expected: 'at most once', received: 'more' });
		}
		given.set(name, text);
	}
	return given;
}

function readFrequency(text: string | undefined, path: string): Frequency {
	const freq = FREQUENCIES.find((each) => each === text);
	if (freq !== undefined) return freq;
	const expected = `one of ${FREQUENCIES.join(' ')}`;
	throw wrong(path, { part: 'FREQ', expected, received: text ?? 'none' });
}

function readNumber(
	given: ReadonlyMap<string, string>,
	part: 'INTERVAL' | 'COUNT',
	{ max, path }: { max: number; path: string },
): number | undefined {
	const text = given.get(part);
	if (text === undefined) return undefined;
	const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
	if (value >= 1 && value <= max) return value;
	throw wrong(path, { part, expected: `a whole number from 1 to ${max}`, received: text });
}

function readList(text: string | undefined, part: ListPart, path: string): number[] {
	if (text === undefined) return [];
	const { min, max, signed } = LISTS[part];
	const bounds = `${min}-${max}${signed ? ` or -${max} to -${min}` : ''}`;
	const values = text.split(',').map((piece) => {
		const item = piece.trim();
		const value = /^[+-]?\d{1,3}$/.test(item) ? Number(item) : Number.NaN;
		if (part === 'BYSECOND' && value === 60) {
			const expected = 'no leap second: no clock here shows 60';
			throw wrong(path, { part, expected, received: item });
		}
		const size = signed ? Math.abs(value) : value;
		if (size >= min && size <= max) return value;
		if (Number.isNaN(value)) {
			throw wrong(path, { part, expected: `numbers ${bounds}`, received: item });
		}
		throw wrong(path, { part, expected: `${item} is outside ${bounds}`, received: item });
	});
	return [...new Set(values)].sort((a, b) => a - b);
}

function readDays(text: string | undefined, path: string): NumberedDay[] {
	if (text === undefined) return [];
	const days = new Map<string, NumberedDay>();
	for (const piece of text.split(',')) {
		const item = piece.trim();
		const [, number, code] = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(item) ?? [];
		if (code === undefined) {
			const expected = 'days like MO, 1MO or -1FR';
			throw wrong(path, { part: 'BYDAY', expected, received: item });
		}
		const nth = Number(number ?? 0);
		if ((number !== undefined && nth === 0) || Math.abs(nth) > 53) {
			const expected = `${item}: the number is outside 1-53 or -53 to -1`;
			throw wrong(path, { part: 'BYDAY', expected, received: item });
		}
		const weekday = readWeekday(code, 'BYDAY', path);
		days.set(`${nth}${code}`, { weekday, nth });
	}
	return [...days.values()];
}

function readWeekday(code: string, part: string, path: string): number {
	const weekday = WEEKDAY_CODES.findIndex((each) => each === code);
	if (weekday >= 0) return weekday;
	throw wrong(path, { part, expected: `one of ${WEEKDAY_CODES.join(' ')}`, received: code });
}

const NOT_WITH: readonly { part: string; freqs: readonly Frequency[] }[] = [
	{ part: 'BYMONTHDAY', freqs: ['WEEKLY'] },
	{ part: 'BYYEARDAY', freqs: ['DAILY', 'WEEKLY', 'MONTHLY'] },
	{
		part: 'BYWEEKNO',
		freqs: ['MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY', 'SECONDLY'],
	},
];

/** What the RFC says MUST NOT be. */
function refuseMisfits(parts: RuleParts, given: ReadonlyMap<string, string>, path: string): void {
	const { freq, byDay, byWeekNo, bySetPos } = parts;
	for (const { part, freqs } of NOT_WITH) {
		if (!given.has(part) || !freqs.includes(freq)) continue;
		const expected = `not with FREQ=${freq} (RFC 5545, 3.3.10)`;
		throw wrong(path, { part, expected, received: given.get(part) ?? '' });
	}
	const numbered = byDay.some(({ nth }) => nth !== 0);
	if (numbered && freq !== 'MONTHLY' && freq !== 'YEARLY') {
		const expected = `numbered days only with FREQ=MONTHLY or YEARLY, not ${freq}`;
		throw wrong(path, { part: 'BYDAY', expected, received: given.get('BYDAY') ?? '' });
	}
	if (numbered && byWeekNo.length > 0) {
		const expected = 'no numbered days together with BYWEEKNO';
		throw wrong(path, { part: 'BYDAY', expected, received: given.get('BYDAY') ?? '' });
	}
	const others = [...given.keys()].some((name) => name.startsWith('BY') && name !== 'BYSETPOS');
	if (bySetPos.length > 0 && !others) {
		const expected = 'only together with another part that begins with BY';
		throw wrong(path, { part: 'BYSETPOS', expected, received: given.get('BYSETPOS') ?? '' });
	}
}

/** The canonical text of the value: what was understood, in a fixed order. */
export function formatParts(parts: RuleParts): string {
	const days = parts.byDay.map(({ weekday, nth }) => `${nth || ''}${WEEKDAY_CODES[weekday] ?? ''}`);
	const fields: [string, string][] = [
		['FREQ', parts.freq],
		['INTERVAL', parts.interval === 1 ? '' : String(parts.interval)],
		['COUNT', String(parts.count ?? '')],
		['UNTIL', parts.until ?? ''],
		['BYMONTH', parts.byMonth.join(',')],
		['BYWEEKNO', parts.byWeekNo.join(',')],
		['BYYEARDAY', parts.byYearDay.join(',')],
		['BYMONTHDAY', parts.byMonthDay.join(',')],
		['BYDAY', days.join(',')],
		['BYHOUR', parts.byHour.join(',')],
		['BYMINUTE', parts.byMinute.join(',')],
		['BYSECOND', parts.bySecond.join(',')],
		['BYSETPOS', parts.bySetPos.join(',')],
		['WKST', parts.weekStart === 0 ? '' : (WEEKDAY_CODES[parts.weekStart] ?? '')],
	];
	return fields
		.filter(([, value]) => value !== '')
		.map(([name, value]) => `${name}=${value}`)
		.join(';');
}

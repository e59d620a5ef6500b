/**
 * Dates and instants as texts of ISO 8601, without the surprises of `Date`: checked to the day, exact to
 * the nanosecond, years 0001 to 9999. A leap second (`23:59:60`) is none that anybody's format can hold
 * as an instant: such a text is no moment here, so it stays the text that it is.
 */
export type MomentKind = 'date' | 'datetime' | 'instant';

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAY_MS = 86_400_000;
const ZERO = 0x30;
const DASH = 0x2d;
const COLON = 0x3a;
const MAX_FRACTION = 9;
/** What so many digits after the point have to be multiplied by. */
const NANOS = [1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 100, 10, 1];

export const isLeapYear = (year: number): boolean =>
	year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

/** Two digits at `at`, or -1. */
function two(text: string, at: number): number {
	const tens = text.charCodeAt(at) - ZERO;
	const ones = text.charCodeAt(at + 1) - ZERO;
	return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

function isDateAt(text: string): boolean {
	if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return false;
	const [century, rest, month, day] = [two(text, 0), two(text, 2), two(text, 5), two(text, 8)];
	if (century < 0 || rest < 0 || century + rest === 0 || month < 1 || month > 12 || day < 1) {
		return false;
	}
	const days = month === 2 && isLeapYear(century * 100 + rest) ? 29 : DAYS[month - 1]!;
	return day <= days;
}

/** Where the time of day at `at` ends, or -1: `08:00`, `08:00:00`, with up to nine digits after it. */
function endOfTime(text: string, at: number): number {
	const [hour, minute] = [two(text, at), two(text, at + 3)];
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return -1;
	if (text.charCodeAt(at + 2) !== COLON) return -1;
	if (text.charCodeAt(at + 5) !== COLON) return at + 5;
	const second = two(text, at + 6);
	if (second < 0 || second > 59) return -1;
	let end = at + 8;
	if (text[end] !== '.') return end;
	const from = ++end;
	while (text.charCodeAt(end) >= ZERO && text.charCodeAt(end) <= ZERO + 9) end += 1;
	return end > from && end - from <= MAX_FRACTION ? end : -1;
}

/** `Z`, `+01:00`, `+0100` or `+01` and nothing after it. */
function isZoneAt(text: string, at: number): boolean {
	if (text[at] === 'Z') return text.length === at + 1;
	if (text[at] !== '+' && text[at] !== '-') return false;
	const hour = two(text, at + 1);
	if (hour < 0 || hour > 23) return false;
	if (text.length === at + 3) return true;
	const minutes = text.charCodeAt(at + 3) === COLON ? at + 4 : at + 3;
	const minute = two(text, minutes);
	return minute >= 0 && minute <= 59 && text.length === minutes + 2;
}

/** What kind of moment the text is, or undefined: `2026-02-30` is none. */
export function momentKind(text: string): MomentKind | undefined {
	const { length } = text;
	if (length < 10 || length > 40 || text.charCodeAt(4) !== DASH || !isDateAt(text))
		return undefined;
	if (length === 10) return 'date';
	if (text[10] !== 'T' && text[10] !== ' ') return undefined;
	const end = endOfTime(text, 11);
	if (end < 0) return undefined;
	if (end === length) return 'datetime';
	return isZoneAt(text, end) ? 'instant' : undefined;
}

export const isTimeOfDay = (text: string): boolean => endOfTime(text, 0) === text.length;

/** ISO 8601 durations as PostgreSQL writes them too: `P1Y2M3DT4H5M6.5S`, also with minus signs. */
const DURATION =
	/^-?P(?=.)(?:-?\d+Y)?(?:-?\d+M)?(?:-?\d+W)?(?:-?\d+D)?(?:T(?=.)(?:-?\d+H)?(?:-?\d+M)?(?:-?\d+(?:\.\d{1,9})?S)?)?$/;
export const isDuration = (text: string): boolean => DURATION.test(text);

/** Days since 1970-01-01 of a text that begins with a date. */
export function dayNumber(text: string): number {
	const year = two(text, 0) * 100 + two(text, 2);
	const [month, day] = [two(text, 5), two(text, 8)];
	// Hinnant's days_from_civil: the year begins in March, so that leap days come last
	const y = month <= 2 ? year - 1 : year;
	const era = Math.floor(y / 400);
	const yearOfEra = y - era * 400;
	const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
	const dayOfEra =
		yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
	return era * 146_097 + dayOfEra - 719_468;
}

/** A moment in parts of a number each: exact, and cheap. */
export interface Moment {
	/** Since 1970-01-01, in UTC for an instant, by the wall clock otherwise. */
	days: number;
	/** Milliseconds of that day, without what `nanos` holds. */
	millis: number;
	/** Nanoseconds beyond the millisecond: 0 to 999,999. */
	nanos: number;
}

/** @param at where the time of day begins */
function timeAt(text: string, at: number): { millis: number; nanos: number; end: number } {
	let millis = two(text, at) * 3_600_000 + two(text, at + 3) * 60_000;
	let end = at + 5;
	if (text.charCodeAt(end) !== COLON) return { millis, nanos: 0, end };
	millis += two(text, end + 1) * 1000;
	end += 3;
	if (text[end] !== '.') return { millis, nanos: 0, end };
	const from = ++end;
	let fraction = 0;
	for (let digit; (digit = text.charCodeAt(end) - ZERO) >= 0 && digit <= 9; end++) {
		fraction = fraction * 10 + digit;
	}
	fraction *= NANOS[end - from]!;
	return { millis: millis + Math.floor(fraction / 1e6), nanos: fraction % 1e6, end };
}

function zoneMinutes(text: string, at: number): number {
	if (at >= text.length || text[at] === 'Z') return 0;
	const colon = text.charCodeAt(at + 3) === COLON ? 4 : 3;
	const minutes = two(text, at + 1) * 60 + (text.length > at + 3 ? two(text, at + colon) : 0);
	return text[at] === '-' ? -minutes : minutes;
}

/** Reads a text of which `momentKind` said what it is. */
export function readMoment(text: string): Moment {
	const days = dayNumber(text);
	if (text.length === 10) return { days, millis: 0, nanos: 0 };
	const { millis, nanos, end } = timeAt(text, 11);
	const utc = millis - zoneMinutes(text, end) * 60_000;
	const carry = Math.floor(utc / DAY_MS);
	return { days: days + carry, millis: utc - carry * DAY_MS, nanos };
}

/** Milliseconds since 1970; what is smaller is cut off. A wall clock's reading counts as if it were UTC. */
export function epochMillis(text: string): number {
	const { days, millis } = readMoment(text);
	return days * DAY_MS + millis;
}

/** Microseconds since 1970. @param cut called where digits beyond them are cut off */
export function epochMicros(text: string, cut: () => void): bigint {
	const { days, millis, nanos } = readMoment(text);
	if (nanos % 1000 !== 0) cut();
	return BigInt(days * DAY_MS + millis) * 1000n + BigInt(Math.floor(nanos / 1000));
}

/** Microseconds since midnight of a time of day. @param cut called where digits beyond them are cut off */
export function dayMicros(text: string, cut: () => void): number {
	const { millis, nanos } = timeAt(text, 0);
	if (nanos % 1000 !== 0) cut();
	return millis * 1000 + Math.floor(nanos / 1000);
}

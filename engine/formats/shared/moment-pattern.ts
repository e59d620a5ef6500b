import { momentKind, readMoment, type Moment } from './moments.ts';
import { zoneOffsets } from './zone.ts';

const DAY_MS = 86_400_000;

/** Longest first: `MMMM` is no `MM` twice. */
const TOKEN =
	/yyyy|yy|MMMM|MMM|MM|M|dd|d|EEEE|EEE|HH|H|hh|h|mm|ss|S{1,9}|a|XXX|'(?:[^']|'')*'|[^A-Za-z']/gu;

/** A date's look by the letters of CLDR: `dd.MM.yyyy HH:mm`, `d MMM yyyy`, literals in single quotes. */
export type MomentPattern = readonly string[];

/** @returns undefined for what is no pattern */
export function readMomentPattern(text: string): MomentPattern | undefined {
	const tokens = text.match(TOKEN) ?? [];
	const whole = tokens.join('') === text && text !== '';
	return whole && tokens.some((token) => /^[A-Za-z]/.test(token)) ? tokens : undefined;
}

interface Clock {
	year: number;
	month: number;
	day: number;
	weekday: number;
	/** Of the day. */
	millis: number;
	nanos: number;
	/** Minutes that the clock is ahead of UTC; undefined for a clock without a zone. */
	offset: number | undefined;
}

type Piece = (clock: Clock) => string;

const pad = (value: number, length: number): string => String(value).padStart(length, '0');
const hour = ({ millis }: Clock): number => Math.floor(millis / 3_600_000);
const hour12 = (clock: Clock): number => hour(clock) % 12 || 12;
const fraction = ({ millis, nanos }: Clock): string => pad(millis % 1000, 3) + pad(nanos, 6);

function offsetText({ offset }: Clock): string {
	if (offset === undefined) return '';
	if (offset === 0) return 'Z';
	const minutes = Math.abs(offset);
	return `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60), 2)}:${pad(Math.floor(minutes % 60), 2)}`;
}

const PIECES: Readonly<Record<string, Piece>> = {
	yyyy: ({ year }) => pad(year, 4),
	yy: ({ year }) => pad(year % 100, 2),
	MM: ({ month }) => pad(month, 2),
	M: ({ month }) => String(month),
	dd: ({ day }) => pad(day, 2),
	d: ({ day }) => String(day),
	HH: (clock) => pad(hour(clock), 2),
	H: (clock) => String(hour(clock)),
	hh: (clock) => pad(hour12(clock), 2),
	h: (clock) => String(hour12(clock)),
	mm: ({ millis }) => pad(Math.floor(millis / 60_000) % 60, 2),
	ss: ({ millis }) => pad(Math.floor(millis / 1000) % 60, 2),
	a: (clock) => (hour(clock) < 12 ? 'AM' : 'PM'),
	XXX: offsetText,
};

function names(locale: string, token: string): Piece {
	const width = token.length === 4 ? 'long' : 'short';
	const isMonth = token.startsWith('M');
	const format = new Intl.DateTimeFormat(`${locale}-u-ca-gregory`, {
		timeZone: 'UTC',
		...(isMonth ? { month: width, day: 'numeric' } : { weekday: width }),
	});
	const type = isMonth ? 'month' : 'weekday';
	const nameOf = (at: number): string =>
		format.formatToParts(at).find((part) => part.type === type)?.value ?? '';
	// 4 January 1970 was a Sunday
	const all = Array.from({ length: isMonth ? 12 : 7 }, (_, n) =>
		nameOf(isMonth ? Date.UTC(2001, n, 1) : Date.UTC(1970, 0, 4 + n)),
	);
	return isMonth ? ({ month }) => all[month - 1]! : ({ weekday }) => all[weekday]!;
}

function pieceOf(token: string, locale: string): Piece {
	if (/^(?:MMMM?|EEEE?)$/.test(token)) return names(locale, token);
	if (/^S+$/.test(token)) return (clock) => fraction(clock).slice(0, token.length);
	const literal = token.startsWith("'") ? token.slice(1, -1).replaceAll("''", "'") || "'" : token;
	return PIECES[token] ?? (() => literal);
}

function clockOf({ days, millis, nanos }: Moment, offset: number | undefined): Clock {
	const local = millis + (offset ?? 0);
	const carry = Math.floor(local / DAY_MS);
	const day = days + carry;
	const date = new Date(day * DAY_MS);
	return {
		year: date.getUTCFullYear(),
		month: date.getUTCMonth() + 1,
		day: date.getUTCDate(),
		weekday: date.getUTCDay(),
		millis: local - carry * DAY_MS,
		nanos,
		offset: offset === undefined ? undefined : offset / 60_000,
	};
}

/** Takes the text of a moment; gives what is none back as it is. */
export type WriteMoment = (text: string) => string;

/** @param timeZone by whose clocks instants are written; dates and readings without a zone stay */
export function momentWriter(
	pattern: MomentPattern,
	{ locale, timeZone }: { locale: string; timeZone: string },
): WriteMoment {
	const pieces = pattern.map((token) => pieceOf(token, locale));
	const offsetAt = zoneOffsets(timeZone);
	return (text) => {
		const kind = momentKind(text);
		if (kind === undefined) return text;
		const moment = readMoment(text);
		const offset = kind === 'instant' ? offsetAt(moment.days * DAY_MS + moment.millis) : undefined;
		const clock = clockOf(moment, offset);
		let written = '';
		for (const piece of pieces) written += piece(clock);
		return written;
	};
}

const ISO = readMomentPattern("yyyy-MM-dd'T'HH:mm:ss")!;

/** An instant in ISO 8601 by the clocks of a zone, with its offset and as many digits as it came with. */
export function zonedWriter(timeZone: string): WriteMoment {
	const write = momentWriter(ISO, { locale: 'en', timeZone });
	const offset = momentWriter(['XXX'], { locale: 'en', timeZone });
	return (text) => {
		if (momentKind(text) !== 'instant') return text;
		const digits = /\.\d+/.exec(text)?.[0] ?? '';
		return write(text) + digits + offset(text);
	};
}

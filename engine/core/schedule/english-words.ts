import type { CapError } from '../../contract/errors.ts';
import { shorten } from './cron-field.ts';
import { invalidTiming } from './timing-errors.ts';
import { DAY_NAMES, MONTH_NAMES, ordinal, two } from './words-parts.ts';

/* The words of the English that `frequency` understands; `docs/timing-english.md` has the grammar. */

const WEEKDAYS: readonly (readonly string[])[] = [
	['sunday', 'sun'],
	['monday', 'mon'],
	['tuesday', 'tue', 'tues'],
	['wednesday', 'wed', 'weds'],
	['thursday', 'thu', 'thur', 'thurs'],
	['friday', 'fri'],
	['saturday', 'sat'],
];
const MONTHS: readonly (readonly string[])[] = [
	['january', 'jan'],
	['february', 'feb'],
	['march', 'mar'],
	['april', 'apr'],
	['may'],
	['june', 'jun'],
	['july', 'jul'],
	['august', 'aug'],
	['september', 'sep', 'sept'],
	['october', 'oct'],
	['november', 'nov'],
	['december', 'dec'],
];
const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth'];
const NUMBERS = 'one two three four five six seven eight nine ten eleven twelve'.split(' ');
export const UNITS = ['minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'] as const;
export type Unit = (typeof UNITS)[number];

/** Sunday is 0. */
export const WORKING_DAYS: readonly number[] = [1, 2, 3, 4, 5];
export const WEEKEND: readonly number[] = [6, 0];

export interface TimeOfDay {
	hour: number;
	minute: number;
}

export interface Token {
	text: string;
	/** As the user wrote it. */
	written: string;
}

export function tokensOf(text: string): Token[] {
	return text
		.trim()
		.replace(/[.!]$/, '')
		.replace(/[(),;&]/g, (sign) => (sign === '(' || sign === ')' ? ' ' : ' and '))
		.replace(/(?<=[a-z])\s*[-–]\s*(?=[a-z])/gi, ' to ')
		.replace(/(\d)\s+([ap]m)\b/gi, '$1$2')
		.split(/\s+/)
		.filter((written) => written !== '')
		.map((written) => ({ text: written.toLowerCase(), written }));
}

/** A hyphen in a zone's name is none of a range: `America/Port-au-Prince` is taken out before. */
export function splitZone(text: string): { rest: string; zone?: string } {
	const [, rest, zone] =
		/^(.*?)[\s,(]+(?:in\s+)?([a-z_]+\/[a-z0-9_+/-]+|utc)\)?[\s.]*$/i.exec(text) ?? [];
	return rest === undefined || zone === undefined ? { rest: text } : { rest, zone };
}

function indexIn(lists: readonly (readonly string[])[], word: string): number | undefined {
	const index = lists.findIndex((names) => names.includes(word));
	return index < 0 ? undefined : index;
}

/** Sunday is 0; `mondays` is one, too. */
export function weekdayNamed(word: string): number | undefined {
	return indexIn(WEEKDAYS, word) ?? indexIn(WEEKDAYS, word.replace(/s$/, ''));
}

/** January is 1. */
export function monthNamed(word: string): number | undefined {
	const index = indexIn(MONTHS, word);
	return index === undefined ? undefined : index + 1;
}

/** `3rd`, `third`, and -1 for `last`. */
export function ordinalNamed(word: string): number | undefined {
	if (word === 'last') return -1;
	const index = ORDINALS.indexOf(word);
	if (index >= 0) return index + 1;
	const [, digits, ending] = /^(\d{1,2})(st|nd|rd|th)$/.exec(word) ?? [];
	return digits === undefined || ending === undefined ? undefined : Number(digits);
}

export function numberNamed(word: string): number | undefined {
	if (/^\d{1,4}$/.test(word)) return Number(word);
	const index = NUMBERS.indexOf(word);
	return index < 0 ? undefined : index + 1;
}

export function unitNamed(word: string): Unit | undefined {
	const single = word === 'mins' || word === 'min' ? 'minute' : word.replace(/s$/, '');
	return UNITS.find((unit) => unit === (single === 'hr' ? 'hour' : single));
}

/** `09:00`, `9am`, `6:30pm`, `noon`; a bare hour is of the 24-hour clock. */
export function timeNamed(word: string): TimeOfDay | undefined {
	if (word === 'noon' || word === 'midday') return { hour: 12, minute: 0 };
	if (word === 'midnight') return { hour: 0, minute: 0 };
	const [, hours, minutes, half] = /^(\d{1,2})(?::(\d{2}))?([ap]m)?$/.exec(word) ?? [];
	if (hours === undefined) return undefined;
	const [hour, minute] = [Number(hours), Number(minutes ?? 0)];
	if (minute > 59) return undefined;
	if (half === undefined) return hour > 23 ? undefined : { hour, minute };
	if (hour < 1 || hour > 12) return undefined;
	return { hour: (hour % 12) + (half === 'pm' ? 12 : 0), minute };
}

/** Says by itself that it is a time. */
export function looksLikeTime(word: string): boolean {
	return /^\d{1,2}:\d{2}(?:[ap]m)?$|^\d{1,2}[ap]m$|^noon$|^midday$|^midnight$/.test(word);
}

export function weekdayName(weekday: number): string {
	return DAY_NAMES[weekday] ?? '';
}

export function monthName(month: number): string {
	return MONTH_NAMES[month - 1] ?? '';
}

export function ordinalName(value: number): string {
	return value === -1 ? 'last' : ordinal(value);
}

export function clockName({ hour, minute }: TimeOfDay): string {
	return `${two(hour)}:${two(minute)}`;
}

/** What may be read in two ways is refused with both, each as one would write it. */
export function ambiguous(what: string, readings: readonly [string, string]): CapError {
	const [one, other] = readings;
	const expected = `one of two readings: "${one}", or "${other}"`;
	return invalidTiming('frequency', expected, `${shorten(what)}, which may mean both`);
}

export function notUnderstood(expected: string, what: string): CapError {
	return invalidTiming('frequency', expected, shorten(what));
}

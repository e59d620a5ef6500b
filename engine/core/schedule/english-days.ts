import type { Reader } from './english-reader.ts';
import { peek, take, takeList, takeNamed } from './english-reader.ts';
import {
	monthNamed,
	notUnderstood,
	ordinalNamed,
	WEEKEND,
	weekdayNamed,
	WORKING_DAYS,
} from './english-words.ts';

/* Days: weekdays, dates, and the nth of a month. */

/** Any words for days; false when there are none. */
export function readDays(reader: Reader): boolean {
	const { draft } = reader;
	const start = reader.at;
	for (;;) {
		const before = reader.at;
		while (reader.at > start && take(reader, 'and'));
		take(reader, 'the', 'on');
		if (!readDate(reader) && !readOrdinals(reader)) {
			const days = takeList(reader, takeWeekdays).flat();
			if (days.length === 0) {
				reader.at = before;
				return reader.at > start;
			}
			draft.weekdays.push(...days);
		}
	}
}

/** `Monday`, `Monday to Friday`, `weekdays`, `weekend`, `working day`. */
export function takeWeekdays(reader: Reader): number[] | undefined {
	if (take(reader, 'weekday', 'weekdays', 'workday', 'workdays')) return [...WORKING_DAYS];
	if (take(reader, 'weekend', 'weekends')) return [...WEEKEND];
	if (takeWorkingDay(reader)) return [...WORKING_DAYS];
	const first = takeNamed(reader, weekdayNamed);
	if (first === undefined) return undefined;
	if (!['to', 'through', 'until'].includes(peek(reader))) return [first];
	const last = weekdayNamed(peek(reader, 1));
	if (last === undefined) return [first];
	reader.at += 2;
	return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => (first + index) % 7);
}

function takeWorkingDay(reader: Reader): boolean {
	const two = ['working', 'business'].includes(peek(reader)) && /^days?$/.test(peek(reader, 1));
	if (two) reader.at += 2;
	return two;
}

/** `24 December`, `December 24th`, `24th of December`. */
function readDate(reader: Reader): boolean {
	const { draft } = reader;
	const start = reader.at;
	const early = takeNamed(reader, monthNamed);
	if (early !== undefined) {
		const days = takeList(reader, (each) => takeNamed(each, dayNumber));
		if (days.length === 0) {
			reader.at = start;
			return false;
		}
		draft.dates.push(...days.map((day) => ({ month: early, day })));
		return true;
	}
	const day = takeNamed(reader, dayNumber);
	if (day !== undefined) {
		take(reader, 'of');
		const month = takeNamed(reader, monthNamed);
		if (month !== undefined) {
			draft.dates.push({ month, day });
			return true;
		}
	}
	reader.at = start;
	return false;
}

function dayNumber(word: string): number | undefined {
	const ordinal = ordinalNamed(word);
	const value = ordinal ?? (/^\d{1,2}$/.test(word) ? Number(word) : undefined);
	return value !== undefined && value >= 1 && value <= 31 ? value : undefined;
}

/** `1st and 15th`, `first Monday`, `last day`, `last working day`. */
function readOrdinals(reader: Reader): boolean {
	const { draft } = reader;
	const list = takeList(reader, (each) => {
		take(each, 'the');
		return takeNamed(each, ordinalNamed);
	});
	if (list.length === 0) return false;
	if (take(reader, 'day', 'days')) {
		draft.ordinals.push(...list.map((nth) => ({ nth, of: 'day' as const })));
		return true;
	}
	const groups = takeList(reader, takeWeekdays);
	if (groups.length > 0) {
		for (const nth of list) draft.ordinals.push(...groups.map((of) => ({ nth, of })));
		return true;
	}
	const wrong = list.find((nth) => nth < 1 || nth > 31);
	if (wrong !== undefined) {
		throw notUnderstood('"day", "working day" or a weekday after "last"', reader.whole);
	}
	draft.monthDays.push(...list);
	return true;
}

import { readDays, takeWeekdays } from './english-days.ts';
import type { Draft, Reader } from './english-reader.ts';
import { peek, take, takeList, takeNamed } from './english-reader.ts';
import type { TimeOfDay, Token, Unit } from './english-words.ts';
import {
	ambiguous,
	clockName,
	looksLikeTime,
	monthName,
	monthNamed,
	notUnderstood,
	numberNamed,
	ordinalName,
	ordinalNamed,
	timeNamed,
	unitNamed,
	weekdayName,
	weekdayNamed,
} from './english-words.ts';

/** Reads from left to right; clauses come in any order. */
export function draftOf(tokens: readonly Token[], whole: string): Draft {
	const draft: Draft = {
		interval: 1,
		weekdays: [],
		ordinals: [],
		monthDays: [],
		dates: [],
		months: [],
		times: [],
		offsets: [],
		except: [],
		notes: [],
	};
	const reader = { tokens, at: 0, whole, draft };
	while (reader.at < tokens.length) readClause(reader);
	return draft;
}

function readClause(reader: Reader): void {
	const word = peek(reader);
	refuseKnownTraps(reader, word);
	if (take(reader, 'and', 'the')) return;
	if (take(reader, 'every', 'each')) return readEvery(reader);
	if (take(reader, 'at')) return readTimes(reader);
	if (take(reader, 'between', 'from')) return readWindow(reader);
	if (take(reader, 'except', 'but')) return readExcept(reader);
	if (take(reader, 'of', 'in')) return readOf(reader);
	if (take(reader, 'on')) return readOn(reader);
	if (readAdverb(reader) || readTimesADay(reader)) return;
	if (looksLikeTime(word)) return readTimes(reader);
	if (readDays(reader)) return;
	throw unknown(reader);
}

function unknown(reader: Reader): Error {
	const word = reader.tokens[reader.at]?.written;
	const expected =
		'English like "every weekday at 09:00" (docs/timing-english.md), "every 15m", "@daily" or a cron pattern';
	const received = word === undefined ? 'nothing more' : `"${word}"`;
	return notUnderstood(`${expected}; stopped at ${received}`, reader.whole);
}

function refuseKnownTraps(reader: Reader, word: string): void {
	const at = spokenTimes(reader.draft.times);
	if (word === 'biweekly')
		throw ambiguous(word, [`every 2 weeks on Monday${at}`, `every Monday and Thursday${at}`]);
	if (word === 'bimonthly')
		throw ambiguous(word, [
			`every 2 months on the 1st${at}`,
			`on the 1st and 15th of every month${at}`,
		]);
	if (word === 'biannually' || word === 'biennially') {
		throw ambiguous(word, [`on 1 January and 1 July${at}`, `every 2 years on 1 January${at}`]);
	}
	if (word === 'next' || word === 'this' || word === 'tomorrow' || word === 'today') {
		const day = weekdayNamed(peek(reader, 1));
		const often = day === undefined ? 'every day' : `every ${weekdayName(day)}`;
		const expected = `for once "time" with an instant instead of "frequency", or for ever "${often}${at}"`;
		throw notUnderstood(expected, reader.whole);
	}
	const [, one, other] = /^(\d{1,2})[/.](\d{1,2})(?:[/.]\d{2,4})?$/.exec(word) ?? [];
	if (one === undefined || other === undefined) return;
	const [a, b] = [Number(one), Number(other)];
	const [first, second] = [`on ${a} ${monthName(b)}${at}`, `on ${b} ${monthName(a)}${at}`];
	if (monthName(a) !== '' && monthName(b) !== '') throw ambiguous(word, [first, second]);
	throw notUnderstood('a date like "24 December"', word);
}

function spokenTimes(times: readonly TimeOfDay[]): string {
	return times.length === 0 ? '' : ` at ${times.map(clockName).join(' and ')}`;
}

/** After `every`. */
function readEvery(reader: Reader): void {
	if (take(reader, 'other')) {
		const day = takeNamed(reader, weekdayNamed);
		if (day !== undefined) return count(reader, 'week', 2, [day]);
		const unit = takeNamed(reader, unitNamed);
		if (unit === undefined) throw unknown(reader);
		return count(reader, unit, 2);
	}
	const ordinal = ordinalNamed(peek(reader));
	if (ordinal !== undefined) return readEveryNth(reader, ordinal);
	const number = takeNamed(reader, numberNamed);
	const unit = takeNamed(reader, unitNamed);
	if (unit !== undefined) return count(reader, unit, number ?? 1);
	if (number !== undefined) {
		// "every 24 December"
		reader.at--;
		if (monthNamed(peek(reader, 1)) === undefined) throw unknown(reader);
	}
	if (!readDays(reader)) throw unknown(reader);
}

function count(reader: Reader, unit: Unit, interval: number, weekdays: number[] = []): void {
	const { draft, whole } = reader;
	if (draft.unit !== undefined) {
		throw notUnderstood(`one interval, not both ${draft.unit} and ${unit}`, whole);
	}
	if (interval < 1) throw notUnderstood('an interval of at least 1', whole);
	draft.unit = unit;
	draft.interval = interval;
	draft.weekdays.push(...weekdays);
}

/** `every 3rd Monday` is the third of the month; `every 2nd` may also mean every other. */
function readEveryNth(reader: Reader, nth: number): void {
	const after = peek(reader, 1);
	const unit = unitNamed(after);
	const word = reader.tokens[reader.at]?.written ?? '';
	const ofSpan = /\bof\b/.test(
		reader.tokens
			.slice(reader.at)
			.map(({ text }) => text)
			.join(' '),
	);
	if (unit === 'day' && nth > 0 && !ofSpan) {
		const often = nth === 1 ? 'every day' : nth === 2 ? 'every other day' : `every ${nth} days`;
		throw ambiguous(`every ${word} day`, [often, `on the ${ordinalName(nth)} of every month`]);
	}
	if (unit !== undefined && unit !== 'day' && nth > 0) {
		reader.at += 2;
		return count(reader, unit, nth);
	}
	const day = weekdayNamed(after);
	if (nth === 2 && day !== undefined && !ofSpan) {
		const name = weekdayName(day);
		throw ambiguous(`every ${word} ${name}`, [
			`every other ${name}`,
			`second ${name} of the month`,
		]);
	}
	if (day !== undefined && !ofSpan) {
		const name = `${ordinalName(nth)} ${weekdayName(day)}`;
		reader.draft.notes.push(`"every ${name}" is the ${name} of each month`);
	}
	if (!readDays(reader)) throw unknown(reader);
}

function readTimes(reader: Reader): void {
	const { draft } = reader;
	const start = reader.at;
	for (const offset of takeList(reader, takeOffset)) draft.offsets.push(offset);
	const times = takeList(reader, takeTime);
	if (start === reader.at)
		throw notUnderstood('a time like 09:00, 9am or noon after "at"', reader.whole);
	for (const time of times) {
		if (draft.times.some((each) => clockName(each) === clockName(time))) continue;
		draft.times.push(time);
	}
}

function takeOffset(reader: Reader): number | undefined {
	const [, digits] = /^:([0-5]\d)$/.exec(peek(reader)) ?? [];
	if (digits === undefined) return undefined;
	reader.at++;
	return Number(digits);
}

function takeTime(reader: Reader): TimeOfDay | undefined {
	take(reader, 'at');
	const word = peek(reader);
	if (/^\d/.test(word) && monthNamed(peek(reader, 1)) !== undefined) return undefined;
	const time = timeNamed(word);
	if (time === undefined) {
		if (/^\d{1,2}(?::\d+)?(?:[ap]m)?$/.test(word)) {
			throw notUnderstood('a time that exists, like 17:30 or 5:30pm', word);
		}
		return undefined;
	}
	reader.at++;
	take(reader, "o'clock", 'h');
	return time;
}

/** `between 9:00 and 17:00`, both inclusive; or days, in `from Monday to Friday`. */
function readWindow(reader: Reader): void {
	if (weekdayNamed(peek(reader)) !== undefined) {
		readDays(reader);
		return;
	}
	const from = takeTime(reader);
	if (from === undefined || !take(reader, 'and', 'to', 'until', 'till', '-')) throw unknown(reader);
	const to = takeTime(reader);
	if (to === undefined) throw unknown(reader);
	reader.draft.window = { from, to };
}

function readExcept(reader: Reader): void {
	take(reader, 'for', 'on', 'not');
	take(reader, 'on');
	const days = takeList(reader, takeWeekdays).flat();
	if (days.length === 0) throw unknown(reader);
	reader.draft.except.push(...days);
}

/** After `of` or `in`: months, or what the ordinal counts in. */
function readOf(reader: Reader): void {
	const { draft } = reader;
	const every = take(reader, 'the', 'every', 'each', 'a');
	const months = takeList(reader, (each) => takeNamed(each, monthNamed));
	if (months.length > 0) {
		draft.months.push(...months);
		return;
	}
	const interval = take(reader, 'other') ? 2 : (takeNamed(reader, numberNamed) ?? 1);
	const unit = takeNamed(reader, unitNamed);
	if (!every || (unit !== 'month' && unit !== 'quarter' && unit !== 'year')) throw unknown(reader);
	draft.span = unit;
	if (interval > 1) count(reader, unit, interval);
}

function readOn(reader: Reader): void {
	take(reader, 'the', 'every', 'each');
	refuseKnownTraps(reader, peek(reader));
	if (!readDays(reader)) throw unknown(reader);
}

const ADVERBS: ReadonlyMap<string, readonly [Unit, number]> = new Map([
	['hourly', ['hour', 1]],
	['daily', ['day', 1]],
	['everyday', ['day', 1]],
	['weekly', ['week', 1]],
	['fortnightly', ['week', 2]],
	['monthly', ['month', 1]],
	['quarterly', ['quarter', 1]],
	['yearly', ['year', 1]],
	['annually', ['year', 1]],
]);

function readAdverb(reader: Reader): boolean {
	const found = ADVERBS.get(peek(reader));
	if (found === undefined) return false;
	reader.at++;
	count(reader, ...found);
	return true;
}

/** `twice a day at 6 and 18`, `three times a day`. */
function readTimesADay(reader: Reader): boolean {
	const start = reader.at;
	let times: number | undefined;
	if (take(reader, 'once')) times = 1;
	else if (take(reader, 'twice')) times = 2;
	else {
		times = takeNamed(reader, numberNamed);
		if (times === undefined || !take(reader, 'times')) {
			reader.at = start;
			return false;
		}
	}
	if (!take(reader, 'a', 'per', 'every', 'each') || takeNamed(reader, unitNamed) !== 'day') {
		reader.at = start;
		throw unknown(reader);
	}
	count(reader, 'day', 1);
	reader.draft.timesADay = times;
	return true;
}

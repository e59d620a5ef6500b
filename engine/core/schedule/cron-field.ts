import type { CapError } from '../../contract/errors.ts';
import { inputError } from '../../contract/errors.ts';

export interface FieldShape {
	/** As messages call it: `field 3 (day of month)`. */
	label: string;
	min: number;
	max: number;
	/** Three-letter names by position from `min` on. */
	names?: readonly string[];
	/** Day of week: 7 is Sunday too. */
	sevenIsZero?: true;
	/** Ranges may go over the end: `22-2`, `FRI-MON`. */
	wraps?: boolean;
	/** Which days a rule may stand for, beside values; see DayRule. */
	rules?: 'of month' | 'of week';
	/** Whether `?` is as good as `*`. */
	question?: boolean;
	/** What `L` alone stands for in a field of weekdays. */
	lastAlone?: number;
}

/** Where a field stands in the pattern, for messages. */
export interface FieldText {
	text: string;
	/** Position of its first character in the pattern, from 1. */
	position: number;
	/** Path of the pattern in the input: `timing.cron`. */
	path: string;
}

/** A day that depends on its month. */
export type DayRule =
	/** `L`, `L-3`: so many days before the last of the month. */
	| { kind: 'fromEnd'; days: number }
	/** `15W`: the working day (Monday to Friday) nearest to that day, within the month. */
	| { kind: 'nearest'; day: number }
	/** `LW`, `L-3W`: the same for a day counted from the end. */
	| { kind: 'nearestFromEnd'; days: number }
	/** `MON#2`: the second Monday. Sunday is 0. */
	| { kind: 'nth'; weekday: number; n: number }
	/** `5L`: the last Friday. */
	| { kind: 'last'; weekday: number };

export interface CronField {
	/** Ascending, each once. */
	values: readonly number[];
	rules: readonly DayRule[];
	/** Starts with `*` or is `?`: what decides between "and" and "either" of the two day fields. */
	star: boolean;
	/** `*` or `?` and nothing else. */
	any: boolean;
	question: boolean;
	/** The n of a field that is `*` with step n and nothing else. */
	step?: number;
}

interface Chosen {
	values: Set<number>;
	rules: DayRule[];
}

/** Reads one field: lists of `*`, values, ranges, each with an optional step, and rules; names in any case. */
export function parseField(field: FieldText, shape: FieldShape): CronField {
	const { text } = field;
	const question = text === '?' && shape.question === true;
	const chosen: Chosen = { values: new Set(), rules: [] };
	if (question) addRange(chosen, [shape.min, shape.max], 1, shape);
	else {
		let offset = 0;
		for (const item of text.split(',')) {
			readItem({ ...field, text: item, position: field.position + offset }, shape, chosen);
			offset += item.length + 1;
		}
	}
	const step = /^\*\/(\d+)$/.exec(text)?.[1];
	return {
		values: [...chosen.values].sort((a, b) => a - b),
		rules: chosen.rules,
		star: question || text.startsWith('*'),
		any: question || text === '*' || step === '1',
		question,
		...(step === undefined ? {} : { step: Number(step) }),
	};
}

function readItem(item: FieldText, shape: FieldShape, chosen: Chosen): void {
	const rule = readRule(item, shape);
	if (rule !== undefined) {
		chosen.rules.push(rule);
		return;
	}
	const slash = item.text.indexOf('/');
	const range = slash < 0 ? item.text : item.text.slice(0, slash);
	const bounds = readRange({ ...item, text: range }, shape, slash >= 0);
	const step = slash < 0 ? 1 : readStep(part(item, slash + 1), shape);
	addRange(chosen, bounds, step, shape);
}

function addRange(
	{ values }: Chosen,
	[from, to]: readonly [number, number],
	step: number,
	{ min, max, sevenIsZero }: FieldShape,
): void {
	const size = max - min + 1;
	const end = to < from ? to + size : to;
	for (let value = from; value <= end; value += step) {
		const wrapped = value > max && !(sevenIsZero && value === 7) ? value - size : value;
		values.add(sevenIsZero && wrapped === 7 ? 0 : wrapped);
	}
}

function readRule(item: FieldText, shape: FieldShape): DayRule | undefined {
	if (shape.rules === 'of month') return readMonthRule(item, shape);
	return shape.rules === 'of week' ? readWeekRule(item, shape) : undefined;
}

function readMonthRule(item: FieldText, shape: FieldShape): DayRule | undefined {
	const [, fromEnd, end, working] = /^(L)(?:-(\d+))?(W)?$/i.exec(item.text) ?? [];
	if (fromEnd !== undefined) {
		const days = Number(end ?? 0);
		if (days > 30 || (end !== undefined && days < 1)) {
			throw fieldError(item, `${shape.label} with "L-1" to "L-30"`, shorten(item.text));
		}
		return { kind: working === undefined ? 'fromEnd' : 'nearestFromEnd', days };
	}
	const [, day] = /^(\d+)W$/i.exec(item.text) ?? [];
	if (day === undefined) return undefined;
	return { kind: 'nearest', day: readValue(part(item, 0, day.length), shape) };
}

function readWeekRule(item: FieldText, shape: FieldShape): DayRule | undefined {
	const { text } = item;
	if (/^L$/i.test(text)) {
		if (shape.lastAlone !== undefined) return undefined;
		const expected = `${shape.label} with a day before "L", like "5L" or "FRIL" for the last Friday`;
		throw fieldError(item, expected, '"L"');
	}
	const [, lastDay] = /^(\d+|[A-Z]{3})L$/i.exec(text) ?? [];
	if (lastDay !== undefined) {
		return { kind: 'last', weekday: weekday(part(item, 0, lastDay.length), shape) };
	}
	const hash = text.indexOf('#');
	if (hash < 0) return undefined;
	const nth = part(item, hash + 1);
	if (!/^[1-5]$/.test(nth.text)) {
		const received = nth.text === '' ? 'nothing' : shorten(nth.text);
		throw fieldError(nth, `${shape.label} to have 1-5 after "#"`, received);
	}
	return { kind: 'nth', weekday: weekday(part(item, 0, hash), shape), n: Number(nth.text) };
}

/** Sunday is 0, in whatever way the dialect counts. */
function weekday(text: FieldText, shape: FieldShape): number {
	return (readValue(text, shape) - shape.min) % 7;
}

/** `5/10` means `5-<max>/10`, as most cron dialects read it. */
function readRange(item: FieldText, shape: FieldShape, stepped: boolean): [number, number] {
	if (item.text === '*') return [shape.min, shape.max];
	if (shape.lastAlone !== undefined && !stepped && /^L$/i.test(item.text)) {
		return [shape.lastAlone, shape.lastAlone];
	}
	const dash = item.text.indexOf('-');
	if (dash < 0) {
		const value = readValue(item, shape);
		return [value, stepped ? shape.max : value];
	}
	const from = readValue(part(item, 0, dash), shape);
	let to = readValue(part(item, dash + 1), shape);
	if (shape.sevenIsZero && to === 0 && from > 0) to = 7;
	if (to < from && shape.wraps !== true) {
		const expected = `${shape.label} to have a range that goes up`;
		throw fieldError(item, expected, JSON.stringify(item.text));
	}
	return [from, to];
}

function readValue(value: FieldText, shape: FieldShape): number {
	const highest = shape.sevenIsZero ? 7 : shape.max;
	const bounds = `${shape.label} within ${shape.min}-${highest}`;
	if (/^\d+$/.test(value.text)) {
		const number = Number(value.text);
		if (number < shape.min || number > highest) throw fieldError(value, bounds, value.text);
		return number;
	}
	const named = shape.names?.indexOf(value.text.toUpperCase()) ?? -1;
	if (named >= 0) return shape.min + named;
	throw notUnderstood(value, shape, bounds);
}

function readStep(step: FieldText, shape: FieldShape): number {
	const highest = shape.max - shape.min + 1;
	const number = /^\d+$/.test(step.text) ? Number(step.text) : 0;
	if (number < 1 || number > highest) {
		const expected = `${shape.label} to have a step within 1-${highest}`;
		throw fieldError(step, expected, step.text === '' ? 'none' : shorten(step.text));
	}
	return number;
}

/** What a sign means, for those who put it into the wrong field. */
const PLACES: Readonly<Record<string, string>> = {
	L: '"L" (last) belongs to day of month and day of week',
	W: '"W" (nearest working day) belongs to day of month',
	'#': '"#" (nth weekday) belongs to day of week',
	'?': '"?" (any) belongs to day of month and day of week',
	'~': '"~" (hash) stands alone, between two values, or before a step',
	H: 'a hash is "~" here',
};

/** How the signs of a field are written that do stand in it. */
const FORMS = {
	'of month': '"L", "L-3", "LW", "L-3W" and "15W" take no range, step or other number',
	'of week': '"5L", "FRIL" and "5#2" take no range or step',
} as const;

function notUnderstood(value: FieldText, shape: FieldShape, bounds: string): CapError {
	const sign = /[?~#]|[LW]$|^[LH]/i.exec(value.text)?.[0]?.toUpperCase();
	const belongs = sign === undefined ? undefined : placeOf(sign, shape);
	const place = belongs === undefined ? '' : `; ${belongs}`;
	const names = shape.names ? ` or one of ${shape.names.join(' ')}` : '';
	const received = value.text === '' ? 'nothing' : shorten(value.text);
	return fieldError(value, `${bounds}${names}${place}`, received);
}

function placeOf(sign: string, { rules }: FieldShape): string | undefined {
	const own = rules === 'of month' ? 'LW' : rules === 'of week' ? 'L#' : '';
	return rules !== undefined && own.includes(sign) ? FORMS[rules] : PLACES[sign];
}

function part(item: FieldText, from: number, to?: number): FieldText {
	return { ...item, text: item.text.slice(from, to), position: item.position + from };
}

export function fieldError(place: FieldText, expected: string, received: string): CapError {
	return inputError('INVALID_TIMING', {
		path: place.path,
		expected,
		received: `${received} at position ${place.position}`,
	});
}

export function shorten(text: string): string {
	return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

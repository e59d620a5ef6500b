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
}

/** Where a field stands in the pattern, for messages. */
export interface FieldText {
	text: string;
	/** Position of its first character in the pattern, from 1. */
	position: number;
	/** Path of the pattern in the input: `timing.cron`. */
	path: string;
}

export interface CronField {
	/** Ascending, each once. */
	values: readonly number[];
	/** Starts with `*`, which is what decides between "and" and "either" of the two day fields. */
	star: boolean;
	/** The n of a field that is `*` with step n and nothing else. */
	step?: number;
}

const LATER: Readonly<Record<string, string>> = {
	L: 'last',
	W: 'weekday',
	'#': 'nth',
	'~': 'hash',
};

/** Reads one field: lists of `*`, values and ranges, each with an optional step; names in any case. */
export function parseField(field: FieldText, shape: FieldShape): CronField {
	const chosen = new Set<number>();
	let offset = 0;
	for (const item of field.text.split(',')) {
		readItem({ ...field, text: item, position: field.position + offset }, shape, chosen);
		offset += item.length + 1;
	}
	const step = /^\*\/(\d+)$/.exec(field.text)?.[1];
	return {
		values: [...chosen].sort((a, b) => a - b),
		star: field.text.startsWith('*'),
		...(step === undefined ? {} : { step: Number(step) }),
	};
}

function readItem(item: FieldText, shape: FieldShape, chosen: Set<number>): void {
	const slash = item.text.indexOf('/');
	const range = slash < 0 ? item.text : item.text.slice(0, slash);
	const [from, to] = readRange({ ...item, text: range }, shape, slash >= 0);
	const step = slash < 0 ? 1 : readStep(part(item, slash + 1), shape);
	for (let value = from; value <= to; value += step) {
		chosen.add(shape.sevenIsZero && value === 7 ? 0 : value);
	}
}

/** `5/10` means `5-<max>/10`, as most cron dialects read it. */
function readRange(item: FieldText, shape: FieldShape, stepped: boolean): [number, number] {
	if (item.text === '*') return [shape.min, shape.max];
	const dash = item.text.indexOf('-');
	if (dash < 0) {
		const value = readValue(item, shape);
		return [value, stepped ? shape.max : value];
	}
	const from = readValue(part(item, 0, dash), shape);
	let to = readValue(part(item, dash + 1), shape);
	if (shape.sevenIsZero && to === 0 && from > 0) to = 7;
	if (to < from) {
		throw fieldError(
			item,
			`${shape.label} to have a range that goes up`,
			JSON.stringify(item.text),
		);
	}
	return [from, to];
}

function readValue(value: FieldText, shape: FieldShape): number {
	const bounds = `${shape.label} within ${shape.min}-${shape.max}`;
	if (/^\d+$/.test(value.text)) {
		const number = Number(value.text);
		const highest = shape.sevenIsZero ? 7 : shape.max;
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

function notUnderstood(value: FieldText, shape: FieldShape, bounds: string): CapError {
	if (value.text === '?') {
		return fieldError(
			value,
			`${shape.label} without "?", which is not supported yet: write "*"`,
			'"?"',
		);
	}
	const later = /[LW]$|^[LW]|[#~]/i.exec(value.text)?.[0]?.toUpperCase();
	if (
		later !== undefined &&
		/^(?:\d*[LW]|L-\d+|LW|\d*[#~]\d*|[A-Z]{3}(?:L|#\d*))$/i.test(value.text)
	) {
		const rule = `"${later}" (${LATER[later] ?? ''})`;
		return fieldError(
			value,
			`${shape.label} without ${rule}, which is not supported yet`,
			shorten(value.text),
		);
	}
	const names = shape.names ? ` or one of ${shape.names.join(' ')}` : '';
	return fieldError(
		value,
		`${bounds}${names}`,
		value.text === '' ? 'nothing' : shorten(value.text),
	);
}

function part(item: FieldText, from: number, to?: number): FieldText {
	return { ...item, text: item.text.slice(from, to), position: item.position + from };
}

function fieldError(place: FieldText, expected: string, received: string): CapError {
	return inputError('INVALID_TIMING', {
		path: place.path,
		expected,
		received: `${received} at position ${place.position}`,
	});
}

export function shorten(text: string): string {
	return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

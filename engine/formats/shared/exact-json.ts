import type { JsonValue } from '../../contract/json.ts';

/**
 * JSON whose numbers survive. A double holds integers up to 2^53 only, and 17 digits in all; a larger one
 * (a 64-bit id, an exact amount) would come out changed. Such numbers are kept as `JSON.rawJSON` values,
 * which `JSON.stringify` writes digit by digit. Fractions of up to 17 digits are read as doubles, as every
 * JSON reader does.
 */
interface SourceTextAccess {
	parse(
		text: string,
		reviver: (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown,
	): unknown;
	rawJSON(text: string): unknown;
	isRawJSON(value: unknown): value is { rawJSON: string };
}
const json = JSON as unknown as SourceTextAccess;

/** Integers of 16 digits, fractions of 18, and exponents of three: the only numbers worth a second look. */
const SUSPECT = /[[:,\s-](?:\d{16}|[1-9][\d.]{18}|0\.0*[1-9]\d{17}|\d[\d.]*[eE][+-]?\d{3})/;
const MAX_DOUBLE_DIGITS = 17;

function keepExact(_key: string, value: unknown, { source }: { source?: string }): unknown {
	if (typeof value !== 'number' || source === undefined) return value;
	return isExact(value, source) ? value : json.rawJSON(source);
}

/** What SUSPECT passes over is exact: blocks with and without a suspect read the same number alike. */
function isExact(value: number, source: string): boolean {
	if (!Number.isFinite(value)) return false;
	const hasExponent = /[eE]/.test(source);
	if (!hasExponent && Number.isInteger(value) && !Number.isSafeInteger(value)) return false;
	// `1e-400` is not nothing
	if (value === 0) return digitsOf(source) === 0;
	return digitsOf(source) <= MAX_DOUBLE_DIGITS;
}

/** Digits that say something: without zeros in front, and without an exponent. */
function digitsOf(source: string): number {
	return source
		.replace(/[eE].*$/, '')
		.replace(/\D/g, '')
		.replace(/^0+/, '').length;
}

/** How to parse `text` or any part of it: one look at a whole block is cheaper than one at each line. */
export function jsonParserFor(text: string): (part: string) => JsonValue {
	// the space lets the pattern see a number at the very beginning
	return SUSPECT.test(text) || SUSPECT.test(` ${text.slice(0, 40)}`)
		? (part) => json.parse(part, keepExact) as JsonValue
		: (part) => JSON.parse(part) as JsonValue;
}

/** @throws SyntaxError as `JSON.parse` does */
export const parseJson = (text: string): JsonValue => jsonParserFor(text)(text);

/** A number of any size that `JSON.stringify` writes digit by digit. */
export const rawNumber = (digits: string): unknown => json.rawJSON(digits);

/** The digits of a number that no double holds, or undefined for every other value. */
export function exactNumber(value: unknown): string | undefined {
	return json.isRawJSON(value) ? value.rawJSON : undefined;
}

import type { JsonValue } from '../../contract/json.ts';

/**
 * JSON whose numbers survive. A double holds integers up to 2^53 only; a larger one (a 64-bit id) would
 * come out changed. Such numbers are kept as `JSON.rawJSON` values, which `JSON.stringify` writes digit by
 * digit. Decimal fractions are read as doubles, as every JSON reader does.
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

/** Integers of 16 digits and more, and exponents of three digits: the only numbers worth a second look. */
const SUSPECT = /[[:,\s-](?:\d{16}|\d[\d.]*[eE][+-]?\d{3})/;

function keepExact(_key: string, value: unknown, { source }: { source?: string }): unknown {
	if (typeof value !== 'number' || source === undefined) return value;
	const safe = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
	return safe ? value : json.rawJSON(source);
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

/** The digits of a number that no double holds, or undefined for every other value. */
export function exactNumber(value: unknown): string | undefined {
	return json.isRawJSON(value) ? value.rawJSON : undefined;
}

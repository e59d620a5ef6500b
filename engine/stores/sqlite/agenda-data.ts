import type { DatabaseSync } from 'node:sqlite';

import type { JsonValue } from '../../contract/json.ts';

/**
 * Questions about the JSON of a job, as SQL functions. Keys and values of a query arrive as one bound JSON
 * text: nothing of them becomes part of a statement or of a JSON path.
 */

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether every key of the query is in the value, at every depth; of an array, every element somewhere. */
export function contains(value: JsonValue, query: JsonValue): boolean {
	if (Array.isArray(query)) {
		return (
			Array.isArray(value) &&
			query.every((wanted) => value.some((element) => contains(element, wanted)))
		);
	}
	if (isObject(query)) {
		return (
			isObject(value) &&
			Object.entries(query).every(
				([key, wanted]) => Object.hasOwn(value, key) && contains(value[key] ?? null, wanted),
			)
		);
	}
	return value === query;
}

function same(left: JsonValue, right: JsonValue): boolean {
	if (Array.isArray(left) && Array.isArray(right)) {
		return (
			left.length === right.length &&
			left.every((element, index) => same(element, right[index] ?? null))
		);
	}
	if (isObject(left) && isObject(right)) {
		const keys = Object.keys(left);
		return (
			keys.length === Object.keys(right).length &&
			keys.every((key) => Object.hasOwn(right, key) && same(left[key] ?? null, right[key] ?? null))
		);
	}
	return left === right;
}

/** What the path leads to; null where it leads nowhere, as for MongoDB. */
function at(value: JsonValue, path: readonly string[]): JsonValue {
	let here = value;
	for (const key of path) {
		if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return null;
		here = (here as { [key: string]: JsonValue })[key] ?? null;
	}
	return here;
}

/** Parses the query of a statement once, not once a row. */
function parsedOnce<T>(): (text: string) => T {
	let lastText: string | undefined;
	let last: T;
	return (text) => {
		if (text !== lastText) {
			last = JSON.parse(text) as T;
			lastText = text;
		}
		return last;
	};
}

const known = new WeakSet<DatabaseSync>();

/** Makes `agenda_data_contains(data, query)` and `agenda_data_is(data, [path, value])` known. */
export function defineDataFunctions(db: DatabaseSync): void {
	// Defining a function again fails while a statement is under way.
	if (known.has(db)) return;
	const options = { deterministic: true, directOnly: true };
	const query = parsedOnce<JsonValue>();
	const place = parsedOnce<[string[], JsonValue]>();
	const parse = (data: unknown): JsonValue =>
		typeof data === 'string' ? (JSON.parse(data) as JsonValue) : null;
	db.function('agenda_data_contains', options, (data, text) =>
		contains(parse(data), query(String(text))) ? 1 : 0,
	);
	db.function('agenda_data_is', options, (data, text) => {
		const [path, value] = place(String(text));
		return same(at(parse(data), path), value) ? 1 : 0;
	});
	known.add(db);
}

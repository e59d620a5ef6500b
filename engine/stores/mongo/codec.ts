import type { Doc, Fields } from './documents.ts';

/**
 * How a field is kept: `plain` as it is, `json` as text, where null stays null. With `?` the field is optional:
 * null means that it is missing. Structured values are text, because their keys are the users': as
 * documents they could hold `$` and `.`, and numbers would change their type.
 */
type Kind = 'plain' | 'json' | 'plain?' | 'json?';

/** Translates between a record and the fields of its document. */
export interface Codec<T> {
	toDoc(record: T): Doc;
	fromDoc: (doc: Fields) => T;
	/** Some fields, as a change sets them; those that are undefined are left out. */
	encode(set: Partial<T>): Fields;
}

/**
 * @param idOf the natural key
 * @param own the field that `_id` stands for, if it is one
 */
export function codec<T extends object>(
	shape: { [F in keyof Required<T>]: Kind },
	idOf: (record: T) => string,
	own?: keyof T & string,
): Codec<T> {
	const fields = Object.keys(shape) as (keyof T & string)[];
	const encode = (set: Partial<T>): Fields => {
		const encoded: Fields = {};
		for (const field of fields) {
			if (field === own || set[field] === undefined) continue;
			encoded[field] = encodeField(field, { kind: shape[field], value: set[field] });
		}
		return encoded;
	};
	return {
		encode,
		toDoc(record) {
			// All of them, so that one that is missing takes the place of one that was there.
			const doc: Fields = { _id: idOf(record) };
			for (const field of fields) {
				if (field === own) continue;
				doc[field] = encodeField(field, { kind: shape[field], value: record[field] });
			}
			return doc as Doc;
		},
		fromDoc(doc) {
			const record: Record<string, unknown> = {};
			for (const field of fields) {
				const value = doc[field === own ? '_id' : field] ?? null;
				if (value === null && shape[field].endsWith('?')) continue;
				record[field] = value === null ? null : decodeField(shape[field], value);
			}
			return record as T;
		},
	};
}

function encodeField(field: string, { kind, value }: { kind: Kind; value: unknown }): unknown {
	if (value === undefined || value === null) return null;
	if (kind === 'json' || kind === 'json?') return JSON.stringify(value);
	if (typeof value === 'object') throw new TypeError(`${field}: expected a scalar, got an object`);
	return value;
}

function decodeField(kind: Kind, value: unknown): unknown {
	return kind === 'json' || kind === 'json?' ? JSON.parse(value as string) : value;
}

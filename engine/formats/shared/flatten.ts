import type { Row } from '../../contract/envelope.ts';
import { CapError } from '../../contract/errors.ts';
import type { JsonObject, JsonValue } from '../../contract/json.ts';
import { exactNumber } from './exact-json.ts';

const isObject = (value: JsonValue): value is JsonObject =>
	typeof value === 'object' &&
	value !== null &&
	!Array.isArray(value) &&
	exactNumber(value) === undefined;

/** A column for each field of objects in rows: `address.city`. Lists, and objects without fields, stay. */
export async function* flattened(
	batches: AsyncIterable<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
	for await (const batch of batches) yield batch.map(flattenRow);
}

/** @throws CapError FORMAT_UNSUITABLE when two fields come to one name: one would hide the other */
export function flattenRow(row: Row): Row {
	const flat: Row = {};
	const add = (object: JsonObject, prefix: string): void => {
		for (const key of Object.keys(object)) {
			const value = object[key]!;
			const name = prefix + key;
			if (isObject(value) && Object.keys(value).length > 0) {
				add(value, `${name}.`);
				continue;
			}
			if (Object.hasOwn(flat, name)) {
				throw new CapError(
					'FORMAT_UNSUITABLE',
					'options.nested: expected fields with names of their own to flatten, got two that come to the same',
				);
			}
			// `flat[name] =` would set the prototype where a key is called so
			Object.defineProperty(flat, name, { value, enumerable: true, writable: true });
		}
	};
	add(row, '');
	return flat;
}

import type { Row } from '../../contract/envelope.ts';
import type { JsonValue } from '../../contract/json.ts';
import { exactNumber } from '../shared/exact-json.ts';

/** An object is a row; anything else becomes a row with the one column `value`. */
export function toRow(value: JsonValue): Row {
	const isRow =
		typeof value === 'object' &&
		value !== null &&
		!Array.isArray(value) &&
		exactNumber(value) === undefined;
	return isRow ? value : { value };
}

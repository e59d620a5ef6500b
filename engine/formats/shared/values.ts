import type { JsonValue } from '../../contract/json.ts';
import { cellText } from './cell-text.ts';
import type { Cell } from './columns.ts';
import { exactNumber } from './exact-json.ts';
import type { TableColumn } from './table.ts';

/**
 * A cell in the type of its column; null where there is none.
 *
 * | type                                    | value                                                    |
 * | --------------------------------------- | -------------------------------------------------------- |
 * | string, time, duration                  | string                                                   |
 * | boolean                                 | boolean                                                  |
 * | integer, number                         | number                                                   |
 * | bigint                                  | bigint                                                   |
 * | decimal                                 | string: digits, perhaps with an exponent                 |
 * | date, datetime, instant                 | string that `readMoment` and its like take               |
 * | binary                                  | Buffer                                                   |
 * | json, mixed                             | the value as it came; numbers may be exact (`exactNumber`) |
 */
export type CellValue = JsonValue | bigint | Buffer;

/** Reads the cells of one column in its type. The types of the columns have to be known (`need: 'types'`). */
export function valueReader(column: TableColumn): (value: Cell) => CellValue {
	switch (column.type) {
		case 'boolean':
			return (value) =>
				isNothing(value) ? null : typeof value === 'string' ? value === 'true' : value;
		case 'integer':
		case 'number':
			return (value) =>
				isNothing(value) ? null : typeof value === 'string' ? Number(value) : value;
		case 'bigint':
			return (value) => (isNothing(value) ? null : BigInt(cellText(value)));
		case 'decimal':
			return (value) => (isNothing(value) ? null : cellText(value));
		case 'binary':
			return (value) => (value == null ? null : Buffer.from(cellText(value), 'base64'));
		case 'json':
		case 'mixed':
			return (value) => value ?? null;
		case 'string':
			return (value) => (value == null ? null : cellText(value));
		default:
			return (value) => (isNothing(value) ? null : cellText(value));
	}
}

/** Also an empty cell of a CSV file, where the column is no text. */
const isNothing = (value: Cell): value is null | undefined | '' => value == null || value === '';

/** What one cell of a `mixed` or `json` column is. */
export function kindOfCell(
	value: NonNullable<Cell>,
): 'string' | 'number' | 'boolean' | 'exact' | 'json' {
	if (typeof value !== 'object') return typeof value as 'string' | 'number' | 'boolean';
	return exactNumber(value) === undefined ? 'json' : 'exact';
}

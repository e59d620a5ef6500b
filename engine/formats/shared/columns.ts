import type { JsonValue } from '../../contract/json.ts';
import type { Row } from '../../contract/envelope.ts';

export type Cell = JsonValue | undefined;

/** Reads one column of a row. A column may be called `constructor`: what a row only inherits is not its. */
export function cellReader(column: string): (row: Row) => Cell {
	return column in Object.prototype
		? (row) => (Object.hasOwn(row, column) ? row[column] : undefined)
		: (row) => row[column];
}

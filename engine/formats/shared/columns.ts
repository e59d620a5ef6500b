import type { JsonValue } from '../../contract/json.ts';
import type { Row } from '../../contract/envelope.ts';
import type { FormatInput } from '../format.port.ts';

/**
 * The columns of a result, in order: those chosen, else those declared, else every key of every row in
 * the order in which it is first seen. The last reads all rows once: guessing from the first rows would
 * silently lose a column that comes late.
 */
export async function columnsOf(
	input: Pick<FormatInput, 'rows' | 'columns'>,
	chosen: readonly string[] | undefined,
): Promise<readonly string[]> {
	if (chosen) return chosen;
	if (input.columns) return input.columns.map((column) => column.name);
	const seen = new Set<string>();
	for await (const batch of input.rows()) {
		for (const row of batch) {
			for (const key in row) seen.add(key);
		}
	}
	return [...seen];
}

export type Cell = JsonValue | undefined;

/** Reads one column of a row. A column may be called `constructor`: what a row only inherits is not its. */
export function cellReader(column: string): (row: Row) => Cell {
	return column in Object.prototype
		? (row) => (Object.hasOwn(row, column) ? row[column] : undefined)
		: (row) => row[column];
}

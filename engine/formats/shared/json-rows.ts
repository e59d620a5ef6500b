import type { Row } from '../../contract/envelope.ts';
import type { ColumnType } from './column-type.ts';
import { rawNumber } from './exact-json.ts';
import type { Need, Table, TableColumn } from './table.ts';
import type { ColumnOptions } from './table-options.ts';
import { valueReader } from './values.ts';

/** Whether the options change rows at all; without them they are written as they came. */
export function changesRows(options: ColumnOptions): boolean {
	return (
		options.columns !== undefined ||
		options.omit.length > 0 ||
		Object.keys(options.rename).length > 0 ||
		options.nested === 'flatten' ||
		readsTexts(options)
	);
}

/** Types are only asked for where texts shall become numbers and booleans. */
export function needForJson(options: ColumnOptions): Need {
	return readsTexts(options) ? 'types' : 'names';
}

const readsTexts = ({ readText, columns }: ColumnOptions): boolean =>
	readText === 'all' || (columns?.some(({ type }) => type !== undefined) ?? false);

/** Types whose texts JSON has a word for. Decimals stay texts where they came as such: exact for everybody. */
const WORDS: ReadonlySet<ColumnType> = new Set(['boolean', 'integer', 'bigint', 'number']);

/** The chosen columns of a row as an object that `JSON.stringify` takes; null where a chosen one is missing. */
export function rowProjector(
	{ columns }: Pick<Table, 'columns'>,
	options: ColumnOptions,
): (row: Row) => object {
	const readers = columns.map((column) =>
		WORDS.has(column.type) ? wordReader(column) : column.read,
	);
	const fills = options.columns !== undefined;
	// a key of that name would set the prototype of any other object
	const isOdd = columns.some(({ key }) => key === '__proto__');
	return (row) => {
		const object = (isOdd ? Object.create(null) : {}) as Record<string, unknown>;
		for (let at = 0; at < columns.length; at++) {
			const value = readers[at]!(row);
			if (value !== undefined) object[columns[at]!.key] = value;
			else if (fills) object[columns[at]!.key] = null;
		}
		return object;
	};
}

function wordReader(column: TableColumn): (row: Row) => unknown {
	const read = valueReader(column);
	return (row) => {
		const cell = column.read(row);
		if (cell == null) return cell;
		const value = read(cell);
		return typeof value === 'bigint' ? rawNumber(String(value)) : value;
	};
}

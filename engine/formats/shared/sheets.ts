import type { FormatInput } from '../format.port.ts';
import { refuseBeyond } from './limits.ts';
import { RowCursor } from './row-cursor.ts';
import { ROWS_FOR_WIDTHS } from './column-width.ts';
import { sheetColumn, type SheetColumn } from './sheet-columns.ts';
import { type SheetNames } from './sheet-names.ts';
import type { SheetNotes } from './sheet-notes.ts';
import { MAX_SHEET_COLUMNS, type SheetOptions } from './sheet-options.ts';
import { openTables, type Table, type TableColumn } from './table.ts';

/** One sheet to write. What its rows leave with the cursor is the next sheet's. */
export interface Sheet {
	name: string;
	/** Whose rows it holds; empty for the only table of a result. */
	table: string;
	columns: readonly SheetColumn[];
	cursor: RowCursor;
	/** Without the header. */
	maxRows: number;
}

export interface SheetContext {
	format: string;
	options: SheetOptions;
	notes: SheetNotes;
	names: SheetNames;
}

/** The zone by whose clocks instants are written. */
export const sheetZone = ({ timeZone }: SheetOptions, { meta }: FormatInput): string =>
	timeZone === 'schedule' ? meta.timeZone : timeZone;

/**
 * The sheets of a result, each asked for when the one before is written. All that can be refused is refused
 * before the first.
 * @throws CapError FORMAT_UNSUITABLE
 */
export async function* sheetsOf(input: FormatInput, context: SheetContext): AsyncGenerator<Sheet> {
	const { format, options } = context;
	const tables = await openTables(input, options, { format, need: 'types' });
	for (const table of tables) demandRoom(table, context);
	for (const table of tables) yield* sheetsOfTable(table, input, context);
}

const rowsFor = ({ header, rowsPerSheet }: SheetOptions): number => rowsPerSheet - (header ? 1 : 0);

function demandRoom({ columns, rowCount }: Table, { format, options }: SheetContext): void {
	if (columns.length > MAX_SHEET_COLUMNS && options.onLimit !== 'truncate') {
		refuseBeyond(format, { what: 'columns', limit: MAX_SHEET_COLUMNS });
	}
	const limit = rowsFor(options);
	if (rowCount !== undefined && rowCount > limit && options.onLimit === 'error') {
		refuseBeyond(format, { what: 'rows', limit });
	}
}

async function* sheetsOfTable(
	table: Table,
	input: FormatInput,
	context: SheetContext,
): AsyncGenerator<Sheet> {
	const { options, notes, names } = context;
	const maxRows = rowsFor(options);
	const wish = table.name === '' ? (options.sheet ?? input.meta.title) : table.name;
	const cursor = new RowCursor(table.rows());
	try {
		const timeZone = sheetZone(options, input);
		const sample = await cursor.peek(ROWS_FOR_WIDTHS);
		const columns = roomyColumns(table, notes).map((column) =>
			sheetColumn(column, { options, timeZone, sample }),
		);
		let parts = 0;
		do {
			yield { name: names.next(wish, ++parts), table: table.name, columns, cursor, maxRows };
		} while (options.onLimit === 'split' && (await cursor.hasMore()));
		if (parts > 1) {
			const message = `The rows are on ${parts} sheets`;
			notes.add({ code: 'split', message, table: table.name, count: parts, limit: maxRows });
		} else if (await cursor.hasMore()) {
			noteLostRows(table, { notes, maxRows });
		}
	} finally {
		await cursor.close();
	}
}

function roomyColumns({ name, columns }: Table, notes: SheetNotes): readonly TableColumn[] {
	const lost = columns.length - MAX_SHEET_COLUMNS;
	if (lost <= 0) return columns;
	const message = `Columns beyond the first ${MAX_SHEET_COLUMNS} are not shown`;
	notes.add({
		code: 'columns_truncated',
		message,
		table: name,
		count: lost,
		limit: MAX_SHEET_COLUMNS,
	});
	return columns.slice(0, MAX_SHEET_COLUMNS);
}

function noteLostRows(
	{ name, rowCount = 0 }: Table,
	{ notes, maxRows }: { notes: SheetNotes; maxRows: number },
): void {
	const message = `Rows beyond the first ${maxRows} are not shown`;
	notes.add({
		code: 'rows_truncated',
		message,
		table: name,
		count: rowCount - maxRows,
		limit: maxRows,
	});
}

import type { Row } from '../../../contract/envelope.ts';
import type { FormatInput } from '../../format.port.ts';
import { isNumeric, type ColumnType } from '../column-type.ts';
import type { Cell } from '../columns.ts';
import { firstRows, refuseBeyond } from '../limits.ts';
import { openTables, type Align, type Table, type TableColumn } from '../table.ts';
import { textWriter } from '../text-writer.ts';
import { DEFAULT_MAX_ROWS, type ReportOptions } from './options.ts';
import { ColumnProfile } from './profile.ts';

export type Kind = 'empty' | 'number' | 'date' | 'boolean' | 'nested' | 'text';

/** A column as a report shows it. */
export interface ReportColumn {
	name: string;
	label: string;
	type: ColumnType;
	kind: Kind;
	align: Align;
	profile: ColumnProfile;
	/** Whether numbers are shown digit by digit as they came: their points stand below each other then. */
	plain: boolean;
	/** Of plain numbers: whether digits are parted in groups. */
	grouping: boolean;
	read: (row: Row) => Cell;
	/** A cell as the options want it written. */
	write: (value: Cell) => string;
}

export interface ReportTable {
	/** Empty for the only table of a result. */
	name: string;
	columns: readonly ReportColumn[];
	rowCount: number;
	/** How many rows the report shows. */
	shown: number;
	/** Those rows. */
	rows(): AsyncIterable<readonly Row[]>;
	/** All rows, also those that the report leaves out. */
	allRows(): AsyncIterable<readonly Row[]>;
}

/**
 * The tables of a report. All rows are read once, to know what they are.
 * @throws CapError FORMAT_UNSUITABLE as `openTables`, and for too many rows where the options say so
 */
export async function openReport(
	input: FormatInput,
	options: ReportOptions,
	{ format, maxRows = DEFAULT_MAX_ROWS }: { format: string; maxRows?: number },
): Promise<readonly ReportTable[]> {
	const profiles = new Map<string, ColumnProfile>();
	// people see numbers as numbers, also those that came as text
	const readText = options.readText === 'auto' ? 'all' : options.readText;
	const tables = await openTables(
		input,
		{ ...options, readText },
		{
			format,
			need: 'types',
			observe(table, column) {
				const profile = new ColumnProfile();
				profiles.set(JSON.stringify([table, column]), profile);
				return profile;
			},
		},
	);
	const limit = options.maxRows ?? maxRows;
	return tables.map((table) => reportTable(table, { input, options, format, limit, profiles }));
}

interface Parts {
	input: FormatInput;
	options: ReportOptions;
	format: string;
	limit: number;
	profiles: ReadonlyMap<string, ColumnProfile>;
}

function reportTable(table: Table, parts: Parts): ReportTable {
	const { input, options, format, limit, profiles } = parts;
	const { name, rowCount = 0 } = table;
	if (rowCount > limit) {
		if (options.onLimit === 'error') refuseBeyond(format, { what: 'rows', limit });
		input.notice?.({
			code: 'rows_truncated',
			message: `The first ${limit} of ${rowCount} rows are shown.`,
			...(name === '' ? {} : { table: name }),
			count: rowCount - limit,
			limit,
		});
	}
	const scheduleZone = input.meta.timeZone;
	return {
		name,
		rowCount,
		columns: table.columns.map((column) => {
			const key = JSON.stringify([name, column.name]);
			const write = textWriter(column, options, { scheduleZone });
			return reportColumn(column, profiles.get(key) ?? new ColumnProfile(), { write, options });
		}),
		shown: Math.min(rowCount, limit),
		rows: () => firstRows(table.rows(), limit),
		allRows: () => table.rows(),
	};
}

function reportColumn(
	column: TableColumn,
	profile: ColumnProfile,
	{ write, options }: { write: (value: Cell) => string; options: ReportOptions },
): ReportColumn {
	const { name, label, type, align, pattern, read } = column;
	const kind = profile.filled === 0 ? 'empty' : kindOf(type);
	const { numberFormat, locale } = options;
	const plain = kind === 'number' && (pattern ?? numberFormat ?? locale) === undefined;
	return {
		...{ name, label, type, kind, profile, read, write, plain },
		align,
		grouping: plain && profile.grouping,
	};
}

function kindOf(type: ColumnType): Kind {
	if (isNumeric(type)) return 'number';
	if (type === 'date' || type === 'datetime' || type === 'instant') return 'date';
	if (type === 'boolean') return 'boolean';
	return type === 'json' ? 'nested' : 'text';
}

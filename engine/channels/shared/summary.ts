import type { Row } from '../../contract/envelope.ts';
import type { JsonValue } from '../../contract/json.ts';
import type { Parcel, Preview } from '../channel.port.ts';
import { oneLine } from './template.ts';

/** A table small enough for a message; all cells are text of one line. */
export interface SmallTable {
	heads: string[];
	rows: string[][];
	/** What it does not show, for people; empty when it shows all. */
	rest: string;
}

export interface TableLimits {
	rows: number;
	columns: number;
	/** Characters of a cell. */
	cell: number;
}

/** The first rows of the parcel's result; null where there are none to show. */
export async function smallTable(
	{ report }: Parcel,
	limits: TableLimits,
): Promise<SmallTable | null> {
	if (limits.rows === 0) return null;
	const preview = (await report?.preview(limits.rows)) ?? null;
	if (preview === null || preview.rows.length === 0 || preview.columns.length === 0) return null;
	const columns = preview.columns.slice(0, limits.columns);
	return {
		heads: columns.map(({ name, title }) => oneLine(title ?? name, limits.cell)),
		rows: preview.rows.map((row) =>
			columns.map(({ name }) => oneLine(cellText(row, name), limits.cell)),
		),
		rest: restOf(preview, columns.length),
	};
}

function restOf({ rows, total, more, columns }: Preview, shown: number): string {
	const parts: string[] = [];
	if (more) {
		parts.push(`the first ${rows.length} of ${total === null ? 'more' : `${total}`} rows`);
	}
	if (columns.length > shown) parts.push(`${shown} of ${columns.length} columns`);
	return parts.join(', ');
}

/** The value as a word of one cell; empty when the row has none. */
export function cellText(row: Row, column: string): string {
	const value: JsonValue | undefined = Object.hasOwn(row, column) ? row[column] : undefined;
	if (value === null || value === undefined) return '';
	return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `1 row`, `12,345 rows`. */
export function count(number: number, thing: string): string {
	return `${number.toLocaleString('en-US')} ${thing}${number === 1 ? '' : 's'}`;
}

/** `182 bytes`, `1.4 MB`. */
export function sizeText(bytes: number): string {
	if (bytes < 1000) return count(bytes, 'byte');
	const [unit, by] = bytes < 1e6 ? ['kB', 1e3] : bytes < 1e9 ? ['MB', 1e6] : ['GB', 1e9];
	return `${(bytes / by).toFixed(1)} ${unit}`;
}

/** Columns of text, as wide as they need to be. */
export function tableAsText({ heads, rows }: SmallTable): string {
	const lines = [heads, ...rows];
	const widths = heads.map((_, at) =>
		Math.max(...lines.map((cells) => [...(cells[at] ?? '')].length)),
	);
	const line = (cells: readonly string[]): string =>
		cells
			.map((cell, at) => cell + ' '.repeat(Math.max(0, (widths[at] ?? 0) - [...cell].length)))
			.join('  ')
			.trimEnd();
	return [line(heads), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join(
		'\n',
	);
}

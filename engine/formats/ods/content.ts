import type { Row } from '../../contract/envelope.ts';
import type { RowCursor } from '../shared/row-cursor.ts';
import type { SheetColumn } from '../shared/sheet-columns.ts';
import { columnName } from '../shared/sheet-names.ts';
import { xmlAttribute, xmlText } from '../shared/xml-text.ts';
import type { WriteCell } from './cells.ts';
import { columnStyleName } from './styles.ts';

export interface WrittenColumn extends SheetColumn {
	write: WriteCell;
	/** The attribute of its header that names the look. */
	headerLook: string;
}

export interface SheetPlan {
	name: string;
	columns: readonly WrittenColumn[];
	/** Of this sheet, without the header. */
	maxRows: number;
	header: boolean;
}

const CHUNK = 64 * 1024;

/**
 * One sheet, of as many rows as are allowed; the rest stays with the cursor.
 * @param wrote called with the number of rows, the header among them, when the sheet is complete
 */
export async function* sheetXml(
	cursor: RowCursor,
	{ name, columns, maxRows, header }: SheetPlan,
	wrote: (rows: number) => void,
): AsyncGenerator<string> {
	const hasHeader = header && columns.length > 0;
	let xml = opening(name, columns) + (hasHeader ? headerRow(columns) : '');
	let count = hasHeader ? 1 : 0;
	for (let left = maxRows; left > 0;) {
		const rows = await cursor.take(left);
		if (rows.length === 0) break;
		left -= rows.length;
		count += rows.length;
		for (const row of rows) {
			xml += rowXml(row, columns);
			if (xml.length >= CHUNK) {
				yield xml;
				xml = '';
			}
		}
	}
	wrote(count);
	// a table has a row at least
	yield `${xml}${count === 0 ? EMPTY_ROW : ''}</table:table>`;
}

const EMPTY_ROW = '<table:table-row><table:table-cell/></table:table-row>';

function opening(name: string, columns: readonly WrittenColumn[]): string {
	const widths = columns.map(
		({ width }) =>
			`<table:table-column table:style-name="${columnStyleName(width)}" table:default-cell-style-name="Default"/>`,
	);
	return `<table:table table:name="${xmlAttribute(name)}">${widths.join('') || '<table:table-column/>'}`;
}

function headerRow(columns: readonly WrittenColumn[]): string {
	const cells = columns.map(
		({ title, headerLook }) =>
			`<table:table-cell${headerLook} office:value-type="string"><text:p>${xmlText(title, () => '\ufffd')}</text:p></table:table-cell>`,
	);
	return `<table:table-header-rows><table:table-row>${cells.join('')}</table:table-row></table:table-header-rows>`;
}

/** Empty cells are counted and not written one by one. */
function rowXml(row: Row, columns: readonly WrittenColumn[]): string {
	let xml = '<table:table-row>';
	let empty = 0;
	for (const { column, write } of columns) {
		const cell = write(column.read(row));
		if (cell === '') {
			empty += 1;
			continue;
		}
		if (empty > 0) xml += emptyCells(empty);
		empty = 0;
		xml += cell;
	}
	if (empty > 0) xml += emptyCells(empty);
	return `${xml}</table:table-row>`;
}

const emptyCells = (count: number): string =>
	count === 1
		? '<table:table-cell/>'
		: `<table:table-cell table:number-columns-repeated="${count}"/>`;

/** A sheet of sentences, one a row. */
export function notesSheet(name: string, lines: readonly string[]): string {
	const rows = lines.map(
		(line) =>
			`<table:table-row><table:table-cell office:value-type="string"><text:p>${xmlText(line, () => '\ufffd')}</text:p></table:table-cell></table:table-row>`,
	);
	return `<table:table table:name="${xmlAttribute(name)}"><table:table-column table:style-name="${columnStyleName(60)}"/>${rows.join('')}</table:table>`;
}

/** A sheet that is written. */
export interface SheetPart {
	name: string;
	columns: number;
	rows: number;
}

/** The buttons in the headers. */
export function filterRanges(sheets: readonly SheetPart[]): string {
	const ranges = sheets.flatMap(({ name, columns, rows }, at) => {
		if (columns === 0) return [];
		const sheet = xmlAttribute(`'${name.replaceAll("'", "''")}'`);
		const range = `${sheet}.A1:${sheet}.${columnName(columns - 1)}${rows}`;
		return [
			`<table:database-range table:name="__Anonymous_Sheet_DB__${at}" table:target-range-address="${range}" table:display-filter-buttons="true"/>`,
		];
	});
	return ranges.length === 0
		? ''
		: `<table:database-ranges>${ranges.join('')}</table:database-ranges>`;
}

import type { Row } from '../../contract/envelope.ts';
import type { RowCursor } from '../shared/row-cursor.ts';
import type { SheetColumn } from '../shared/sheet-columns.ts';
import { columnName } from '../shared/sheet-names.ts';
import { XML_DECLARATION } from '../shared/xml-text.ts';
import type { WriteCell } from './cells.ts';
import { cellXml, textElement } from './text.ts';

/** A column and how its cells are written. */
export interface WrittenColumn extends SheetColumn {
	write: WriteCell;
	/** Of its header. */
	headerStyle: number;
}

/** The lines of the highest cell of the row that is being written. */
export class RowLines {
	most = 1;
	readonly add = (count: number): void => {
		if (count > this.most) this.most = count;
	};
}

export interface SheetLook {
	header: boolean;
	/** The header stays in sight. */
	freeze: boolean;
	filter: boolean;
}

export interface SheetPlan {
	columns: readonly WrittenColumn[];
	look: SheetLook;
	lines: RowLines;
	/** Of this sheet, without the header. */
	maxRows: number;
}

const CHUNK = 64 * 1024;

/**
 * One sheet, of as many rows as are allowed; the rest stays with the cursor. Cells of text hold their text
 * themselves: a table of shared strings would have to be kept until the end.
 * @param wrote called with the number of rows, the header among them, when the sheet is complete
 */
export async function* sheetXml(
	cursor: RowCursor,
	{ columns, look, lines, maxRows }: SheetPlan,
	wrote: (rows: number) => void,
): AsyncGenerator<Buffer> {
	const hasHeader = look.header && columns.length > 0;
	let xml = opening(columns, look) + (hasHeader ? headerRow(columns) : '');
	let number = hasHeader ? 1 : 0;
	const rowXml = rowWriter(columns, lines);
	for (let left = maxRows; left > 0;) {
		const rows = await cursor.take(left);
		if (rows.length === 0) break;
		left -= rows.length;
		for (const row of rows) {
			xml += rowXml(row, ++number);
			if (xml.length >= CHUNK) {
				yield Buffer.from(xml, 'utf8');
				xml = '';
			}
		}
	}
	wrote(number);
	yield Buffer.from(xml + closing(columns, { look, rows: number }), 'utf8');
}

/** Points; no row is higher than 409. */
const LINE_HEIGHT = 15;
const MAX_LINES = 27;

function rowWriter(
	columns: readonly WrittenColumn[],
	lines: RowLines,
): (row: Row, number: number) => string {
	const cells = columns.map(({ column, write }) => ({ read: column.read, write }));
	return (row, number) => {
		const digits = String(number);
		lines.most = 1;
		let xml = '';
		for (const { read, write } of cells) xml += write(read(row), digits);
		if (lines.most === 1) return `<row r="${digits}">${xml}</row>`;
		const height = LINE_HEIGHT * Math.min(lines.most, MAX_LINES);
		return `<row r="${digits}" ht="${height}" customHeight="1">${xml}</row>`;
	};
}

function opening(columns: readonly WrittenColumn[], { header, freeze }: SheetLook): string {
	const pane =
		header && freeze
			? '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft"/>'
			: '';
	const widths = columns
		.map(
			({ width }, at) => `<col min="${at + 1}" max="${at + 1}" width="${width}" customWidth="1"/>`,
		)
		.join('');
	return (
		`${XML_DECLARATION}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` +
		'<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>' +
		`<sheetViews><sheetView workbookViewId="0">${pane}</sheetView></sheetViews>` +
		'<sheetFormatPr defaultRowHeight="15"/>' +
		(widths && `<cols>${widths}</cols>`) +
		'<sheetData>'
	);
}

function headerRow(columns: readonly WrittenColumn[]): string {
	const cells = columns.map(
		({ title, headerStyle }, at) =>
			`<c r="${columnName(at)}1" s="${headerStyle}" t="inlineStr"><is>${textElement(title)}</is></c>`,
	);
	return `<row r="1">${cells.join('')}</row>`;
}

function closing(
	columns: readonly WrittenColumn[],
	{ look, rows }: { look: SheetLook; rows: number },
): string {
	const last = columns.length - 1;
	const filter =
		look.header && look.filter && last >= 0
			? `<autoFilter ref="A1:${columnName(last)}${rows}"/>`
			: '';
	const digits = columns.flatMap(({ cell }, at) =>
		cell.kind === 'digits' ? [`${columnName(at)}1:${columnName(at)}${rows}`] : [],
	);
	return (
		`</sheetData>${filter}` +
		'<pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>' +
		`<pageSetup paperSize="9" orientation="${columns.length > 6 ? 'landscape' : 'portrait'}" fitToHeight="0"/>` +
		`<headerFooter><oddFooter>${cellXml('&L&A&R&P / &N')}</oddFooter></headerFooter>` +
		(digits.length > 0
			? `<ignoredErrors><ignoredError sqref="${digits.join(' ')}" numberStoredAsText="1"/></ignoredErrors>`
			: '') +
		'</worksheet>'
	);
}

/** A sheet of sentences, one a row. */
export function notesXml(lines: readonly string[]): Buffer {
	const rows = lines.map(
		(line, at) =>
			`<row r="${at + 1}"><c r="A${at + 1}" t="inlineStr"><is>${textElement(line)}</is></c></row>`,
	);
	return Buffer.from(
		`${XML_DECLARATION}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` +
			`<cols><col min="1" max="1" width="100" customWidth="1"/></cols>` +
			`<sheetData>${rows.join('')}</sheetData></worksheet>`,
		'utf8',
	);
}

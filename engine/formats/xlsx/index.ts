import { z } from 'zod';

import type { Format, FormatInput } from '../format.port.ts';
import {
	DEFLATE_LEVELS,
	MAX_SHEET_COLUMNS,
	MAX_SHEET_ROWS,
	sheetOptions,
	type SheetOptions,
} from '../shared/sheet-options.ts';
import { cellChanges } from '../shared/sheet-changes.ts';
import { columnName, SheetNames } from '../shared/sheet-names.ts';
import { SheetNotes } from '../shared/sheet-notes.ts';
import { sheetsOf, sheetZone, type Sheet } from '../shared/sheets.ts';
import { demandRows } from '../shared/suitable.ts';
import { zoneOffsets } from '../shared/zone.ts';
import { zip, type ZipEntry } from '../shared/zip.ts';
import { cellWriter, MAX_CHARACTERS } from './cells.ts';
import { notesXml, RowLines, sheetXml, type SheetLook } from './sheet.ts';
import { Styles } from './styles.ts';
import { firstParts, lastParts, sheetPath, type SheetPart } from './workbook.ts';

const xlsxOptionsSchema = z.strictObject(sheetOptions);

/** Rows as a workbook of Excel (ECMA-376), written as a stream. The rows are read twice, for their types. */
export function createXlsxFormat(): Format {
	return {
		name: 'xlsx',
		title: 'Excel workbook',
		contentType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
		extension: 'xlsx',
		abilities: { rows: true, binary: false, tables: 'sheets' },
		limits: {
			rowsPerSheet: MAX_SHEET_ROWS,
			columns: MAX_SHEET_COLUMNS,
			charactersPerCell: MAX_CHARACTERS,
			digitsPerNumber: 15,
		},
		options: xlsxOptionsSchema,
		async *render(input, given) {
			demandRows(input, 'xlsx');
			const options = xlsxOptionsSchema.parse(given);
			yield* zip(parts(input, options), {
				modifiedAt: Date.parse(input.meta.resultAt),
				level: DEFLATE_LEVELS[options.compression],
			});
		},
	};
}

async function* parts(input: FormatInput, options: SheetOptions): AsyncGenerator<ZipEntry> {
	const names = new SheetNames();
	const notes = new SheetNotes();
	const styles = new Styles();
	const look: SheetLook = options;
	const written: SheetPart[] = [];
	yield* firstParts();
	for await (const sheet of sheetsOf(input, { format: 'xlsx', options, notes, names })) {
		const { name, columns } = sheet;
		const part = {
			name,
			columns: columns.length,
			rows: 0,
			header: look.header,
			filter: look.filter,
		};
		written.push(part);
		const stream = sheetStream(sheet, { input, options, styles, notes, look, part });
		yield { name: sheetPath(written.length), content: () => stream };
	}
	if (notes.lines.length > 0) {
		const name = names.next('Notes');
		written.push({ name, columns: 1, rows: notes.lines.length, header: false, filter: false });
		yield { name: sheetPath(written.length), content: () => notesXml(notes.lines) };
	}
	for (const notice of notes.all) input.notice?.(notice);
	const { title, resultAt } = input.meta;
	yield* lastParts({ sheets: written, stylesXml: styles.xml(), title, createdAt: resultAt });
}

interface SheetWork {
	input: FormatInput;
	options: SheetOptions;
	styles: Styles;
	notes: SheetNotes;
	look: SheetLook;
	part: SheetPart;
}

function sheetStream(sheet: Sheet, work: SheetWork): AsyncIterable<Uint8Array> {
	const { input, options, styles, notes, look, part } = work;
	const offsetAt = zoneOffsets(sheetZone(options, input));
	const lines = new RowLines();
	const columns = sheet.columns.map((planned, at) => {
		const place = { column: planned.title, table: sheet.table };
		const changes = cellChanges(place, {
			format: 'xlsx',
			maxCharacters: MAX_CHARACTERS,
			options,
			notes,
		});
		const context = { styles, offsetAt, name: columnName(at), lines: lines.add, ...changes };
		const headerStyle = styles.id({ header: true, align: planned.column.align });
		return { ...planned, headerStyle, write: cellWriter(planned, context) };
	});
	return sheetXml(sheet.cursor, { columns, look, lines, maxRows: sheet.maxRows }, (rows) => {
		part.rows = rows;
	});
}

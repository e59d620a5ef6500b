import { z } from 'zod';

import type { Format, FormatInput } from '../format.port.ts';
import { cellChanges } from '../shared/sheet-changes.ts';
import { SheetNames } from '../shared/sheet-names.ts';
import { SheetNotes } from '../shared/sheet-notes.ts';
import {
	DEFLATE_LEVELS,
	MAX_SHEET_COLUMNS,
	MAX_SHEET_ROWS,
	sheetOptions,
	type SheetOptions,
} from '../shared/sheet-options.ts';
import { sheetsOf, sheetZone } from '../shared/sheets.ts';
import { demandRows } from '../shared/suitable.ts';
import { zip, type ZipEntry } from '../shared/zip.ts';
import { zoneOffsets } from '../shared/zone.ts';
import { cellWriter } from './cells.ts';
import { filterRanges, notesSheet, sheetXml, type SheetPart } from './content.ts';
import { contentClosing, contentOpening, lastFiles, mimetype, ODS_TYPE } from './package.ts';
import { Looks } from './styles.ts';

/** A cell holds any text: there is no limit that could be met. */
const { onLongText: _noLimit, ...odsOptions } = sheetOptions;
const odsOptionsSchema = z.strictObject(odsOptions);

/** Rows as an OpenDocument spreadsheet (1.3), written as a stream. The rows are read twice, for their types. */
export function createOdsFormat(): Format {
	return {
		name: 'ods',
		title: 'OpenDocument spreadsheet',
		contentType: ODS_TYPE,
		extension: 'ods',
		abilities: { rows: true, binary: false, tables: 'sheets' },
		limits: {
			rowsPerSheet: MAX_SHEET_ROWS,
			columns: MAX_SHEET_COLUMNS,
			digitsPerNumber: 15,
		},
		options: odsOptionsSchema,
		async *render(input, given) {
			demandRows(input, 'ods');
			const options: SheetOptions = { ...odsOptionsSchema.parse(given), onLongText: 'error' };
			yield* zip(files(input, options), {
				modifiedAt: Date.parse(input.meta.resultAt),
				level: DEFLATE_LEVELS[options.compression],
			});
		},
	};
}

interface Work {
	input: FormatInput;
	options: SheetOptions;
	looks: Looks;
	notes: SheetNotes;
	/** Filled as they are written. */
	sheets: SheetPart[];
}

async function* files(input: FormatInput, options: SheetOptions): AsyncGenerator<ZipEntry> {
	const work: Work = { input, options, looks: new Looks(), notes: new SheetNotes(), sheets: [] };
	yield mimetype();
	yield { name: 'content.xml', content: () => content(work) };
	for (const notice of work.notes.all) input.notice?.(notice);
	const { title, resultAt } = input.meta;
	yield* lastFiles({
		sheets: work.sheets,
		looks: work.looks.xml(),
		title,
		createdAt: resultAt,
		freeze: options.freeze && options.header,
	});
}

async function* content(work: Work): AsyncGenerator<Buffer> {
	const { input, options, looks, notes, sheets } = work;
	const names = new SheetNames();
	const offsetAt = zoneOffsets(sheetZone(options, input));
	yield Buffer.from(contentOpening(), 'utf8');
	for await (const sheet of sheetsOf(input, { format: 'ods', options, notes, names })) {
		const { name, table, cursor, maxRows } = sheet;
		const columns = sheet.columns.map((planned) => {
			const place = { column: planned.title, table };
			const context = { format: 'ods', maxCharacters: Infinity, options, notes };
			const changes = cellChanges(place, context);
			const headerLook = looks.attribute({ header: true, align: planned.column.align });
			return {
				...planned,
				headerLook,
				write: cellWriter(planned, { looks, offsetAt, ...changes }),
			};
		});
		const part: SheetPart = { name, columns: columns.length, rows: 0 };
		sheets.push(part);
		const plan = { name, columns, maxRows, header: options.header };
		for await (const xml of sheetXml(cursor, plan, (rows) => (part.rows = rows))) {
			yield Buffer.from(xml, 'utf8');
		}
	}
	const tail = notes.lines.length > 0 ? notesSheet(names.next('Notes'), notes.lines) : '';
	const filters = options.header && options.filter ? filterRanges(sheets) : '';
	yield Buffer.from(tail + filters + contentClosing, 'utf8');
}

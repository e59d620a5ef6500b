import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';

import type { Row } from '../../engine/contract/envelope.ts';
import { createCsvFormat, createTsvFormat } from '../../engine/formats/csv/index.ts';
import { cellText } from '../../engine/formats/shared/cell-text.ts';
import { createOdsFormat } from '../../engine/formats/ods/index.ts';
import { createXlsxFormat } from '../../engine/formats/xlsx/index.ts';
import { generatedInput, inputOf, renderToBytes } from '../support/format-input.ts';
import { anyRows, manyRows } from '../support/fuzzed-rows.ts';
import { TYPED_COLUMNS, TYPED_ROWS } from '../support/typed-table.ts';
import { askPython } from './formats-python.ts';
import { installLibreOffice, openInLibreOffice } from './libreoffice.ts';
import { INSTALL_MS, Shelf } from './readers.ts';

const xlsx = createXlsxFormat();
const ods = createOdsFormat();

const typedInput = () => inputOf(TYPED_ROWS, { columns: TYPED_COLUMNS });

/** What openpyxl sees: type and value of each cell. */
const OPENPYXL = `
import datetime, json, sys, openpyxl
workbook = openpyxl.load_workbook(sys.argv[1])
def seen(cell):
    value = cell.value
    if isinstance(value, datetime.datetime): return ["moment", value.isoformat(timespec="milliseconds")]
    if isinstance(value, datetime.time): return ["time", value.isoformat(timespec="milliseconds")]
    return [cell.data_type, value]
print(json.dumps([[sheet.title, [[seen(cell) for cell in row] for row in sheet.iter_rows()]] for sheet in workbook]))
`;
type SeenSheet = [string, [string, unknown][][]];

describe('spreadsheets in programs that are not ours', () => {
	let shelf: Shelf;
	beforeAll(async () => {
		shelf = await Shelf.make();
		await askPython('print(1)', []);
		await installLibreOffice();
	}, INSTALL_MS);
	afterAll(() => shelf.clear());

	const openpyxl = async (bytes: Buffer): Promise<SeenSheet[]> => {
		return askPython<SeenSheet[]>(OPENPYXL, [await shelf.put(bytes, 'xlsx')]);
	};

	it('openpyxl reads an Excel workbook with every value and type', async () => {
		const options = xlsx.options.parse({ timeZone: 'UTC', zoneInHeader: false });
		const [[title, rows] = ['', []]] = await openpyxl(
			await renderToBytes(xlsx.render(typedInput(), options)),
		);
		expect(title).toBe('Daily sales');
		expect(rows[0]!.map(([, name]) => name)).toEqual(TYPED_COLUMNS.map(({ name }) => name));
		TYPED_ROWS.forEach((row, at) => {
			const cells = rows[at + 1]!;
			TYPED_COLUMNS.forEach(({ name, type = '' }, column) => {
				expect({ name, cell: cells[column] }).toEqual({ name, cell: inOpenpyxl(row[name], type) });
			});
		});
	});

	it.each([
		['xlsx', xlsx],
		['ods', ods],
	] as const)('LibreOffice opens %s without a word and shows every value', async (name, format) => {
		const options = format.options.parse({ timeZone: 'UTC', zoneInHeader: false, sheet: 'typed' });
		const bytes = await renderToBytes(format.render(typedInput(), options));
		const sheets = await openInLibreOffice({ name: `typed.${name}`, bytes });
		const typed = sheets.find((sheet) => sheet.name === 'typed');
		const [header, ...rows] = parse(typed!.csv, { relax_quotes: true });
		expect(header).toEqual(TYPED_COLUMNS.map((column) => column.name));
		TYPED_ROWS.forEach((row, at) => {
			TYPED_COLUMNS.forEach(({ name: column, type = '' }, place) => {
				const expected = inLibreOffice(row[column], { type, format: name });
				const shown = rows[at]![place]!;
				const cell = typeof expected === 'number' ? Number(shown) : lines(shown);
				expect({ at, column, cell }).toEqual({ at, column, cell: expected });
			});
		});
	});

	it('LibreOffice takes no text for a formula', async () => {
		const rows = [
			{ a: '=1+1', b: '+1', c: '-1', d: '@SUM(1)', e: '=HYPERLINK("http://x.invalid")' },
		];
		for (const [name, format] of [['xlsx', xlsx] as const, ['ods', ods] as const]) {
			const bytes = await renderToBytes(format.render(inputOf(rows), format.options.parse({})));
			const [sheet] = await openInLibreOffice({ name: `f.${name}`, bytes });
			expect(parse(sheet!.csv)[1]).toEqual(Object.values(rows[0]!));
		}
	});

	it.each([
		['xlsx', xlsx],
		['ods', ods],
	] as const)('a million rows and more go on on the next sheet of %s', async (_name, format) => {
		const input = generatedInput(1_048_600, (n) => ({ n }), { batchSize: 1000 });
		const bytes = await renderToBytes(format.render(input, format.options.parse({ sheet: 'S' })));
		const file = await shelf.put(bytes, 'zip');
		const counts = await askPython<Record<string, number>>(COUNT_ROWS, [file]);
		expect(counts).toEqual({ S: 1_048_576, 'S (2)': 26 });
	});

	it('fuzzed rows never make a workbook that openpyxl refuses', async () => {
		await anyRows({ runs: 8 }, async (some) => {
			// openpyxl counts rows by their cells: one without any, at the end, is none to it
			const rows = some.map((row, at) => ({ at, ...row }));
			const bytes = await renderToBytes(xlsx.render(inputOf(rows), xlsx.options.parse({})));
			const [[, seen] = ['', []]] = await openpyxl(bytes);
			expect(seen).toHaveLength(rows.length + 1);
		});
	}, 120_000);

	it.each([
		['xlsx', xlsx],
		['ods', ods],
	] as const)(
		'fuzzed rows never make an %s that LibreOffice refuses',
		async (name, format) => {
			// a last row without any cell is none to LibreOffice either
			const rows = manyRows(400).map((row, at) => ({ ...row, at }));
			const options = format.options.parse({ readText: 'none' });
			const bytes = await renderToBytes(format.render(inputOf(rows), options));
			const [sheet] = await openInLibreOffice({ name: `z.${name}`, bytes });
			expect(parse(sheet!.csv, { relax_quotes: true })).toHaveLength(401);
		},
		120_000,
	);

	it('LibreOffice takes no text of a CSV file for a formula', async () => {
		const texts = [
			'=1+1',
			' =1+1',
			'+1+1',
			'-1+1',
			'@SUM(1)',
			'two\n=1+1',
			'=HYPERLINK("http://x.invalid")',
		];
		const rows = texts.map((text) => ({ text }));
		for (const [name, format] of [
			['csv', createCsvFormat()] as const,
			['tsv', createTsvFormat()] as const,
		]) {
			const bytes = await renderToBytes(format.render(inputOf(rows), format.options.parse({})));
			const [sheet] = await openInLibreOffice({ name: `f.${name}`, bytes });
			const [, ...seen] = parse(sheet!.csv);
			for (const [at, [cell = '']] of seen.entries()) {
				expect(cell.replaceAll("'", '')).toBe(texts[at]);
			}
			expect(seen).toHaveLength(texts.length);
		}
	});
});

/** Rows by sheet, of either format, counted in the XML by Python's own reader. */
const COUNT_ROWS = `
import json, re, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
counts = {}
if 'content.xml' in archive.namelist():
    text = archive.read('content.xml').decode()
    for name, body in re.findall(r'<table:table table:name="([^"]*)">(.*?)</table:table>', text, re.S):
        counts[name] = body.count('<table:table-row>')
else:
    names = re.findall(r'<sheet name="([^"]*)"', archive.read('xl/workbook.xml').decode())
    for at, name in enumerate(names):
        counts[name] = archive.read(f'xl/worksheets/sheet{at + 1}.xml').count(b'<row ')
print(json.dumps(counts))
`;

/** Characters that XML does not have. */
const LACKING = /[\p{Cs}\ufffe\uffff]|(?![\t\n\r\u007f-\u009f])\p{Cc}/gu;
const asWritten = (character: string): string =>
	!character.isWellFormed()
		? '\ufffd'
		: `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`;

const isAbsent = (value: unknown): boolean => value === null || value === undefined;

function inOpenpyxl(value: Row[string] | undefined, type: string): unknown {
	// openpyxl gives a cell without anything the type of numbers
	if (isAbsent(value)) return ['n', null];
	const text = cellText(value);
	switch (type) {
		case 'boolean':
			return ['b', value];
		case 'integer':
		case 'double':
		case 'numeric(12,2)':
			return ['n', expect.closeTo(Number(text), 10)];
		case 'date':
			return text < '1900-03-01' ? ['s', text] : ['moment', `${text}T00:00:00.000`];
		case 'time':
			return ['time', new Date(`1970-01-01T${text}Z`).toISOString().slice(11, 23)];
		case 'timestamp':
			return ['moment', new Date(`${text.replace(' ', 'T')}Z`).toISOString().slice(0, 23)];
		case 'timestamptz':
			return ['moment', new Date(text).toISOString().slice(0, 23)];
		case 'mixed':
			if (typeof value === 'number') return ['n', value];
			if (typeof value === 'boolean') return ['b', value];
			return ['s', text];
		default:
			// openpyxl does not undo how characters are written that XML lacks
			return ['s', text.replace(LACKING, asWritten)];
	}
}

/** LibreOffice shows 15 digits at most. */
const shownNumber = (value: number): number => Number(value.toPrecision(15));

/** A number where the cell has to be one that is equal, else its text. */
function inLibreOffice(
	value: Row[string] | undefined,
	{ type, format }: { type: string; format: 'xlsx' | 'ods' },
): unknown {
	if (isAbsent(value)) return '';
	const text = cellText(value);
	switch (type) {
		case 'boolean':
			return text.toUpperCase();
		case 'integer':
		case 'double':
		case 'numeric(12,2)':
			// in CSV, LibreOffice writes numbers as they are, whatever their format
			return shownNumber(Number(text));
		case 'time':
			return expect.stringMatching(halfDay(text));
		case 'timestamp':
			return shownMoment(`${text.replace(' ', 'T')}Z`);
		case 'timestamptz':
			return shownMoment(text);
		case 'mixed':
			if (typeof value === 'number') return shownNumber(value);
			return typeof value === 'boolean' ? text.toUpperCase() : text;
		default:
			// the one has words for characters that XML lacks, the other none
			return lines(format === 'xlsx' ? text.toWellFormed() : text.replace(LACKING, '\ufffd'));
	}
}

/** In CSV, LibreOffice writes times as English does, whatever their format, but for fractions of seconds. */
function halfDay(text: string): RegExp {
	const [hour = 0, minute = '', second = '00', fraction] = text.split(/[:.]/);
	if (fraction !== undefined) return new RegExp(`^${hour}:${minute}:${second}[.]${fraction}0*$`);
	const hour12 = String(Number(hour) % 12 || 12).padStart(2, '0');
	return new RegExp(`^${hour12}:${minute}:${second} ${Number(hour) < 12 ? 'AM' : 'PM'}$`);
}

const shownMoment = (text: string): string =>
	new Date(text).toISOString().slice(0, 23).replace('T', ' ').replace('.000', '');

const lines = (text: string): string => text.replace(/\r\n?/g, '\n');

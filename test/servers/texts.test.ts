import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Row } from '../../engine/contract/envelope.ts';
import type { JsonValue } from '../../engine/contract/json.ts';
import type { Format } from '../../engine/formats/format.port.ts';
import { createCsvFormat, createTsvFormat } from '../../engine/formats/csv/index.ts';
import { createJsonFormat } from '../../engine/formats/json/index.ts';
import { createMarkdownFormat } from '../../engine/formats/markdown/index.ts';
import { createNdjsonFormat } from '../../engine/formats/ndjson/index.ts';
import { cellText } from '../../engine/formats/shared/cell-text.ts';
import { exactNumber } from '../../engine/formats/shared/exact-json.ts';
import { createTextFormat } from '../../engine/formats/text/index.ts';
import { createXmlFormat } from '../../engine/formats/xml/index.ts';
import { createYamlFormat } from '../../engine/formats/yaml/index.ts';
import { inputOf, renderToBytes } from '../support/format-input.ts';
import { anyRows } from '../support/fuzzed-rows.ts';
import { NASTY_ROWS, WIDE_ROW } from '../support/nasty-rows.ts';
import { TYPED_COLUMNS, TYPED_ROWS } from '../support/typed-table.ts';
import { ask, INSTALL_MS, installReaders, Shelf } from './readers.ts';
import * as python from './text-readers.ts';

/** Few processes for many rows: each list of rows is read by all programs. */
const FUZZED = { runs: 12 };
const ROWS: readonly [string, readonly Row[]][] = [
	['every type', TYPED_ROWS],
	['nasty rows', NASTY_ROWS],
	['200 columns', [WIDE_ROW, WIDE_ROW]],
	['no rows', []],
	['one column', [{ only: 'x' }, { only: null }, { only: '' }]],
];

let shelf: Shelf;
beforeAll(async () => {
	shelf = await Shelf.make();
	await installReaders('xmllint', 'cmark-gfm');
	await python.install();
}, INSTALL_MS);
afterAll(() => shelf.clear());

async function fileOf(
	format: Format,
	rows: readonly Row[],
	{ options = {}, typed = false }: { options?: object; typed?: boolean } = {},
): Promise<string> {
	const input = inputOf(rows, typed ? { columns: TYPED_COLUMNS } : {});
	const parsed = format.options.parse(options);
	return shelf.put(await renderToBytes(format.render(input, parsed)), format.extension);
}

describe("JSON and NDJSON in Python's json", () => {
	const json = createJsonFormat();
	const ndjson = createNdjsonFormat();

	it.each(ROWS)('say the same, digit by digit: %s', async (_, rows) => {
		const expected = rows.map((row) => treeOf(row, exactly));
		expect(await python.readJson(await fileOf(json, rows))).toEqual(expected);
		expect(await python.readNdjson(await fileOf(ndjson, rows))).toEqual(expected);
		const envelope = await fileOf(json, rows, { options: { shape: 'envelope', pretty: true } });
		const read = (await python.readJson(envelope)) as { object: [string, unknown][] };
		expect(new Map(read.object).get('rows')).toHaveLength(rows.length);
	});

	it('say what any rows say', async () => {
		await anyRows(FUZZED, async (rows) => {
			const expected = rows.map((row) => treeOf(row, exactly));
			expect(await python.readJson(await fileOf(json, rows))).toEqual(expected);
			expect(await python.readNdjson(await fileOf(ndjson, rows))).toEqual(expected);
		});
	});
});

describe('YAML in PyYAML', () => {
	const yaml = createYamlFormat();

	it.each(ROWS)('says the same: %s', async (_, rows) => {
		const read = await python.readYaml(await fileOf(yaml, rows));
		expect(read).toEqual(rows.map((row) => treeOf(row, asDouble)));
	});

	it('says what any rows say', async () => {
		await anyRows(FUZZED, async (rows) => {
			const read = await python.readYaml(await fileOf(yaml, rows));
			expect(read).toEqual(rows.map((row) => treeOf(row, asDouble)));
		});
	});
});

describe('XML in xmllint and expat', () => {
	const xml = createXmlFormat();

	async function read(file: string): Promise<[string, string][][]> {
		const { code, stderr } = await ask('xmllint', ['--noout', '--nonet', '--pedantic', file]);
		expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
		return python.readXml(file);
	}
	/** Null is no element; nothing is lost but what XML cannot hold. */
	const expected = (rows: readonly Row[]): [string, string][][] =>
		rows.map((row) =>
			Object.entries(row)
				.filter(([, value]) => value !== null)
				.map(([name, value]) => [inXml(name), inXml(cellText(value))]),
		);

	it.each(ROWS)('are well formed, and say the same: %s', async (_, rows) => {
		const seen = await read(await fileOf(xml, rows, { options: { nested: 'json' } }));
		expect(seen.map(byName)).toEqual(expected(rows).map(byName));
		await read(await fileOf(xml, rows));
		await read(await fileOf(xml, rows, { options: { pretty: true, root: 'Räksmörgås' } }));
	});

	it('are well formed whatever the rows, and say the same', async () => {
		await anyRows(FUZZED, async (rows) => {
			const seen = await read(await fileOf(xml, rows, { options: { nested: 'json' } }));
			expect(seen.map(byName)).toEqual(expected(rows).map(byName));
			await read(await fileOf(xml, rows));
		});
	});
});

describe('Markdown in cmark-gfm', () => {
	const markdown = createMarkdownFormat();
	const EXTENSIONS = ['table', 'autolink', 'strikethrough', 'tasklist', 'footnotes'];

	async function read(file: string): Promise<string[][]> {
		const extensions = EXTENSIONS.flatMap((name) => ['-e', name]);
		const { code, stdout } = await ask('cmark-gfm', [...extensions, '--unsafe', file]);
		expect(code).toBe(0);
		const page = await shelf.put(Buffer.from(stdout), 'html');
		const { elements, rows } = await python.readHtmlTable(page);
		// nothing in a cell is markup
		expect(elements).toEqual(
			expect.not.arrayContaining(['a', 'em', 'strong', 'img', 'code', 'del']),
		);
		return rows;
	}

	it('is a table that says every value of every type', async () => {
		const file = await fileOf(markdown, TYPED_ROWS, { typed: true });
		const [head, ...rows] = await read(file);
		expect(head).toEqual(TYPED_COLUMNS.map(({ name }) => name));
		expect(rows).toEqual(
			TYPED_ROWS.map((row) => TYPED_COLUMNS.map(({ name }) => inMarkdown(cellText(row[name])))),
		);
	});

	it('has a cell for each value, whatever it is', async () => {
		const check = async (rows: readonly Row[]): Promise<void> => {
			const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
			const [head, ...seen] = await read(await fileOf(markdown, rows));
			expect(head).toEqual(names.map(inMarkdown));
			const columns = names.map(
				(name) => (row: Row) => (Object.hasOwn(row, name) ? row[name] : ''),
			);
			expect(seen).toEqual(
				rows.map((row) => columns.map((column) => inMarkdown(cellText(column(row))))),
			);
		};
		await check(NASTY_ROWS);
		await check([WIDE_ROW]);
		await anyRows(FUZZED, check);
	});
});

/**
 * Not assigned yet, marks that take room, marks before what they belong to, tones of skin on what has none, what ends
 * a line or does not.
 */
const OF_NO_KNOWN_WIDTH =
	/[\p{Cn}\p{Mc}\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u2028\u2029\u{110bd}\u{110cd}]|[\u{1f3fb}-\u{1f3ff}]/gu;

describe('the table of plain text, cut where wcwidth says that columns end', () => {
	const text = createTextFormat();

	it.each(['box', 'lines'] as const)('says every value: %s', async (border) => {
		const options = { border, numbers: true, maxWidth: 1000 };
		const rows = TYPED_ROWS.filter(({ text: long }) => cellText(long).length < 900);
		const [head, ...seen] = await python.readTextTable(
			await fileOf(text, rows, { options, typed: true }),
		);
		expect(head).toEqual(['#', ...TYPED_COLUMNS.map(({ name }) => name)]);
		rows.forEach((row, at) => {
			const expected = TYPED_COLUMNS.map(({ name }) => inText(cellText(row[name])));
			expect(seen[at]).toEqual([String(at + 1), ...expected]);
		});
	});

	it('has a line for each row, and each value in its column, whatever it is', async () => {
		await anyRows(FUZZED, async (any) => {
			const rows = JSON.parse(JSON.stringify(any).replaceAll(OF_NO_KNOWN_WIDTH, '?')) as Row[];
			const options = { border: 'box', numbers: true, maxWidth: 1000 };
			const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
			const [, ...seen] = await python.readTextTable(await fileOf(text, rows, { options }));
			expect(seen).toEqual(
				rows.map((row, at) => [
					String(at + 1),
					...names.map((name) => inText(Object.hasOwn(row, name) ? cellText(row[name]) : '')),
				]),
			);
		});
	});
});

describe("CSV and TSV in Python's csv", () => {
	const [csv, tsv] = [createCsvFormat(), createTsvFormat()];

	it.each<[string, Format, object, { delimiter?: string; bom?: boolean }]>([
		['commas', csv, {}, {}],
		['tabs', tsv, {}, { delimiter: '\t' }],
		[
			'semicolons and quotes',
			csv,
			{ delimiter: ';', quote: 'all', bom: true },
			{ delimiter: ';', bom: true },
		],
		['tabs and line feeds', csv, { delimiter: 'tab', eol: 'lf' }, { delimiter: '\t' }],
		['pipes and quotes', csv, { delimiter: '|', quote: 'all', eol: 'lf' }, { delimiter: '|' }],
	])('say the same: %s', async (_, format, given, dialect) => {
		const options = { formulaGuard: false, ...given };
		const check = async (rows: readonly Row[]): Promise<void> => {
			const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
			const seen = await python.readCsv(await fileOf(format, rows, { options }), dialect);
			expect(seen).toEqual([
				names.map((name) => name.toWellFormed()),
				...rows.map((row) =>
					names.map((name) => (Object.hasOwn(row, name) ? cellText(row[name]).toWellFormed() : '')),
				),
			]);
		};
		await check(TYPED_ROWS);
		await check(NASTY_ROWS);
		await check([WIDE_ROW]);
		await check([{ only: 'x' }]);
		await check([{ ['na"me,;\n|\t']: 'x' }]);
		await anyRows({ runs: 5 }, check);
	});
});

/** As `tree` in Python shows it. */
function treeOf(value: JsonValue, number: (digits: string) => string): unknown {
	const digits = exactNumber(value) ?? (typeof value === 'number' ? String(value) : undefined);
	if (digits !== undefined) return { number: number(digits) };
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map((item) => treeOf(item, number));
	return { object: Object.entries(value).map(([key, item]) => [key, treeOf(item, number)]) };
}

const exactly = (digits: string): string => digits;
/** Whole numbers are exact in YAML; others are doubles to its readers. */
const asDouble = (digits: string): string =>
	/^-?\d+$/.test(digits) ? digits : python.hexOf(Number(digits));

const REPLACED =
	/[\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const inXml = (value: string): string =>
	// eslint-disable-next-line no-control-regex
	value.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd').replace(REPLACED, '\ufffd');
const byName = (row: [string, string][]): Map<string, string> => new Map(row);

/** What nobody sees is a picture, or U+FFFD. */
const visible = (value: string): string =>
	value
		.toWellFormed()
		.replace(/[\u0080-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/g, '\ufffd')
		.replaceAll('\u007f', '\u2421')
		// eslint-disable-next-line no-control-regex
		.replace(/[\u0000-\u001f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)));
const BREAK = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/;
/** Lines of a cell, as a page shows them: blanks at the ends are nothing, a tab is one blank. */
const inMarkdown = (value: string): string =>
	value
		.split(BREAK)
		.map((line) => visible(line.replaceAll('\t', ' ')))
		.join('\n')
		.replace(/^ +| +$/g, '');
const inText = (value: string): string =>
	value
		.split(BREAK)
		.map((line) => visible(line.replaceAll('\t', '    ')).trim())
		.join('\n')
		.trim();

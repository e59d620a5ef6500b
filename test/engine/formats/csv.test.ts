import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';

import type { Row } from '../../../engine/contract/envelope.ts';
import { createCsvFormat } from '../../../engine/formats/csv/index.ts';
import { createRowReader } from '../../../engine/formats/rows/index.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { inChunks, inputOf, renderToText, type InputOptions } from '../../support/format-input.ts';

const csv = createCsvFormat();

interface Given {
	delimiter?: string;
	header?: boolean;
	eol?: string;
	[name: string]: unknown;
}

const render = (rows: readonly Row[], given: Given = {}, input?: InputOptions): Promise<string> =>
	renderToText(csv.render(inputOf(rows, input), csv.options.parse(given)));

const readBack = (text: string, { delimiter = ',', eol = 'crlf' }: Given): string[][] =>
	parse(text, {
		bom: true,
		delimiter: delimiter === 'tab' ? '\t' : delimiter,
		record_delimiter: eol === 'lf' ? '\n' : '\r\n',
	});

exerciseFormat(csv, {
	options: [
		{ delimiter: ';', quote: 'all', bom: true },
		{ delimiter: 'tab', eol: 'lf', formulaGuard: false },
		{ delimiter: '|', header: false, eol: 'lf' },
	],
	countRows: (text, given: Given) =>
		readBack(text, given).length -
		(given.header === false || text === '' || text === '\uFEFF' ? 0 : 1),
});

describe('csv', () => {
	it('writes RFC 4180: CRLF, quotes where they are needed', async () => {
		const rows = [
			{ id: 1, text: 'plain', more: 'a "b", c' },
			{ id: 2, text: 'two\nlines', more: '' },
		];
		expect(await render(rows)).toBe('id,text,more\r\n1,plain,"a ""b"", c"\r\n2,"two\nlines",\r\n');
	});

	it('takes the columns in the order in which they are first seen, also late ones', async () => {
		const rows: Row[] = Array.from({ length: 500 }, (_, n) => ({ b: n, a: null }));
		rows.push({ late: 'here', a: 1 });
		const lines = (await render(rows, { eol: 'lf' })).trimEnd().split('\n');
		expect(lines[0]).toBe('b,a,late');
		expect(lines[1]).toBe('0,,');
		expect(lines.at(-1)).toBe(',1,here');
	});

	it('takes declared columns, and rather those chosen', async () => {
		const rows = [{ a: 1, b: 2, c: 3 }];
		const columns = [{ name: 'c' }, { name: 'absent' }, { name: 'a', title: 'A' }];
		expect(await render(rows, { eol: 'lf' }, { columns })).toBe('c,absent,a\n3,,1\n');
		expect(await render(rows, { eol: 'lf', columns: ['b', 'a'] }, { columns })).toBe('b,a\n2,1\n');
	});

	it('reads the rows once when the columns are known', async () => {
		const input = inputOf([{ a: 1 }], { columns: [{ name: 'a' }] });
		await renderToText(csv.render(input, csv.options.parse({})));
		expect(input.readers.opened).toBe(1);
	});

	it('writes numbers as they are, truths as words, lists and objects as JSON', async () => {
		const rows = [
			{ n: -5, big: 1e308, tiny: 5e-324, yes: true, no: false, nil: null, o: { a: [1] } },
		];
		expect((await render(rows, { eol: 'lf' })).split('\n')[1]).toBe(
			'-5,1e+308,5e-324,true,false,,"{""a"":[1]}"',
		);
	});

	it('writes nothing of what rows inherit', async () => {
		const rows = [{ a: 1 }, { constructor: 'own', a: 2 }] as unknown as Row[];
		expect(await render(rows, { eol: 'lf' })).toBe('a,constructor\n1,\n2,own\n');
	});

	it('quotes the empty cell of an only column, whose line would be no row', async () => {
		expect(await render([{ a: '' }, { a: null }], { eol: 'lf' })).toBe('a\n""\n""\n');
	});

	it('guards names of columns, cells and lines of cells against being run', async () => {
		const rows = [{ '=cmd': '  =1+1', b: 'x\n@SUM(1)', c: '-5', d: '-5+2', e: '＝1' }];
		expect(await render(rows, { eol: 'lf' })).toBe(
			`'=cmd,b,c,d,e\n'  =1+1,"x\n'@SUM(1)",-5,'-5+2,'＝1\n`,
		);
	});

	it('names a tab-separated file as such', () => {
		const input = { binary: false, contentType: 'application/json' };
		expect(csv.describe?.(input, csv.options.parse({ delimiter: 'tab' }))).toEqual({
			contentType: 'text/tab-separated-values; charset=utf-8',
			extension: 'tsv',
		});
	});

	it.each([{ delimiter: '::' }, { delimiter: 'x' }, { columns: ['a', 'a'] }, { eol: 'cr' }])(
		'refuses %j',
		(given) => {
			expect(csv.options.safeParse(given).success).toBe(false);
		},
	);

	const options = fc.record({
		delimiter: fc.constantFrom(',', ';', '\t', '|'),
		quote: fc.constantFrom('minimal', 'all'),
		eol: fc.constantFrom('lf', 'crlf'),
		bom: fc.boolean(),
		formulaGuard: fc.constant(false),
	});
	const text = fc.oneof(
		fc.string({ unit: 'binary', maxLength: 12 }),
		fc.string({ unit: fc.constantFrom('"', ',', ';', '\t', '|', '\n', '\r', ' ', 'a', '\ufeff') }),
	);
	const table = fc
		.uniqueArray(
			text.filter((name) => name !== '' && !name.startsWith('\ufeff')),
			{ minLength: 1, maxLength: 5 },
		)
		.chain((names) =>
			fc.record({
				names: fc.constant(names),
				cells: fc.array(fc.array(text, { minLength: names.length, maxLength: names.length }), {
					maxLength: 8,
				}),
			}),
		);

	it('is read back by csv-parse as it was', async () => {
		await fc.assert(
			fc.asyncProperty(table, options, async ({ names, cells }, given) => {
				const rows = cells.map((line) =>
					Object.fromEntries(names.map((name, n) => [name, line[n]])),
				);
				const written = await render(rows as Row[], { ...given, columns: names });
				expect(readBack(written, given)).toEqual([names, ...cells]);
			}),
			{ numRuns: 300 },
		);
	});

	it('is read back by our own reader as it was, cut anywhere', async () => {
		await fc.assert(
			fc.asyncProperty(
				table,
				options,
				fc.integer({ min: 1, max: 50 }),
				async (given, how, size) => {
					const { names, cells } = given;
					const rows = cells.map((line) =>
						Object.fromEntries(names.map((name, n) => [name, line[n]])),
					);
					const bytes = Buffer.from(
						await render(rows as Row[], { ...how, delimiter: ',', columns: names }),
					);
					const read = createRowReader({ encoding: 'csv', open: () => inChunks(bytes, size) });
					const back: Row[] = [];
					for await (const batch of read()) back.push(...batch);
					expect(back).toEqual(rows);
				},
			),
			{ numRuns: 200 },
		);
	});
});

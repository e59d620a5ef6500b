import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Row } from '../../../engine/contract/envelope.ts';
import type { FormatNotice } from '../../../engine/contract/result.ts';
import { createOdsFormat } from '../../../engine/formats/ods/index.ts';
import { parseJson } from '../../../engine/formats/shared/exact-json.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { inputOf, renderToBytes, type InputOptions } from '../../support/format-input.ts';
import { NASTY_TEXTS } from '../../support/nasty-rows.ts';
import { cellAt, cellsOf, openWorkbook, partOf, sheetNames } from '../../support/sheets.ts';

const ods = createOdsFormat();

const render = (
	rows: readonly Row[],
	given: object = {},
	options?: InputOptions,
): Promise<Buffer> => renderToBytes(ods.render(inputOf(rows, options), ods.options.parse(given)));

/** The one cell of a row with the one column `a`. */
const cellOf = async (value: unknown, type: string, given: object = {}): Promise<unknown> =>
	cellAt(await render([{ a: value } as Row], { ...given, columns: [{ name: 'a', type }] }), 'A2')
		?.v;

exerciseFormat(ods, {
	options: [{ compression: 'small', header: false, freeze: false }, { rowsPerSheet: 4 }],
	countRowsOf(bytes, { header = true }: { header?: boolean }) {
		// SheetJS leaves out rows without cells at the end
		const content = partOf(bytes, 'content.xml').replace(
			/<table:table table:name="Notes">.*?<\/table:table>/s,
			'',
		);
		const empty = content.match(
			/<table:table-row><table:table-cell\/><\/table:table-row><\/table:table>/g,
		);
		const rows = content.match(/<table:table-row>/g)?.length ?? 0;
		const headers = header ? (content.match(/<table:table-header-rows>/g)?.length ?? 0) : 0;
		expect(openWorkbook(bytes).SheetNames.length).toBeGreaterThan(0);
		return content.includes('<table:table-column table:style')
			? rows - headers
			: rows - (empty?.length ?? 0);
	},
});

describe('ods', () => {
	it('gives every text back, in lines as it was', async () => {
		// SheetJS takes more for blanks than XML does, and drops them in front
		const known = NASTY_TEXTS.filter((text) => !/^[\u2028\ufeff]/.test(text));
		const texts = known.map((text) => text.replaceAll('\u0000', '').replaceAll('\u0007', ''));
		const [, ...cells] = cellsOf(await render(texts.map((a) => ({ a }))));
		cells.forEach((row, at) =>
			expect(row[0] ?? '').toBe(
				texts[at]!.replace(/\r\n|\r/g, '\n')
					.toWellFormed()
					.replace(/[\ufffe\uffff]/g, '\ufffd'),
			),
		);
	});

	it('writes numbers, truths and moments as such', async () => {
		expect(await cellOf(-12.5, 'number')).toBe(-12.5);
		expect(await cellOf(1e308, 'number')).toBe(1e308);
		expect(await cellOf(true, 'boolean')).toBe(true);
		const file = await render([{ d: '2026-11-27', at: '2026-11-27T11:00:00.250Z', t: '06:00' }], {
			columns: ['d', 'at', { name: 't', type: 'time' }],
		});
		const content = partOf(file, 'content.xml');
		expect(content).toContain(
			'office:value-type="date" office:date-value="2026-11-27"><text:p>2026-11-27<',
		);
		expect(content).toContain('office:date-value="2026-11-27T12:00:00.250">');
		expect(content).toContain('office:value-type="time" office:time-value="PT6H0M0S">');
		expect(cellsOf(file)[0]).toEqual(['d', 'at (Europe/Berlin)', 't']);
	});

	it('keeps days before 1583 as text', async () => {
		expect(await cellOf('1582-12-31', 'date')).toBe('1582-12-31');
		const file = await render([{ d: '1583-01-01' }]);
		expect(partOf(file, 'content.xml')).toContain('office:date-value="1583-01-01"');
	});

	it('keeps numbers of more digits than a spreadsheet has as text', async () => {
		const rows = parseJson('[{"id":1},{"id":9007199254740993}]') as Row[];
		expect(cellsOf(await render(rows)).slice(1)).toEqual([['1'], ['9007199254740993']]);
	});

	it('never writes a formula, and marks what an edit would turn into one', async () => {
		const file = await render([{ a: '=1+1', b: ' +1', c: '@x' }]);
		expect(cellsOf(file)[1]).toEqual(['=1+1', ' +1', '@x']);
		expect(partOf(file, 'content.xml')).not.toContain('table:formula');
		expect(partOf(file, 'styles.xml')).toContain('<number:text-content/>');
	});

	it('spreads rows over sheets, or leaves them out and says so', async () => {
		const rows = Array.from({ length: 10 }, (_, n) => ({ n }));
		const split = await render(rows, { rowsPerSheet: 5, sheet: 'Daily' });
		expect(sheetNames(split)).toEqual(['Daily', 'Daily (2)', 'Daily (3)']);
		expect(cellsOf(split, 'Daily (3)')).toEqual([['n'], [8], [9]]);
		const cut = await render(rows, { rowsPerSheet: 5, onLimit: 'truncate' });
		expect(cellsOf(cut, 'Notes')).toEqual([['Rows beyond the first 4 are not shown (6)']]);
		await expect(render(rows, { rowsPerSheet: 5, onLimit: 'error' })).rejects.toMatchObject({
			code: 'FORMAT_UNSUITABLE',
		});
	});

	it('tells of times of day with more digits than a cell holds', async () => {
		const notices: FormatNotice[] = [];
		const rows = [{ t: '08:00:00.0000001' }, { t: '08:00:00.000001' }];
		const input = { ...inputOf(rows), notice: (notice: FormatNotice) => notices.push(notice) };
		const options = { columns: [{ name: 't', type: 'time' }] };
		await renderToBytes(ods.render(input, ods.options.parse(options)));
		expect(notices).toMatchObject([{ code: 'values_changed', count: 1 }]);
	});

	it('tells of characters that no XML holds', async () => {
		const notices: FormatNotice[] = [];
		const input = {
			...inputOf([{ a: 'x\u0000y\ud800' }]),
			notice: (notice: FormatNotice) => notices.push(notice),
		};
		const file = await renderToBytes(ods.render(input, ods.options.parse({})));
		expect(cellsOf(file)[1]).toEqual(['x\ufffdy\ufffd']);
		expect(notices).toMatchObject([{ code: 'values_changed', column: 'a', count: 1 }]);
		expect(sheetNames(file)).toEqual(['Daily sales', 'Notes']);
	});

	it('begins with its type, uncompressed and without extras, as programs look for it', async () => {
		const file = await render([{ a: 1 }]);
		expect(file.subarray(30, 84).toString('latin1')).toBe(
			'mimetypeapplication/vnd.oasis.opendocument.spreadsheet',
		);
		// no sizes behind the bytes, no extra field
		expect(file.readUInt16LE(6) & 8).toBe(0);
		expect(file.readUInt16LE(28)).toBe(0);
	});

	it('shows numbers and moments by the patterns that were given', async () => {
		const rows = [{ n: 1234.5, p: 0.5, d: '2026-11-27', at: '2026-11-27T11:00:00Z' }];
		const given = {
			columns: ['n', { name: 'p', pattern: '0.0%' }, 'd', 'at'],
			numberFormat: '€ #,##0.00',
			dateFormat: 'd. MMMM yy',
			dateTimeFormat: 'h:mm:ss.SS a',
		};
		const styles = partOf(await render(rows, given), 'styles.xml');
		expect(styles).toContain(
			'<number:text>€ </number:text><number:number number:decimal-places="2" number:min-decimal-places="2" number:min-integer-digits="1" number:grouping="true"/>',
		);
		expect(styles).toMatch(/<number:percentage-style .*?<number:text>%<\/number:text>/);
		expect(styles).toContain('<number:month number:style="long" number:textual="true"/>');
		expect(styles).toContain(
			'<number:seconds number:style="long" number:decimal-places="2"/><number:text> </number:text><number:am-pm/>',
		);
	});

	it('is read back value by value, whatever the rows', async () => {
		const value = fc.oneof(
			// SheetJS drops blanks that are none for XML, such as U+2003, at the ends of a part
			fc
				.string({ unit: 'grapheme', maxLength: 20 })
				.map((text) => text.replace(/[^\S \t\n\r]/g, '_')),
			fc.constantFrom(' ', '  a  b ', '\t', 'a\n\n b', '', ']]>', '&amp;'),
			fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n)),
			fc.boolean(),
			fc.constant(null),
		);
		const row = fc.record({ a: value, b: value, c: value });
		await fc.assert(
			fc.asyncProperty(fc.array(row, { maxLength: 6 }), async (rows) => {
				const [, ...cells] = cellsOf(await render(rows, { readText: 'none' }));
				rows.forEach((one, at) =>
					Object.values(one).forEach((expected, column) =>
						expect(cells[at]?.[column] ?? '').toEqual(expected ?? ''),
					),
				);
			}),
			{ numRuns: 60 },
		);
	});
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Row } from '../../../engine/contract/envelope.ts';
import type { FormatNotice } from '../../../engine/contract/result.ts';
import { parseJson } from '../../../engine/formats/shared/exact-json.ts';
import { createXlsxFormat } from '../../../engine/formats/xlsx/index.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import {
	inputOf,
	renderToBytes,
	type InputOptions,
	type TestInput,
} from '../../support/format-input.ts';
import { NASTY_TEXTS } from '../../support/nasty-rows.ts';
import { cellAt, cellsOf, openWorkbook, partOf, sheetNames } from '../../support/sheets.ts';

const xlsx = createXlsxFormat();
const SHEET = 'xl/worksheets/sheet1.xml';

const renderInput = (input: TestInput, given: object = {}): Promise<Buffer> =>
	renderToBytes(xlsx.render(input, xlsx.options.parse(given)));

const render = (
	rows: readonly Row[],
	given: object = {},
	options?: InputOptions,
): Promise<Buffer> => renderInput(inputOf(rows, options), given);

/** The one cell of a row with the one column `a`. */
const cellOf = async (value: unknown, type: string, given: object = {}): Promise<unknown> =>
	cellAt(await render([{ a: value } as Row], { ...given, columns: [{ name: 'a', type }] }), 'A2')
		?.v;

exerciseFormat(xlsx, {
	options: [
		{ compression: 'small', header: false, freeze: false },
		{ rowsPerSheet: 4, nested: 'flatten', readText: 'all' },
	],
	countRowsOf(bytes, { header = true }: { header?: boolean }) {
		const { Sheets } = openWorkbook(bytes);
		// rows without a cell are rows as well: SheetJS counts them only where they stand
		const rows = Object.values(Sheets).map((sheet) => rowsIn(sheet['!ref'], header));
		return rows.reduce((sum, count) => sum + count, 0);
	},
});

const rowsIn = (range: string | undefined, header: boolean): number => {
	const last = Number(/(\d+)$/.exec(range ?? '')?.[1] ?? 0);
	return last - (header && last > 0 ? 1 : 0);
};

describe('xlsx', () => {
	it('gives every text back as it was, in header and cells', async () => {
		const rows = NASTY_TEXTS.map((text) => ({ [`${text.slice(0, 50)}.`]: text }));
		const file = await render(rows);
		const [header = [], ...cells] = cellsOf(file);
		expect(header).toEqual(NASTY_TEXTS.map((text) => normal(`${text.slice(0, 50)}.`)));
		cells.forEach((row, at) => expect(row[at] ?? '').toBe(normal(NASTY_TEXTS[at]!)));
	});

	it('keeps what looks like an escape of its own', async () => {
		expect(await cellOf('a_x000D_b _x005F_ _xGGGG_', 'string')).toBe('a_x000D_b _x005F_ _xGGGG_');
	});

	it('writes numbers, truths and moments as such', async () => {
		expect(await cellOf(-12.5, 'number')).toBe(-12.5);
		expect(await cellOf(1e308, 'number')).toBe(1e308);
		expect(await cellOf(0.1 + 0.2, 'number')).toBe(0.1 + 0.2);
		expect(await cellOf(false, 'boolean')).toBe(false);
		expect(await cellOf('2026-11-27', 'date')).toBe(46353);
		expect(await cellOf('2026-11-27T12:00:00', 'datetime')).toBe(46353.5);
		expect(await cellOf('06:00', 'time')).toBe(0.25);
	});

	it('writes instants by the clocks of the zone, which the header names', async () => {
		const rows = [{ at: '2026-11-27T11:00:00Z' }, { at: '2026-07-01T22:30:00.250+00:00' }];
		const berlin = cellsOf(await render(rows));
		expect(berlin[0]).toEqual(['at (Europe/Berlin)']);
		expect(berlin[1]).toEqual([46353.5]);
		expect(berlin[2]![0]).toBeCloseTo(46205 + 1800.25 / 86400, 9);
		const utc = await render(rows, { timeZone: 'UTC', zoneInHeader: false });
		expect(cellsOf(utc)[0]).toEqual(['at']);
		expect(cellAt(utc, 'A2')?.v).toBeCloseTo(46353 + 11 / 24, 9);
		expect(cellAt(utc, 'A3')?.z).toBe('yyyy\\-mm\\-dd hh:mm:ss.000');
	});

	it('keeps days before March 1900 as text: programs disagree about which they are', async () => {
		expect(await cellOf('1900-02-28', 'date')).toBe('1900-02-28');
		expect(await cellOf('1900-03-01', 'date')).toBe(61);
		expect(await cellOf('0001-01-01', 'date')).toBe('0001-01-01');
		expect(await cellOf('9999-12-31', 'date')).toBe(2958465);
	});

	it('keeps numbers of more digits than a spreadsheet has as text, all of a column', async () => {
		const rows = parseJson('[{"id":1},{"id":9007199254740993}]') as Row[];
		expect(cellsOf(await render(rows)).slice(1)).toEqual([['1'], ['9007199254740993']]);
		const safe = [{ id: 1 }, { id: 1e15 }];
		expect(cellsOf(await render(safe)).slice(1)).toEqual([['1'], ['1000000000000000']]);
		expect(cellsOf(await render([{ id: 1 }, { id: 1e15 - 1 }]))[2]).toEqual([1e15 - 1]);
	});

	it('writes exact decimals as numbers where all digits fit, with as many of them after the point', async () => {
		const columns = [{ name: 'amount', type: 'numeric(12,2)' }];
		const rows = [{ amount: '12.50' }, { amount: '-0.05' }, { amount: null }];
		const file = await render(rows, {}, { columns });
		expect(cellsOf(file).slice(1, 3)).toEqual([[12.5], [-0.05]]);
		expect(cellAt(file, 'A2')?.z).toBe('0.00');
		const text = await render(rows, { exactNumbers: 'text' }, { columns });
		expect(cellsOf(text).slice(1, 3)).toEqual([['12.50'], ['-0.05']]);
		const long = [{ amount: '1234567890123.4567' }, { amount: '1.5' }];
		const wide = await render(long, {}, { columns: [{ name: 'amount', type: 'decimal' }] });
		expect(cellsOf(wide).slice(1)).toEqual([['1234567890123.4567'], ['1.5']]);
	});

	it('never writes a formula, and marks what an edit would turn into one', async () => {
		const rows = [{ a: '=1+1', b: '+49 30', c: '@x', d: ' \u200b=1', e: '-' }];
		const file = await render(rows);
		const { Sheets, SheetNames } = openWorkbook(file);
		for (const cell of Object.values(Sheets[SheetNames[0]!]!)) {
			expect(cell).not.toHaveProperty('f');
		}
		expect(cellsOf(file)[1]).toEqual(Object.values(rows[0]!));
		const styles = partOf(file, 'xl/styles.xml');
		expect(styles).toContain('quotePrefix="1"');
	});

	it('shows numbers and moments by the patterns that were given', async () => {
		const rows = [{ n: 1234.5, p: 0.5, d: '2026-11-27', at: '2026-11-27T11:00:00Z' }];
		const given = {
			columns: ['n', { name: 'p', pattern: '0.0%' }, 'd', 'at'],
			numberFormat: '€ #,##0.00',
			dateFormat: "dd.MM.yyyy 'um'",
			dateTimeFormat: 'd MMM yy, h:mm a',
		};
		const file = await render(rows, given);
		expect(['A2', 'B2', 'C2', 'D2'].map((at) => cellAt(file, at)?.z)).toEqual([
			'"€ "#,##0.00',
			'0.0%',
			'dd\\.mm\\.yyyy "um"',
			'd mmm yy, h:mm AM/PM',
		]);
		expect(['A2', 'B2', 'C2', 'D2'].map((at) => cellAt(file, at)?.w)).toEqual([
			'€ 1,234.50',
			'50.0%',
			'27.11.2026 um',
			'27 Nov 26, 12:00 PM',
		]);
	});

	it('spreads rows over sheets, and tells', async () => {
		const rows = Array.from({ length: 10 }, (_, n) => ({ n }));
		const { file, notices } = await noticed(rows, { rowsPerSheet: 5, sheet: 'Daily' });
		expect(sheetNames(file)).toEqual(['Daily', 'Daily (2)', 'Daily (3)']);
		expect(cellsOf(file, 'Daily (2)')).toEqual([['n'], [4], [5], [6], [7]]);
		expect(cellsOf(file, 'Daily (3)')).toEqual([['n'], [8], [9]]);
		expect(notices).toMatchObject([{ code: 'split', count: 3, limit: 4 }]);
	});

	it('begins no sheet for no rows', async () => {
		const rows = Array.from({ length: 8 }, (_, n) => ({ n }));
		expect(sheetNames(await render(rows, { rowsPerSheet: 5 }))).toHaveLength(2);
	});

	it('refuses what does not fit before it writes a byte, or leaves it out and says so in the file', async () => {
		const rows = Array.from({ length: 10 }, (_, n) => ({ n }));
		const options = xlsx.options.parse({ rowsPerSheet: 5, onLimit: 'error' });
		const refused = xlsx.render(inputOf(rows), options)[Symbol.asyncIterator]();
		await expect(refused.next()).rejects.toMatchObject({ code: 'FORMAT_UNSUITABLE' });

		const given = { rowsPerSheet: 5, onLimit: 'truncate', sheet: 'Notes' };
		const { file, notices } = await noticed(rows, given);
		expect(notices).toMatchObject([{ code: 'rows_truncated', count: 6, limit: 4 }]);
		expect(sheetNames(file)).toEqual(['Notes', 'Notes (2)']);
		expect(cellsOf(file, 'Notes (2)')).toEqual([['Rows beyond the first 4 are not shown (6)']]);
	});

	it('refuses texts longer than a cell, or cuts them and says so in the file', async () => {
		const long = `${'x'.repeat(32_766)}👍`;
		await expect(render([{ a: long }])).rejects.toMatchObject({
			code: 'FORMAT_UNSUITABLE',
			message: expect.stringContaining('32767'),
		});
		const { file, notices } = await noticed([{ a: long }, { a: 'x'.repeat(32_767) }], {
			onLongText: 'truncate',
		});
		// not half a character
		expect(cellAt(file, 'A2')?.v).toBe('x'.repeat(32_766));
		expect(cellAt(file, 'A3')?.v).toBe('x'.repeat(32_767));
		expect(notices).toMatchObject([{ code: 'cells_truncated', column: 'a', count: 1 }]);
		expect(cellsOf(file, 'Notes')[0]![0]).toMatch(/column a: .* 32767 characters \(1\)/);
	});

	it('tells of instants with more digits than a cell shows', async () => {
		const { notices } = await noticed([{ at: '2026-11-27T11:00:00.000001Z' }]);
		expect(notices).toMatchObject([{ code: 'values_changed', count: 1 }]);
	});

	it('tells of times of day with more digits than a cell holds', async () => {
		const rows = [{ t: '08:00:00.0000001' }, { t: '08:00:00.000001' }];
		const { notices } = await noticed(rows, { columns: [{ name: 't', type: 'time' }] });
		expect(notices).toMatchObject([{ code: 'values_changed', count: 1 }]);
	});

	it('makes a sheet of each result set, with names that every program takes', async () => {
		const table = (name: string, rows: Row[]) => ({
			name,
			columns: undefined,
			rows: inputOf(rows).rows,
		});
		const tables = [
			table('orders', [{ a: 1 }]),
			table('Orders', [{ b: 2 }]),
			table("a/b [c]*?:\\ 'd'", []),
			table('x'.repeat(40), []),
			table('History', []),
			table('👍'.repeat(16), []),
		];
		const file = await renderInput({ ...inputOf([]), tables });
		expect(sheetNames(file)).toEqual([
			'orders',
			'Orders (2)',
			"a b c 'd",
			'x'.repeat(31),
			'History (2)',
			'👍'.repeat(15),
		]);
		expect(cellsOf(file, 'Orders (2)')).toEqual([['b'], [2]]);
	});

	it('has a header that stays in sight, filters, and widths that fit', async () => {
		const rows = [{ id: 1, name: 'A rather long name of a customer' }];
		const sheet = partOf(await render(rows), SHEET);
		expect(sheet).toContain('state="frozen"');
		expect(sheet).toContain('<autoFilter ref="A1:B2"/>');
		expect(sheet).toContain('<col min="2" max="2" width="34" customWidth="1"/>');
		const bare = await render(rows, { freeze: false, filter: false });
		expect(partOf(bare, SHEET)).not.toMatch(/frozen|autoFilter/);
	});

	it('makes rows as high as the lines of their cells', async () => {
		const sheet = partOf(await render([{ a: 'one' }, { a: 'one\ntwo\nthree', b: 'x\ny' }]), SHEET);
		expect(sheet).toContain('<row r="2"><c');
		expect(sheet).toContain('<row r="3" ht="45" customHeight="1"><c');
	});

	it('says nothing of the machine or of now', async () => {
		const core = partOf(await render([{ a: 1 }]), 'docProps/core.xml');
		expect(core).toContain('<dcterms:created xsi:type="dcterms:W3CDTF">2026-11-23T08:00:03Z<');
		expect(core).toContain('<dc:title>Daily sales</dc:title>');
	});

	it('is read back value by value, whatever the rows', async () => {
		const value = fc.oneof(
			fc.string({ unit: 'binary', maxLength: 20 }),
			fc.double({ noNaN: true, noDefaultInfinity: true }),
			fc.boolean(),
			fc.constant(null),
			fc.constantFrom(...NASTY_TEXTS.filter((text) => text.length < 100)),
		);
		const row = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', '\u0000'), value);
		await fc.assert(
			fc.asyncProperty(fc.array(row, { maxLength: 6 }), async (rows) => {
				const given = { readText: 'none' };
				const [header = [], ...cells] = cellsOf(await render(rows, given));
				rows.forEach((one, at) => {
					for (const [key, expected] of Object.entries(one)) {
						const column = header.indexOf(key);
						expect(column).toBeGreaterThanOrEqual(0);
						expect(seen(cells[at]?.[column])).toEqual(shown(expected));
					}
				});
			}),
			{ numRuns: 60 },
		);
	});
});

/** SheetJS gives nothing for empty texts, and one line break for two characters. */
const seen = (value: unknown): unknown => (value === undefined ? '' : value);
/** SheetJS makes one line break of two characters; half of a character is in no file. */
const normal = (text: string): string => text.toWellFormed().replaceAll('\r\n', '\n');

function shown(value: unknown): unknown {
	if (value === null) return '';
	if (typeof value === 'number') return Object.is(value, -0) ? expect.closeTo(0) : kept(value);
	return typeof value === 'string' ? normal(value) : value;
}
const kept = (value: number): unknown =>
	Number.isInteger(value) && Math.abs(value) >= 1e15 && Math.abs(value) < 1e21
		? expect.anything()
		: value;

async function noticed(
	rows: readonly Row[],
	given: object = {},
): Promise<{ file: Buffer; notices: FormatNotice[] }> {
	const notices: FormatNotice[] = [];
	const input = { ...inputOf(rows), notice: (notice: FormatNotice) => notices.push(notice) };
	return { file: await renderInput(input, given), notices };
}

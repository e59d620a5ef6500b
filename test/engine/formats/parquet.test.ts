import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { DeclaredColumn, Row } from '../../../engine/contract/envelope.ts';
import type { FormatNotice } from '../../../engine/contract/result.ts';
import { createParquetFormat } from '../../../engine/formats/parquet/index.ts';
import { parseJson } from '../../../engine/formats/shared/exact-json.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { generatedInput, inputOf, renderToBytes } from '../../support/format-input.ts';
import { NASTY_TEXTS } from '../../support/nasty-rows.ts';
import { parquetMetadata, readParquet } from '../../support/parquet.ts';

const parquet = createParquetFormat();

const render = (
	rows: readonly Row[],
	given: object = {},
	columns?: readonly DeclaredColumn[],
): Promise<Buffer> =>
	renderToBytes(parquet.render(inputOf(rows, { columns }), parquet.options.parse(given)));

exerciseFormat(parquet, {
	options: [
		{ compression: 'snappy', rowGroupRows: 3 },
		{ compression: 'gzip', nested: 'flatten' },
		{ compression: 'none', readText: 'all' },
	],
	streaming: { rowGroupRows: 500 },
	countRowsOf: async (bytes) => (await readParquet(bytes)).length,
});

/** The values of the one column `a`, declared as that type, and how the file describes it. */
async function columnOf(values: readonly unknown[], type?: string) {
	const rows = values.map((a) => ({ a })) as Row[];
	const file = await render(rows, {}, [{ name: 'a', ...(type === undefined ? {} : { type }) }]);
	const { schema } = await parquetMetadata(file);
	const { name: _name, ...element } = schema[1]!;
	return { values: (await readParquet(file)).map(({ a }) => a), element };
}

describe('parquet', () => {
	it('writes whole numbers as 64 bits, wider ones as decimals, and those without end as text', async () => {
		const small = await columnOf([1, null, -2]);
		expect(small.values).toEqual([1n, null, -2n]);
		expect(small.element).toMatchObject({ type: 'INT64', repetition_type: 'OPTIONAL' });
		const exact = (text: string): unknown[] => parseJson(text) as unknown[];
		const wide = await columnOf(exact('[9223372036854775807, -9223372036854775808, 1]'));
		expect(wide.values).toEqual([9223372036854775807n, -9223372036854775808n, 1n]);
		const wider = await columnOf(exact('[9223372036854775808]'));
		expect(wider.element).toMatchObject({ converted_type: 'DECIMAL', precision: 19, scale: 0 });
		const endless = await columnOf(exact(`[${'9'.repeat(39)}]`));
		expect(endless.values).toEqual(['9'.repeat(39)]);
	});

	it.each([
		['numeric(5,2)', 'INT32', { precision: 5, scale: 2 }],
		['numeric(18,4)', 'INT64', { precision: 18, scale: 4 }],
		['numeric(38,10)', 'FIXED_LEN_BYTE_ARRAY', { precision: 38, scale: 10 }],
	])('writes %s exactly', async (type, physical, digits) => {
		const { values, element } = await columnOf(['12.50', '-0.05', null, '0'], type);
		expect(element).toMatchObject({ type: physical, converted_type: 'DECIMAL', ...digits });
		expect(values).toEqual([12.5, -0.05, null, 0]);
	});

	it('writes dates and moments in UTC to the microsecond', async () => {
		const dates = await columnOf(['2026-11-27', '1899-12-31', '0001-01-01']);
		expect(dates.element).toMatchObject({ type: 'INT32', logical_type: { type: 'DATE' } });
		expect(dates.values.map((date) => (date as Date).toISOString().slice(0, 10))).toEqual([
			'2026-11-27',
			'1899-12-31',
			'0001-01-01',
		]);
		const instants = await columnOf(['2026-11-27T08:00:00.123456+02:00', '1969-12-31T23:59:59Z']);
		expect(instants.element.logical_type).toEqual({
			type: 'TIMESTAMP',
			isAdjustedToUTC: true,
			unit: 'MICROS',
		});
		expect(instants.values.map((at) => (at as Date).toISOString())).toEqual([
			'2026-11-27T06:00:00.123Z',
			'1969-12-31T23:59:59.000Z',
		]);
		const local = await columnOf(['2026-11-27 08:00']);
		expect(local.element.logical_type).toMatchObject({ isAdjustedToUTC: false });
	});

	it('writes doubles, truths, bytes and JSON as such', async () => {
		expect((await columnOf([1e308, -0, 0.1 + 0.2, 5e-324])).values).toEqual([
			1e308,
			-0,
			0.1 + 0.2,
			5e-324,
		]);
		expect((await columnOf([true, null, false])).values).toEqual([true, null, false]);
		const bytes = await columnOf(['AP8=', ''], 'bytea');
		expect(bytes.values).toEqual([new Uint8Array([0, 255]), new Uint8Array([])]);
		const json = await columnOf([{ a: [1, null] }, [], null]);
		expect(json.element.logical_type).toEqual({ type: 'JSON' });
		expect(json.values).toEqual([{ a: [1, null] }, [], null]);
		const mixed = await columnOf(['text', 1, true, { a: 1 }, null]);
		expect(mixed.values).toEqual(['text', 1, true, { a: 1 }, null]);
	});

	it('keeps the digits of exact numbers within JSON', async () => {
		const rows = parseJson('[{"a":{"id":9007199254740993}}]') as Row[];
		const plain = await render(rows, { compression: 'none' });
		expect(plain.includes('{"id":9007199254740993}')).toBe(true);
	});

	it('writes no JSON that readers refuse: half a character is replaced, also within', async () => {
		const { values } = await columnOf([['a\ud800', '\udc00b', '\\ud800', '👍']]);
		expect(values).toEqual([['a\ufffd', '\ufffdb', '\\ud800', '👍']]);
	});

	it('says which columns are never empty where the schema promises it', async () => {
		const schema = {
			type: 'array',
			items: {
				type: 'object',
				properties: { id: { type: 'integer' }, note: { type: 'string' } },
				required: ['id'],
			},
		};
		const input = { ...inputOf([{ id: 1 }]), schema };
		const file = await renderToBytes(parquet.render(input, parquet.options.parse({})));
		expect((await parquetMetadata(file)).schema.slice(1)).toMatchObject([
			{ name: 'id', repetition_type: 'REQUIRED' },
			{ name: 'note', repetition_type: 'OPTIONAL' },
		]);
	});

	it('writes groups of rows with least, greatest and the number of nulls', async () => {
		const rows = Array.from({ length: 25 }, (_, n) => ({ n, text: n % 2 ? `t${n}` : null }));
		const file = await render(rows, { rowGroupRows: 10 });
		const { row_groups: groups, num_rows: count, created_by: by } = await parquetMetadata(file);
		expect(count).toBe(25n);
		expect(by).toBe('CapScheduler');
		expect(groups.map((group) => group.num_rows)).toEqual([10n, 10n, 5n]);
		expect(groups[1]!.columns[0]!.meta_data).toMatchObject({
			codec: 'ZSTD',
			statistics: { min_value: 10n, max_value: 19n, null_count: 0n },
		});
		expect(groups[1]!.columns[1]!.meta_data?.statistics).toMatchObject({
			min_value: 't11',
			null_count: 5n,
		});
	});

	it('ends a group early where its texts are long', async () => {
		const input = generatedInput(40, () => ({ a: 'x'.repeat(1_000_000) }));
		const file = await renderToBytes(parquet.render(input, parquet.options.parse({})));
		expect((await parquetMetadata(file)).row_groups.length).toBe(3);
	});

	it('gives each column a name of its own', async () => {
		const file = await render([{ a: 1, b: 2, '': 3 }], { rename: { b: 'a' } });
		expect(Object.keys((await readParquet(file))[0]!)).toEqual(['a', 'a_2', 'column_3']);
	});

	it('tells of instants with more digits than it keeps', async () => {
		const notices: FormatNotice[] = [];
		const rows = [{ at: '2026-11-27T08:00:00.0000001Z' }, { at: '2026-11-27T08:00:00.0000010Z' }];
		const input = { ...inputOf(rows), notice: (notice: FormatNotice) => notices.push(notice) };
		await renderToBytes(parquet.render(input, parquet.options.parse({})));
		expect(notices).toMatchObject([{ code: 'values_changed', count: 1 }]);
	});

	it('tells of times of day with more digits than it keeps', async () => {
		const notices: FormatNotice[] = [];
		const rows = [{ t: '08:00:00.0000001' }, { t: '08:00:00.000001' }];
		const input = { ...inputOf(rows), notice: (notice: FormatNotice) => notices.push(notice) };
		const options = { columns: [{ name: 't', type: 'time' }] };
		await renderToBytes(parquet.render(input, parquet.options.parse(options)));
		expect(notices).toMatchObject([{ code: 'values_changed', count: 1 }]);
	});

	it('is read back value by value, whatever the rows', async () => {
		const text = fc
			.oneof(
				fc.string({ unit: 'binary', maxLength: 20 }),
				fc.constantFrom(...NASTY_TEXTS.filter((one) => one.length < 100)),
				// hyparquet takes a mark at the beginning off every text
			)
			.filter((one) => !one.startsWith('\ufeff') && one.isWellFormed());
		const row = fc.record({
			t: fc.option(text),
			n: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
			b: fc.option(fc.boolean()),
			j: fc.option(fc.array(fc.oneof(text, fc.integer()), { maxLength: 3 })),
		});
		const types = ['string', 'number', 'boolean', 'json'];
		const columns = ['t', 'n', 'b', 'j'].map((name, at) => ({ name, type: types[at]! }));
		const given = fc.record({
			rowGroupRows: fc.integer({ min: 1, max: 5 }),
			compression: fc.constantFrom('zstd', 'snappy', 'gzip', 'none'),
		});
		await fc.assert(
			fc.asyncProperty(fc.array(row, { maxLength: 12 }), given, async (rows, options) => {
				const file = await render(rows, options, columns);
				expect(await readParquet(file)).toEqual(rows);
			}),
			{ numRuns: 60 },
		);
	});
});

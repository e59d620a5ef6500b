import { describe, expect, it } from '@jest/globals';
import { tableFromIPC, type Table } from 'apache-arrow';
import fc from 'fast-check';

import type { DeclaredColumn, Row } from '../../../engine/contract/envelope.ts';
import type { FormatNotice } from '../../../engine/contract/result.ts';
import { createArrowFormat } from '../../../engine/formats/arrow/index.ts';
import { parseJson } from '../../../engine/formats/shared/exact-json.ts';
import { exerciseFormat } from '../../conformance/formats.ts';
import { generatedInput, inputOf, renderToBytes } from '../../support/format-input.ts';
import { NASTY_TEXTS } from '../../support/nasty-rows.ts';

const arrow = createArrowFormat();

const render = (
	rows: readonly Row[],
	given: object = {},
	columns?: readonly DeclaredColumn[],
): Promise<Buffer> =>
	renderToBytes(arrow.render(inputOf(rows, { columns }), arrow.options.parse(given)));

exerciseFormat(arrow, {
	options: [
		{ layout: 'stream', batchRows: 3 },
		{ nested: 'flatten', readText: 'all' },
	],
	streaming: { batchRows: 500 },
	countRowsOf: (bytes) => tableFromIPC(bytes).numRows,
});

/** The values of the one column `a`, declared as that type, and its type in the file. */
async function columnOf(
	values: readonly unknown[],
	type?: string,
): Promise<{ values: unknown[]; type: string; table: Table }> {
	const rows = values.map((a) => ({ a })) as Row[];
	const declared = { name: 'a', ...(type === undefined ? {} : { type }) };
	const table = tableFromIPC(await render(rows, {}, [declared]));
	return {
		values: [...table.getChildAt(0)!],
		type: String(table.schema.fields[0]!.type),
		table,
	};
}

describe('arrow', () => {
	it('writes whole numbers as 64 bits, wider ones as decimals, and those without end as text', async () => {
		expect(await columnOf([1, null, -2])).toMatchObject({ values: [1n, null, -2n], type: 'Int64' });
		const exact = (text: string): unknown[] => parseJson(text) as unknown[];
		expect(await columnOf(exact('[9223372036854775807, -9223372036854775808]'))).toMatchObject({
			values: [9223372036854775807n, -9223372036854775808n],
			type: 'Int64',
		});
		expect((await columnOf(exact('[9223372036854775808]'))).type).toMatch(/^Decimal\[19e/);
		expect(await columnOf(exact(`[${'9'.repeat(39)}]`))).toMatchObject({
			values: ['9'.repeat(39)],
			type: 'Utf8',
		});
	});

	it('writes decimals exactly, in 128 bits', async () => {
		const { table, type } = await columnOf(['12.50', '-0.05', null], 'numeric(38,2)');
		expect(type).toMatch(/^Decimal\[38e/);
		const words = [...table.getChildAt(0)!.data[0]!.values] as number[];
		expect(words.slice(0, 8)).toEqual([1250, 0, 0, 0, 2 ** 32 - 5, ...Array(3).fill(2 ** 32 - 1)]);
	});

	it('writes dates and moments in UTC to the microsecond', async () => {
		const instants = await columnOf(['2026-11-27T08:00:00.123456+02:00', '1969-12-31T23:59:59Z']);
		expect(instants.type).toBe('Timestamp<MICROSECOND, UTC>');
		expect([...instants.table.getChildAt(0)!.data[0]!.values]).toEqual([
			BigInt(Date.UTC(2026, 10, 27, 6)) * 1000n + 123456n,
			-1_000_000n,
		]);
		expect((await columnOf(['2026-11-27 08:00'])).type).toBe('Timestamp<MICROSECOND>');
		const dates = await columnOf(['2026-11-27', '0001-01-01']);
		expect([...dates.table.getChildAt(0)!.data[0]!.values]).toEqual([20784, -719162]);
		const times = await columnOf(['08:00:00.5'], 'time');
		expect(times.type).toBe('Time64<MICROSECOND>');
	});

	it('writes doubles, truths, bytes and JSON as such', async () => {
		expect((await columnOf([1e308, -0, 0.1 + 0.2, 5e-324, null])).values).toEqual([
			1e308,
			-0,
			0.1 + 0.2,
			5e-324,
			null,
		]);
		expect((await columnOf([true, null, false])).values).toEqual([true, null, false]);
		expect((await columnOf(['AP8=', '', null], 'bytea')).values).toEqual([
			new Uint8Array([0, 255]),
			new Uint8Array([]),
			null,
		]);
		const json = await columnOf(parseJson('[{"id":9007199254740993}, [], null]') as unknown[]);
		expect(json.values).toEqual(['{"id":9007199254740993}', '[]', null]);
		expect(json.table.schema.fields[0]!.metadata.get('ARROW:extension:name')).toBe('arrow.json');
		expect((await columnOf(['text', 1, true])).values).toEqual(['"text"', '1', 'true']);
	});

	it('ends a batch early where its texts are long', async () => {
		const input = generatedInput(40, () => ({ a: 'x'.repeat(1_000_000) }));
		const file = await renderToBytes(arrow.render(input, arrow.options.parse({})));
		expect(tableFromIPC(file).batches.length).toBe(3);
	});

	it('is a file that can be read from any batch on, or a stream, each with its type', async () => {
		const rows = Array.from({ length: 5 }, (_, n) => ({ n }));
		const file = await render(rows, { batchRows: 2 });
		expect(file.subarray(0, 6).toString()).toBe('ARROW1');
		expect(file.subarray(-6).toString()).toBe('ARROW1');
		const options = arrow.options.parse({ layout: 'stream' });
		expect(arrow.describe?.(inputOf(rows), options)).toEqual({
			contentType: 'application/vnd.apache.arrow.stream',
			extension: 'arrows',
		});
		const stream = await render(rows, { layout: 'stream', batchRows: 2 });
		expect(tableFromIPC(stream).batches.map(({ numRows }) => numRows)).toEqual([2, 2, 1]);
	});

	it('gives each column a name of its own', async () => {
		const file = await render([{ a: 1, b: 2, '': 3 }], { rename: { b: 'a' } });
		const names = tableFromIPC(file).schema.fields.map(({ name }) => name);
		expect(names).toEqual(['a', 'a_2', 'column_3']);
	});

	it('tells of instants with more digits than it keeps', async () => {
		const notices: FormatNotice[] = [];
		const rows = [{ at: '2026-11-27T08:00:00.0000001Z' }, { at: '2026-11-27T08:00:00.0000010Z' }];
		const input = { ...inputOf(rows), notice: (notice: FormatNotice) => notices.push(notice) };
		await renderToBytes(arrow.render(input, arrow.options.parse({})));
		expect(notices).toMatchObject([{ code: 'values_changed', count: 1 }]);
	});

	it('tells of times of day with more digits than it keeps', async () => {
		const notices: FormatNotice[] = [];
		const rows = [{ t: '08:00:00.0000001' }, { t: '08:00:00.000001' }];
		const input = { ...inputOf(rows), notice: (notice: FormatNotice) => notices.push(notice) };
		const options = { columns: [{ name: 't', type: 'time' }] };
		await renderToBytes(arrow.render(input, arrow.options.parse(options)));
		expect(notices).toMatchObject([{ code: 'values_changed', count: 1 }]);
	});

	it('is read back value by value, whatever the rows', async () => {
		const text = fc
			.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom(...NASTY_TEXTS))
			// Arrow's reader takes a mark at the beginning off every text
			.filter((one) => !one.startsWith('\ufeff') && one.isWellFormed());
		const row = fc.record({
			t: fc.option(text),
			n: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
			b: fc.option(fc.boolean()),
		});
		const columns = ['string', 'double', 'boolean'].map((type, at) => ({ name: 'tnb'[at]!, type }));
		const given = fc.record({
			batchRows: fc.integer({ min: 1, max: 5 }),
			layout: fc.constantFrom('file', 'stream'),
		});
		await fc.assert(
			fc.asyncProperty(fc.array(row, { maxLength: 12 }), given, async (rows, options) => {
				const table = tableFromIPC(await render(rows, options, columns));
				const back = [...table].map((one) => ({ ...one?.toJSON() }));
				expect(back).toEqual(rows);
			}),
			{ numRuns: 60 },
		);
	});
});

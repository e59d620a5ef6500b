import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Row } from '../../engine/contract/envelope.ts';
import { createArrowFormat } from '../../engine/formats/arrow/index.ts';
import { createParquetFormat } from '../../engine/formats/parquet/index.ts';
import { cellText } from '../../engine/formats/shared/cell-text.ts';
import { parseJson } from '../../engine/formats/shared/exact-json.ts';
import { generatedInput, inputOf, renderToBytes } from '../support/format-input.ts';
import { NASTY_TEXTS } from '../support/nasty-rows.ts';
import { anyRows } from '../support/fuzzed-rows.ts';
import { TYPED_COLUMNS, TYPED_ROWS } from '../support/typed-table.ts';
import { askPython } from './formats-python.ts';
import { INSTALL_MS, Shelf } from './readers.ts';

const parquet = createParquetFormat();
const arrow = createArrowFormat();

/** Values as texts that lose nothing, and the type of each column. */
const SEEN = `
import base64, datetime, json, sys
def seen(value):
    if value is None or isinstance(value, (bool, str)): return value
    if isinstance(value, bytes): return base64.b64encode(value).decode()
    if isinstance(value, float): return value.hex()
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)): return value.isoformat()
    return str(value)
`;
const PYARROW = `${SEEN}
import pyarrow, pyarrow.parquet
if sys.argv[1].endswith('.parquet'): table = pyarrow.parquet.read_table(sys.argv[1])
elif sys.argv[1].endswith('.arrows'): table = pyarrow.ipc.open_stream(sys.argv[1]).read_all()
else: table = pyarrow.ipc.open_file(sys.argv[1]).read_all()
table.validate(full=True)
print(json.dumps({
    'types': {field.name: str(field.type) for field in table.schema},
    'rows': [{name: seen(value) for name, value in row.items()} for row in table.to_pylist()],
}))
`;
const DUCKDB = `${SEEN}
import duckdb
database = duckdb.connect()
database.execute("set TimeZone = 'UTC'")
source = database.sql(f"select * from read_parquet('{sys.argv[1]}')")
print(json.dumps({
    'types': dict(zip(source.columns, map(str, source.types))),
    'rows': [{name: seen(value) for name, value in zip(source.columns, row)} for row in source.fetchall()],
}))
`;
interface SeenTable {
	types: Record<string, string>;
	rows: Record<string, unknown>[];
}

describe('columnar files in programs that are not ours', () => {
	let shelf: Shelf;
	beforeAll(async () => {
		shelf = await Shelf.make();
		await askPython('print(1)', []);
	}, INSTALL_MS);
	afterAll(() => shelf.clear());

	const typed = () => inputOf(TYPED_ROWS, { columns: TYPED_COLUMNS });

	it.each(['zstd', 'snappy', 'gzip', 'none'])(
		'pyarrow reads every value of Parquet with its type, compressed by %s',
		async (compression) => {
			const options = parquet.options.parse({ compression, rowGroupRows: 7 });
			const bytes = await renderToBytes(parquet.render(typed(), options));
			const { types, rows } = await askPython<SeenTable>(PYARROW, [
				await shelf.put(bytes, 'parquet'),
			]);
			expect(types).toEqual(ARROW_TYPES);
			expect(rows).toEqual(TYPED_ROWS.map(inPython));
		},
	);

	it.each(['file', 'stream'])('pyarrow reads every value of an Arrow %s', async (layout) => {
		const options = arrow.options.parse({ layout, batchRows: 7 });
		const bytes = await renderToBytes(arrow.render(typed(), options));
		const extension = layout === 'file' ? 'arrow' : 'arrows';
		const { types, rows } = await askPython<SeenTable>(PYARROW, [
			await shelf.put(bytes, extension),
		]);
		expect(types).toEqual(ARROW_TYPES);
		expect(rows).toEqual(TYPED_ROWS.map(inPython));
	});

	it('DuckDB reads every value of Parquet with its type', async () => {
		const options = parquet.options.parse({ rowGroupRows: 7 });
		const bytes = await renderToBytes(parquet.render(typed(), options));
		const { types, rows } = await askPython<SeenTable>(DUCKDB, [await shelf.put(bytes, 'parquet')]);
		expect(types).toMatchObject({
			whole: 'BIGINT',
			wide: 'BIGINT',
			exact: 'DECIMAL(12,2)',
			long: 'DECIMAL(38,10)',
			double: 'DOUBLE',
			day: 'DATE',
			clock: 'TIME',
			local: 'TIMESTAMP',
			instant: 'TIMESTAMP WITH TIME ZONE',
			bytes: 'BLOB',
			tree: 'JSON',
			text: 'VARCHAR',
			truth: 'BOOLEAN',
		});
		expect(rows).toEqual(TYPED_ROWS.map(inPython));
	});

	it('DuckDB skips groups of rows by their statistics, and counts right', async () => {
		const input = generatedInput(100_000, (n) => ({
			n,
			moment: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
			text: `t${n % 10}`,
		}));
		const options = parquet.options.parse({ rowGroupRows: 10_000 });
		const file = await shelf.put(await renderToBytes(parquet.render(input, options)), 'parquet');
		const seen = await askPython<unknown>(STATISTICS, [file]);
		expect(seen).toEqual({
			groups: 10,
			least: ['0', '2026-01-01 00:00:00+00', 't0'],
			greatest: ['9999', '2026-01-07 22:39:00+00', 't9'],
			nulls: [0, 0, 0],
			codecs: ['ZSTD'],
			sum: 4_999_950_000,
			days: 70,
		});
	});

	it('fuzzed names and values never make a file that they refuse', async () => {
		const rows: Row[] = NASTY_TEXTS.map((text, n) => ({
			[text.slice(0, 30)]: n % 2 ? text : n,
			'a.b': [text],
			'': { [text.slice(0, 5)]: n },
			nul: null,
			number: parseJson('{"x":1e400,"y":-0.0,"z":123456789012345678901234567890}'),
		}));
		const bytes = await renderToBytes(parquet.render(inputOf(rows), parquet.options.parse({})));
		const file = await shelf.put(bytes, 'parquet');
		for (const program of [PYARROW, DUCKDB]) {
			expect((await askPython<SeenTable>(program, [file])).rows).toHaveLength(rows.length);
		}
		const batches = await renderToBytes(arrow.render(inputOf(rows), arrow.options.parse({})));
		const { rows: seen } = await askPython<SeenTable>(PYARROW, [await shelf.put(batches, 'arrow')]);
		expect(seen).toHaveLength(rows.length);
	});

	it('fuzzed rows never make a file that they refuse', async () => {
		await anyRows({ runs: 8 }, async (rows) => {
			const bytes = await renderToBytes(parquet.render(inputOf(rows), parquet.options.parse({})));
			const file = await shelf.put(bytes, 'parquet');
			for (const program of [PYARROW, DUCKDB]) {
				expect((await askPython<SeenTable>(program, [file])).rows).toHaveLength(rows.length);
			}
			const batches = await renderToBytes(arrow.render(inputOf(rows), arrow.options.parse({})));
			const { rows: seen } = await askPython<SeenTable>(PYARROW, [
				await shelf.put(batches, 'arrow'),
			]);
			expect(seen).toHaveLength(rows.length);
		});
	}, 120_000);

	it('a result without rows or columns is a file that they open', async () => {
		const bytes = await renderToBytes(parquet.render(inputOf([]), parquet.options.parse({})));
		const file = await shelf.put(bytes, 'parquet');
		for (const program of [PYARROW, DUCKDB]) {
			expect((await askPython<SeenTable>(program, [file])).rows).toEqual([]);
		}
		const none = await renderToBytes(arrow.render(inputOf([]), arrow.options.parse({})));
		const seen = await askPython<SeenTable>(PYARROW, [await shelf.put(none, 'arrow')]);
		expect(seen).toEqual({ types: {}, rows: [] });
	});
});

const STATISTICS = `
import json, sys, duckdb
database = duckdb.connect()
meta = database.sql(f"select path_in_schema, stats_min_value, stats_max_value, stats_null_count, compression, row_group_id from parquet_metadata('{sys.argv[1]}') order by row_group_id, column_id").fetchall()
first = [row for row in meta if row[5] == 0]
total, days = database.sql(f"select sum(n)::bigint, count(distinct date_trunc('day', moment)) from read_parquet('{sys.argv[1]}')").fetchall()[0]
print(json.dumps({
    'groups': len({row[5] for row in meta}),
    'least': [row[1] for row in first], 'greatest': [row[2] for row in first], 'nulls': [row[3] for row in first],
    'codecs': sorted({row[4] for row in meta}), 'sum': total, 'days': days,
}))
`;

const ARROW_TYPES = {
	text: 'string',
	truth: 'bool',
	whole: 'int64',
	wide: 'int64',
	exact: 'decimal128(12, 2)',
	long: 'decimal128(38, 10)',
	double: 'double',
	day: 'date32[day]',
	clock: 'time64[us]',
	local: 'timestamp[us]',
	instant: 'timestamp[us, tz=UTC]',
	span: 'string',
	bytes: 'binary',
	tree: 'extension<arrow.json>',
	any: 'extension<arrow.json>',
	nothing: 'string',
};

const inPython = (row: Row): Record<string, unknown> =>
	Object.fromEntries(
		TYPED_COLUMNS.map(({ name, type = '' }) => [name, valueInPython(row[name], type)]),
	);

function valueInPython(value: Row[string] | undefined, type: string): unknown {
	if (value === null || value === undefined) return null;
	const text = cellText(value);
	switch (type) {
		case 'boolean':
			return value;
		case 'numeric(12,2)':
			return Number(text).toFixed(2);
		case 'numeric(38,10)':
			return text.includes('.') ? text : `${text}.0000000000`;
		case 'double':
			return expect.stringMatching(hexOf(value as number));
		case 'time':
			return isoTime(`1970-01-01T${text}Z`);
		case 'timestamp':
			return `${text.slice(0, 10)}T${isoTime(`${text.replace(' ', 'T')}Z`)}`;
		case 'timestamptz': {
			const iso = new Date(text).toISOString();
			return `${iso.slice(0, 10)}T${isoTime(iso)}+00:00`;
		}
		case 'json':
		case 'mixed':
			return JSON.stringify(value);
		default:
			return text.toWellFormed();
	}
}

/** Python writes microseconds, or no fraction at all. */
function isoTime(text: string): string {
	const iso = new Date(text).toISOString();
	return iso.slice(11, 19) + (iso.slice(20, 23) === '000' ? '' : `.${iso.slice(20, 23)}000`);
}

/** `float.hex` of Python, whose mantissa has all of its zeros. */
function hexOf(value: number): RegExp {
	const view = new DataView(new ArrayBuffer(8));
	view.setFloat64(0, value);
	const bits = view.getBigUint64(0);
	const mantissa = (bits & 0xfffffffffffffn).toString(16).padStart(13, '0');
	const exponent = Number((bits >> 52n) & 0x7ffn) - 1023;
	return new RegExp(
		`^${value < 0 ? '-' : ''}0x1[.]${mantissa}p${exponent < 0 ? '-' : '[+]'}${Math.abs(exponent)}$`,
	);
}

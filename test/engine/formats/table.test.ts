import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import type { DeclaredColumn, Row } from '../../../engine/contract/envelope.ts';
import type { JsonObject } from '../../../engine/contract/json.ts';
import type { FormatNotice } from '../../../engine/contract/result.ts';
import type { Format, FormatInput } from '../../../engine/formats/format.port.ts';
import { createFormatRegistry } from '../../../engine/formats/registry.ts';
import { parseJson } from '../../../engine/formats/shared/exact-json.ts';
import { openTables, type Need, type Table } from '../../../engine/formats/shared/table.ts';
import { columnOptions } from '../../../engine/formats/shared/table-options.ts';
import { valueReader } from '../../../engine/formats/shared/values.ts';
import { inputOf, renderToBytes, type TestInput } from '../../support/format-input.ts';

const schema = z.strictObject(columnOptions);

interface Opening {
	options?: object;
	need?: Need;
	columns?: DeclaredColumn[];
	schema?: JsonObject;
	encoding?: TestInput['encoding'];
}

async function open(rows: readonly Row[], opening: Opening = {}): Promise<Table> {
	const { options = {}, need = 'types', columns, encoding = 'ndjson' } = opening;
	const input = {
		...inputOf(rows, { columns }),
		encoding,
		...(opening.schema === undefined ? {} : { schema: opening.schema }),
	};
	const [table] = await openTables(input, schema.parse(options), { format: 'test', need });
	return table!;
}

/** The type of the one column `x` that holds these values. */
async function typeOf(values: readonly unknown[], opening: Opening = {}): Promise<string> {
	const rows = values.map((x) => (x === undefined ? {} : { x })) as Row[];
	const table = await open(rows, opening);
	return table.columns.find(({ name }) => name === 'x')?.type ?? 'none';
}

const exact = (text: string): unknown => parseJson(text);

describe('the type of a column', () => {
	it.each<[string, unknown[], string]>([
		['texts', ['a', ''], 'string'],
		['nothing but null', [null, undefined], 'string'],
		['null first', [null, null, 'late'], 'string'],
		['booleans', [true, false, null], 'boolean'],
		['whole numbers', [1, -0, Number.MAX_SAFE_INTEGER], 'integer'],
		['a late float', [...Array.from({ length: 5000 }, (_, n) => n), 0.5], 'number'],
		['1e308 and 0.1 + 0.2', [1e308, 0.1 + 0.2, 5e-324], 'number'],
		['whole numbers beyond 2^53', [1, exact('9007199254740993')], 'bigint'],
		['decimals of more digits than a double has', [1, exact('0.123456789012345678901')], 'decimal'],
		['numbers and texts', [1, '1'], 'mixed'],
		['numbers and booleans', [1, true], 'mixed'],
		['objects and lists', [{}, [1], null], 'json'],
		['objects and texts', [{}, 'a'], 'mixed'],
		['dates', ['1900-02-28', '2024-02-29', null], 'date'],
		['a day that never was', ['1900-02-28', '1900-02-29'], 'string'],
		['readings of a clock', ['2026-11-23T08:00', '2026-11-23 08:00:00.123456789'], 'datetime'],
		['instants', ['2026-11-23T08:00:00Z', '2026-11-23 08:00:00.5+05:30'], 'instant'],
		['instants and readings', ['2026-11-23T08:00:00Z', '2026-11-23T08:00:00'], 'string'],
		[
			'a leap second, which no format holds',
			['2016-12-31T23:59:59Z', '2016-12-31T23:59:60Z'],
			'string',
		],
		['an hour that is none', ['2026-11-23T24:00:00Z'], 'string'],
		['digits in texts, which may be codes', ['1', '2'], 'string'],
	])('%s: %j', async (_name, values, type) => {
		expect(await typeOf(values)).toBe(type);
	});

	it.each<[string, unknown[], string]>([
		['whole numbers, and cells that are empty', ['1', '', '-20'], 'integer'],
		['codes with zeros in front', ['1', '007'], 'string'],
		['telephone numbers', ['+4930', '4931'], 'string'],
		['whole numbers of many digits', ['1', '9007199254740993'], 'bigint'],
		['decimals', ['1', '1.50', '-0.001'], 'decimal'],
		['numbers with exponents', ['1e5'], 'string'],
		['booleans', ['true', 'false', ''], 'boolean'],
		['dates', ['2026-11-23', ''], 'date'],
	])('of a result that came as CSV, %s: %j', async (_name, values, type) => {
		expect(await typeOf(values, { encoding: 'csv' })).toBe(type);
		const rows = values.map((x) => ({ x })) as Row[];
		expect(
			await typeOf(
				rows.map(({ x }) => x),
				{ options: { readText: 'all' } },
			),
		).toBe(type);
		expect(await typeOf(values, { encoding: 'csv', options: { readText: 'none' } })).toBe('string');
	});

	it.each<[string, unknown[], string]>([
		['numeric(10,2)', ['12.30', null], 'decimal'],
		['numeric', ['NaN', '1'], 'string'],
		['bigint', [1, '9007199254740993'], 'bigint'],
		['int8', [1, 2], 'bigint'],
		['integer', [1, 2.5], 'number'],
		['double precision', [1, 2], 'number'],
		['timestamp', ['2026-11-23T08:00:00'], 'datetime'],
		['timestamp', ['2026-11-23T08:00:00Z'], 'instant'],
		['timestamp with time zone', ['2026-11-23T08:00:00Z'], 'instant'],
		['time', ['08:00:00.5'], 'time'],
		['time', ['08:00:00', 'noon'], 'string'],
		['interval', ['P1DT2H', 'PT-3.5S'], 'duration'],
		['bytea', ['AAEC', ''], 'binary'],
		['bytea', ['not base64!'], 'string'],
		['boolean', [0, 1], 'integer'],
		['varchar(10)', ['1', '2026-11-23'], 'string'],
		['text[]', [['a']], 'json'],
		['date', [], 'date'],
		['a name of their own', [1], 'integer'],
	])('declared as %s, holding %j', async (declared, values, type) => {
		expect(await typeOf(values, { columns: [{ name: 'x', type: declared }] })).toBe(type);
	});

	it('knows how many digits decimals have', async () => {
		const digits = async (values: unknown[], type?: string) => {
			const columns = type === undefined ? undefined : [{ name: 'x', type }];
			const options = { readText: 'all' };
			const opening = columns === undefined ? { options } : { options, columns };
			const table = await open(values.map((x) => ({ x })) as Row[], opening);
			return table.columns[0]!.digits;
		};
		expect(await digits(['1.50', '-100'])).toEqual({ precision: 5, scale: 2 });
		expect(await digits(['0.001', '0.1'])).toEqual({ precision: 3, scale: 3 });
		expect(await digits(['1.5'], 'numeric(10,2)')).toEqual({ precision: 10, scale: 2 });
		expect(await digits(['1.555'], 'numeric(10,2)')).toEqual({ precision: 4, scale: 3 });
		expect(await digits([1, exact('0.1234567890123456789')])).toEqual({ precision: 20, scale: 19 });
		expect(await digits([0.1, exact('0.1234567890123456789')])).toBeUndefined();
	});

	it('is what the user says, or an error that names the column', async () => {
		const columns = [{ name: 'x', type: 'decimal' }];
		expect(await typeOf([1, '2.50'], { options: { columns } })).toBe('decimal');
		expect(await typeOf([1, 2], { options: { columns }, need: 'names' })).toBe('decimal');
		await expect(typeOf([1, 'a'], { options: { columns } })).rejects.toMatchObject({
			code: 'FORMAT_UNSUITABLE',
			message: expect.stringContaining('type decimal in column "x"') as unknown,
		});
	});
});

describe('values', () => {
	it.each<[string, unknown, unknown]>([
		['string', 1, '1'],
		['boolean', 'true', true],
		['integer', '12', 12],
		['integer', '', null],
		['bigint', exact('9007199254740993'), 9007199254740993n],
		['decimal', exact('0.1234567890123456789'), '0.1234567890123456789'],
		['decimal', 0.1, '0.1'],
		['binary', 'AAEC', Buffer.from([0, 1, 2])],
		['instant', '2026-11-23T08:00:00Z', '2026-11-23T08:00:00Z'],
		['json', [1], [1]],
		['date', undefined, null],
	])('of a column of type %s: %j', async (type, value, expected) => {
		const options = { columns: [{ name: 'x' }] };
		const table = await open([{ x: 'a' }], { options });
		const read = valueReader({ ...table.columns[0]!, type: type as never });
		expect(read(value as never)).toEqual(expected);
	});
});

describe('the columns of a table', () => {
	const names = async (rows: readonly Row[], opening: Opening = {}): Promise<string[]> =>
		(await open(rows, opening)).columns.map(({ name }) => name);
	const described = (more: JsonObject = {}): JsonObject => ({
		type: 'array',
		items: {
			type: 'object',
			properties: { id: { type: 'integer' }, at: { type: 'string', format: 'date-time' } },
			...more,
		},
	});

	it('are all that come, in the order in which they are first seen', async () => {
		expect(await names([{ a: 1 }, { b: 1, a: 2 }, {}, { c: 3 }])).toEqual(['a', 'b', 'c']);
	});

	it('are first those of the schema, then what comes, unless the schema is closed', async () => {
		const rows = [{ at: '2026-11-23T08:00:00Z', extra: 1 }];
		expect(await names(rows, { schema: described() })).toEqual(['id', 'at', 'extra']);
		const closed = { schema: described({ additionalProperties: false }) };
		expect(await names(rows, closed)).toEqual(['id', 'at']);
		expect(
			await typeOf([], { schema: { type: 'object', properties: { x: { type: 'integer' } } } }),
		).toBe('integer');
	});

	it('follow references of the schema, and take titles and what is required from it', async () => {
		const schema = {
			$defs: {
				row: {
					type: 'object',
					properties: { x: { $ref: '#/$defs/amount' }, y: { type: 'string' } },
					required: ['x', 'y'],
				},
				amount: { type: 'string', format: 'decimal', title: 'Amount' },
			},
			type: 'array',
			items: { $ref: '#/$defs/row' },
		};
		const table = await open([{ x: '1.5', y: 'a' }, { x: '2' }], { schema });
		expect(table.columns).toMatchObject([
			{ name: 'x', key: 'x', label: 'Amount', type: 'decimal', nullable: false },
			{ name: 'y', type: 'string', nullable: true },
		]);
	});

	it('are renamed, left out and aligned as the options say', async () => {
		const rows = [{ a: 1, b: 'x', c: 2 }];
		const options = { omit: ['b'], rename: { a: 'Amount' } };
		expect((await open(rows, { options })).columns).toMatchObject([
			{ name: 'a', key: 'Amount', align: 'right' },
			{ name: 'c', key: 'c' },
		]);
		const columns = ['c', { name: 'a', label: 'A', align: 'left' }];
		expect((await open(rows, { options: { columns } })).columns).toMatchObject([
			{ name: 'c', align: 'right' },
			{ name: 'a', key: 'A', align: 'left' },
		]);
	});

	it('are the fields of objects where these are flattened', async () => {
		const rows = [{ id: 1, at: { city: 'Köln', geo: { lat: 1 } }, tags: ['a'], none: {} }];
		const options = { nested: 'flatten' };
		expect(await names(rows, { options })).toEqual(['id', 'at.city', 'at.geo.lat', 'tags', 'none']);
		await expect(names([{ 'a.b': 1, a: { b: 2 } }], { options })).rejects.toMatchObject({
			code: 'FORMAT_UNSUITABLE',
		});
	});

	it('may be called like what every object has', async () => {
		const rows = [JSON.parse('{"__proto__":1,"constructor":{"name":2},"toString":3}') as Row];
		expect(await names(rows)).toEqual(['__proto__', 'constructor', 'toString']);
		const options = { nested: 'flatten' };
		expect(await names(rows, { options })).toEqual(['__proto__', 'constructor.name', 'toString']);
	});

	it('need no reading where they are declared and only their names are asked for', async () => {
		const input = inputOf([{ a: 1 }], { columns: [{ name: 'a' }] });
		await openTables(input, schema.parse({}), { format: 'test', need: 'names' });
		expect(input.readers.opened).toBe(0);
	});

	it('are known with the length of their cells where that is asked for', async () => {
		const table = await open([{ x: 'long text' }, { x: 'a' }], { need: 'facts' });
		expect(table.columns[0]!.facts).toMatchObject({ longest: 9, values: 2 });
		expect(table.rowCount).toBe(2);
	});
});

describe('keys that nobody declared', () => {
	const ROWS: readonly Row[] = [
		{ a: 1, secret: 'x' },
		{ a: 2, other: 1 },
		{ a: 3, secret: 'y' },
	];
	const columns = [{ name: 'a' }];
	const closed = {
		type: 'array',
		items: { type: 'object', properties: { a: {} }, additionalProperties: false },
	};

	async function told(
		format: Format,
		given: object,
		about: Partial<FormatInput>,
	): Promise<unknown> {
		const notices: FormatNotice[] = [];
		const notice = (one: FormatNotice): void => void notices.push(one);
		const input = { ...inputOf(ROWS), ...about, notice };
		await renderToBytes(format.render(input, format.options.parse(given)));
		return notices.map(({ code, count, message }) => ({
			code,
			count,
			named: message.includes('secret'),
		}));
	}
	const NOTICE = [{ code: 'columns_undeclared', count: 2, named: false }];

	it.each([
		['csv', { columns }],
		['csv', { schema: closed }],
		['xlsx', { columns }],
		['parquet', { schema: closed }],
		['html', { columns }],
		['xml', { columns }],
	] as const)(
		'are told of where a file leaves them out, once and without a name: %s',
		async (name, about) => {
			const format = createFormatRegistry().get(name)!;
			expect(await told(format, {}, about)).toEqual(NOTICE);
			expect(await told(format, { omit: ['secret', 'other'] }, about)).toEqual([]);
			expect(await told(format, { columns: ['a'] }, about)).toEqual([]);
		},
	);

	it.each([
		['json', {}],
		['json', { shape: 'envelope' }],
		['ndjson', {}],
		['yaml', {}],
	] as const)('are no matter of %s with %j, which keeps them', async (name, given) => {
		expect(await told(createFormatRegistry().get(name)!, given, { columns })).toEqual([]);
	});

	it('are told of for each of several result sets', async () => {
		const table = (name: string) => ({ name, columns, rows: inputOf(ROWS).rows });
		const tables = [table('one'), table('two')];
		for (const name of ['csv', 'ods', 'markdown']) {
			expect(await told(createFormatRegistry().get(name)!, {}, { tables })).toEqual([
				...NOTICE,
				...NOTICE,
			]);
		}
	});
});

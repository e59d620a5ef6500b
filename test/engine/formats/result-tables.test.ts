import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Row } from '../../../engine/contract/envelope.ts';
import type { ByteRange } from '../../../engine/formats/format.port.ts';
import { findTables } from '../../../engine/formats/rows/index.ts';
import { inChunks } from '../../support/format-input.ts';

interface Read {
	name: string;
	columns?: unknown;
	rows: Row[];
}

async function read(text: string, chunk = 7): Promise<Read[] | undefined> {
	const bytes = Buffer.from(text);
	const open = (range?: ByteRange) =>
		inChunks(range ? bytes.subarray(range.start, range.end + 1) : bytes, chunk);
	const tables = await findTables({ encoding: 'json', open });
	if (!tables) return undefined;
	const all: Read[] = [];
	for (const { name, columns, rows } of tables) {
		const list: Row[] = [];
		for await (const batch of rows()) list.push(...batch);
		all.push({ name, ...(columns === undefined ? {} : { columns }), rows: list });
	}
	return all;
}

describe('result sets of a JSON result', () => {
	it('are the lists of an object that holds nothing else', async () => {
		const text = '{"orders": [{"id": 1}, {"id": 2, "x": [[{}]]}], "none": [], "a\\nb": [{}]}';
		expect(await read(text)).toEqual([
			{ name: 'orders', rows: [{ id: 1 }, { id: 2, x: [[{}]] }] },
			{ name: 'none', rows: [] },
			{ name: 'a\nb', rows: [{}] },
		]);
	});

	it('are named tables with their rows, and columns where these are declared', async () => {
		const text = JSON.stringify({
			tables: [
				{ name: 'a', columns: ['x', { name: 'y', type: 'date', title: 'Y' }, 7], rows: [{ x: 1 }] },
				{ rows: [1, 'b'], name: 'b' },
			],
		});
		expect(await read(text)).toEqual([
			{
				name: 'a',
				columns: [{ name: 'x' }, { name: 'y', type: 'date', title: 'Y' }],
				rows: [{ x: 1 }],
			},
			{ name: 'b', rows: [{ value: 1 }, { value: 'b' }] },
		]);
	});

	it('may be a table of tables, whose elements are not named ones', async () => {
		expect(await read('{"tables": [{"id": 1, "seats": 4}]}')).toEqual([
			{ name: 'tables', rows: [{ id: 1, seats: 4 }] },
		]);
		expect(await read('{"tables": [{"name": "round", "rows": 3}]}')).toEqual([
			{ name: 'tables', rows: [{ name: 'round', rows: 3 }] },
		]);
		expect(await read('{"tables": [{"name": "x"}], "chairs": [{"name": "y"}]}')).toHaveLength(2);
	});

	it('get names of their own where two are called alike', async () => {
		const text = '{"tables":[{"name":"a","rows":[]},{"name":"a","rows":[]},{"name":"","rows":[]}]}';
		expect((await read(text))?.map(({ name }) => name)).toEqual(['a', 'a_2', 'column_3']);
	});

	it.each([
		'[]',
		'[{"a": 1}]',
		'{}',
		'{"a": 1}',
		'{"id": 1, "orders": [{"id": 1}]}',
		'{"orders": [{"id": 1}], "id": 1}',
		'{"orders": [{"id": 1}], "total": {"sum": 1}}',
		'{"ids": [1, 2]}',
		'{"rows": [{"a": 1}]}',
		'{"rows": [{"a": 1}], "columns": [{"name": "a"}]}',
		'{"a": [{}, 1]}',
		'{"a": [[]]}',
		'{"a": [null]}',
		'{"a": [{}]',
		'null',
		'"text"',
		'7',
		'',
	])('are not in %s', async (text) => {
		expect(await read(text)).toBeUndefined();
	});

	it('are not looked for in what is known to be none: the rest is not read', async () => {
		let given = 0;
		async function* open(): AsyncGenerator<Uint8Array> {
			yield Buffer.from('[{"a":1},');
			for (;;) {
				given += 1;
				yield Buffer.from('{"a":1},');
			}
		}
		expect(await findTables({ encoding: 'json', open })).toBeUndefined();
		expect(given).toBe(0);
	});

	it('are found the same however the bytes are cut, with what JSON.parse reads', async () => {
		const row = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }));
		const tables = fc.dictionary(fc.string({ minLength: 1 }), fc.array(row, { maxLength: 4 }), {
			minKeys: 1,
		});
		await fc.assert(
			fc.asyncProperty(tables, fc.integer({ min: 1, max: 40 }), async (object, chunk) => {
				fc.pre(!Object.hasOwn(object, 'rows'));
				const text = JSON.stringify(object, null, 1);
				const parsed = JSON.parse(text) as Record<string, Row[]>;
				const found = await read(text, Math.max(4, chunk));
				// exact numbers compare as they are written
				const expected = Object.entries(parsed).map(([name, rows]) => ({ name, rows }));
				expect(JSON.parse(JSON.stringify(found))).toEqual(expected);
			}),
		);
	});
});

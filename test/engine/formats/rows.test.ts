import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { uniqueNames } from '../../../engine/contract/column-names.ts';
import type { Row } from '../../../engine/contract/envelope.ts';
import type { JsonValue } from '../../../engine/contract/json.ts';
import type { ResultEncoding } from '../../../engine/contract/result.ts';
import { createRowReader } from '../../../engine/formats/rows/index.ts';
import { inChunks } from '../../support/format-input.ts';

const readBytes = async (
	encoding: ResultEncoding,
	bytes: Uint8Array,
	chunk = 64 * 1024,
): Promise<Row[]> => {
	const rows: Row[] = [];
	const reader = createRowReader({ encoding, open: () => inChunks(bytes, chunk) });
	for await (const batch of reader()) rows.push(...batch);
	return rows;
};
const read = (encoding: ResultEncoding, text: string, chunk?: number): Promise<Row[]> =>
	readBytes(encoding, Buffer.from(text), chunk);

/** Endless bytes that tell how many were asked for and whether they were let go. */
function endless(line: string, opening = '') {
	const watched = { given: 0, closed: false };
	const bytes = Buffer.from(line.repeat(1000));
	async function* open(): AsyncGenerator<Uint8Array> {
		try {
			yield Buffer.from(opening);
			for (;;) {
				watched.given += bytes.length;
				yield bytes;
			}
		} finally {
			watched.closed = true;
		}
	}
	return { watched, open };
}

describe('reading rows', () => {
	it('refuses bytes', async () => {
		await expect(read('bytes', 'a')).rejects.toMatchObject({ code: 'FORMAT_UNSUITABLE' });
	});

	it('can be done again from the start', async () => {
		const bytes = Buffer.from('{"a":1}\n');
		const reader = createRowReader({ encoding: 'ndjson', open: () => inChunks(bytes, 3) });
		for (const _ of [1, 2]) {
			const batches: (readonly Row[])[] = [];
			for await (const batch of reader()) batches.push(batch);
			expect(batches.flat()).toEqual([{ a: 1 }]);
		}
	});

	it.each([
		['ndjson', '{"a":1,"b":"some text"}\n', ''],
		['json', '{"a":1,"b":"some text"},', '['],
		['csv', '1,"some text"\r\n', 'a,b\r\n'],
	] as const)(
		'reads %s as it is asked for and lets the source go',
		async (encoding, line, opening) => {
			const { watched, open } = endless(line, opening);
			let batches = 0;
			for await (const batch of createRowReader({ encoding, open })()) {
				expect(batch[0]).toMatchObject({ b: 'some text' });
				if (++batches === 3) break;
			}
			expect(watched.closed).toBe(true);
			expect(watched.given).toBeLessThan(1_000_000);
		},
	);

	it.each(['ndjson', 'json', 'csv'] as const)(
		'takes %s with a byte order mark',
		async (encoding) => {
			const text = encoding === 'csv' ? 'a\n1\n' : '{"a":"1"}';
			expect(await read(encoding, `\ufeff${text}`, 1)).toEqual([{ a: '1' }]);
		},
	);

	it.each(['ndjson', 'json'] as const)(
		'keeps every digit of large integers in %s',
		async (encoding) => {
			const [row] = await read(encoding, '{"id":9007199254740993,"n":9007199254740991}');
			expect(JSON.stringify(row)).toBe('{"id":9007199254740993,"n":9007199254740991}');
			expect(row?.['n']).toBe(9007199254740991);
		},
	);

	it.each(['ndjson', 'json'] as const)('refuses %s that is not UTF-8', async (encoding) => {
		const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
		await expect(readBytes(encoding, bytes)).rejects.toMatchObject({ code: 'RESULT_INVALID' });
	});
});

describe('reading NDJSON', () => {
	it.each([1, 2, 3, 5, 1000])(
		'survives lines that are cut anywhere, %i bytes at a time',
		async (size) => {
			const text = '{"a":"é👩‍👧"}\r\n\r\n{"a":2}\n   \n{"a":3}';
			expect(await read('ndjson', text, size)).toEqual([{ a: 'é👩‍👧' }, { a: 2 }, { a: 3 }]);
		},
	);

	it('makes rows of what is no object', async () => {
		expect(await read('ndjson', '1\n"a"\nnull\n[1]\n9007199254740993')).toEqual([
			{ value: 1 },
			{ value: 'a' },
			{ value: null },
			{ value: [1] },
			{ value: JSON.parse('{"rawJSON":"9007199254740993"}') as JsonValue },
		]);
	});

	it('takes no number for nothing that a double only cannot tell from it', async () => {
		const text = '{"a":1e-400,"b":-0.1e-999,"c":0e-400,"d":0.000,"e":5e-324}';
		const [row] = await read('ndjson', text);
		expect(JSON.stringify(row)).toBe('{"a":1e-400,"b":-0.1e-999,"c":0,"d":0,"e":5e-324}');
	});

	it.each([
		['{"a":1}\n\n{"a":\n{"a":3}\n', 3],
		['{"a":1}\n{"a":2},{"a":3}\n', 2],
		['[1\n2]\n', 1],
		['{"a":1}{"a":2}', 1],
		[`${'{"a":1}\n'.repeat(30_000)}nonsense`, 30_001],
	])('names the line that is wrong (%#)', async (text, line) => {
		await expect(read('ndjson', text)).rejects.toMatchObject({
			code: 'RESULT_INVALID',
			message: `result, line ${line}: expected one JSON value`,
		});
	});

	it('never quotes the data in its errors', async () => {
		await expect(read('ndjson', '{"password":hunter2}')).rejects.not.toThrow(/hunter2/);
	});

	it('takes lines longer than many chunks', async () => {
		const long = 'x'.repeat(3_000_000);
		expect(await read('ndjson', `{"a":"${long}"}\n{"a":2}`, 10_000)).toEqual([
			{ a: long },
			{ a: 2 },
		]);
	});
});

describe('reading JSON', () => {
	it.each([
		['[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
		['[]', []],
		['[ ]', []],
		['[1,null,[2]]', [{ value: 1 }, { value: null }, { value: [2] }]],
		['{"rows":[{"a":1}],"columns":[{"name":"a"}]}', [{ a: 1 }]],
		['{"columns":["rows"],"x":{"rows":[9]},"rows":[{"a":1}]}', [{ a: 1 }]],
		['{"r\\u006fws":[{"a":1}]}', [{ a: 1 }]],
		['{"rows":[]}', []],
		['{"rows":5}', [{ rows: 5 }]],
		['{"x":"rows","y":[1]}', [{ x: 'rows', y: [1] }]],
		['{"a":{"rows":[1]}}', [{ a: { rows: [1] } }]],
		['{}', [{}]],
		['"[1,2]"', [{ value: '[1,2]' }]],
		[' 42 ', [{ value: 42 }]],
		['null', []],
		['[null]', [{ value: null }]],
		['[{"a":"]},{[\\\\"},{"a":"\\""}]', [{ a: ']},{[\\' }, { a: '"' }]],
	])('reads the rows of %s however it is cut', async (text, rows) => {
		for (const size of [1, 2, 7, 1000]) expect(await read('json', text, size)).toEqual(rows);
	});

	it.each([
		'',
		'[',
		'[1,]',
		'[,1]',
		'[1,,2]',
		'[,]',
		'[1}',
		'[1]]',
		'[1] [2]',
		'{"rows":[1}',
		'{"rows":[1]',
		'{"rows":[1]]',
		'{"rows":[1],}',
		'{"rows":[1] 2}',
		'{x:1,"rows":[1]}',
		'[{"a":1]',
		'[{"a":[}]]',
		'nonsense',
	])('refuses %j', async (text) => {
		await expect(read('json', text)).rejects.toMatchObject({ code: 'RESULT_INVALID' });
	});

	it('reads what JSON.parse reads, whatever it is and however it is cut', async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.oneof(
					fc.array(fc.jsonValue()),
					fc.record({ a: fc.jsonValue(), rows: fc.array(fc.jsonValue()) }),
				),
				fc.constantFrom(0, 2),
				fc.integer({ min: 1, max: 40 }),
				async (value, indent, size) => {
					const list = JSON.parse(
						JSON.stringify(Array.isArray(value) ? value : value.rows),
					) as JsonValue[];
					const rows = await read('json', JSON.stringify(value, null, indent), size);
					const values = list.map((item) =>
						typeof item === 'object' && item !== null && !Array.isArray(item)
							? item
							: { value: item },
					);
					expect(JSON.stringify(rows)).toBe(JSON.stringify(values));
				},
			),
			{ numRuns: 300 },
		);
	});

	it('reads large arrays across many blocks', async () => {
		const list = Array.from({ length: 50_000 }, (_, id) => ({ id, text: `"${id}", [` }));
		expect(await read('json', JSON.stringify(list))).toEqual(list);
		expect(await read('json', JSON.stringify({ a: [1], rows: list, z: 1 }))).toEqual(list);
	});
});

describe('reading CSV', () => {
	it('takes quotes, line breaks in cells and every kind of line end', async () => {
		expect(await read('csv', 'a,b\r\n1,"x ""y"""\n2,"line\r\nbreak"\r3,', 2)).toEqual([
			{ a: '1', b: 'x "y"' },
			{ a: '2', b: 'line\r\nbreak' },
			{ a: '3', b: '' },
		]);
	});

	it('keeps values as text: what looks like a number may be a code', async () => {
		expect(await read('csv', 'zip\n01234\n')).toEqual([{ zip: '01234' }]);
	});

	it('makes empty and repeated names unique without taking a given one', () => {
		expect(uniqueNames(['a', '', 'a', 'a_2', 'a', 'column_2'])).toEqual([
			'a',
			'column_2_2',
			'a_3',
			'a_2',
			'a_4',
			'column_2',
		]);
	});

	it('keeps columns with the names of inherited properties', async () => {
		const [row] = await read('csv', '__proto__,constructor\n1,2\n');
		expect(Object.entries(row ?? {})).toEqual([
			['__proto__', '1'],
			['constructor', '2'],
		]);
	});

	it.each([
		['a,b\n1,2\n3\n', 3],
		['a,b\n1,2,3\n', 2],
		['a,b\n1,"open', 2],
		['a,b\n1,"x"y\n', 2],
	])('names the line that is wrong in %j', async (text, line) => {
		await expect(read('csv', text)).rejects.toMatchObject({
			code: 'RESULT_INVALID',
			message: expect.stringContaining(`line ${line}:`),
		});
	});

	it('reads nothing out of nothing', async () => {
		expect(await read('csv', '')).toEqual([]);
		expect(await read('csv', 'a,b\n')).toEqual([]);
	});
});

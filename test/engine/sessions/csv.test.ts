import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { createRowReader } from '../../../engine/formats/rows/index.ts';
import { CsvRecords } from '../../../engine/sessions/http/csv.ts';

async function* inChunks(text: string, size: number): AsyncGenerator<Buffer> {
	const bytes = Buffer.from(text);
	for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function check(text: string, size = 1000) {
	const records = new CsvRecords();
	const passed: Buffer[] = [];
	for await (const chunk of records.check(inChunks(text, size))) passed.push(chunk);
	expect(Buffer.concat(passed).toString()).toBe(text);
	return { rows: records.rows, columns: records.columns?.map(({ name }) => name) };
}

async function readRows(text: string) {
	const rows: Record<string, unknown>[] = [];
	const reader = createRowReader({ encoding: 'csv', open: () => inChunks(text, 1000) });
	for await (const batch of reader()) rows.push(...batch);
	return { rows: rows.length, columns: rows[0] && Object.keys(rows[0]) };
}

describe('CSV on its way in', () => {
	it.each([
		['a,b\n1,2\n', { rows: 1, columns: ['a', 'b'] }],
		['a,b\r\n', { rows: 0, columns: ['a', 'b'] }],
		['a,b', { rows: 0, columns: ['a', 'b'] }],
		['', { rows: 0, columns: undefined }],
		['\n\r\n', { rows: 0, columns: undefined }],
		['"x ""y""\n",,a,a\r1,"2,\r\n",,', { rows: 1, columns: ['x "y"\n', 'column_2', 'a', 'a_2'] }],
		['ä\n\n""\n1', { rows: 2, columns: ['ä'] }],
	])('is counted, and its columns are kept: %j', async (text, expected) => {
		for (const size of [1, 2, 1000]) expect(await check(text, size)).toEqual(expected);
	});

	it.each([
		['a,b\n1\n', 2, 'as many fields as the header has (2), got 1'],
		['a,b\r\n1,2\r\n\r\n1,2,3', 4, 'as many fields as the header has (2), got 3'],
		['a,b\n"x\ny",2\n"x\ny"\n', 4, 'as many fields as the header has (2), got 1'],
		['a,b\n1,"open\n\n', 2, 'a quote that ends'],
		['a,b\n1,x"y\n', 2, 'no quote inside a cell without quotes'],
		['a,b\n1,"x"y\n', 2, 'a comma or the end of the line behind a closing quote'],
	])('is refused with the line that is wrong: %j', async (text, line, expected) => {
		for (const size of [1, 1000]) {
			await expect(check(text, size)).rejects.toMatchObject({
				code: 'RESULT_INVALID',
				retry: 'never',
				message: `result, line ${line}: expected ${expected}`,
			});
		}
	});

	it('is refused when one record would not fit into memory', async () => {
		const record = Buffer.alloc(1024 * 1024, 'x');
		async function* endless(): AsyncGenerator<Buffer> {
			yield Buffer.from('a\n"');
			for (;;) yield record;
		}
		const all = async (): Promise<void> => {
			for await (const _ of new CsvRecords().check(endless())) continue;
		};
		await expect(all()).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
	});

	it('passes exactly when readers of results take it, with as many rows and the same columns', async () => {
		const piece = fc.constantFrom(
			'a',
			'b',
			',',
			',',
			'"',
			'""',
			'\n',
			'\r\n',
			'\r',
			'1',
			'é',
			'"x"',
		);
		const cell = fc.constantFrom('a', '', '"x,y"', '"a""b"', '"l\nm"', '"l\r\nm"');
		const even = fc
			.tuple(fc.integer({ min: 1, max: 3 }), fc.array(cell, { maxLength: 12 }))
			.map(([width, cells]) =>
				Array.from({ length: Math.floor(cells.length / width) }, (_, row) =>
					cells.slice(row * width, row * width + width).join(','),
				).join('\n'),
			);
		const loose = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
		const outcome = async (all: Promise<{ rows: number; columns: string[] | undefined }>) =>
			all.catch((error: unknown) => (error as { code: string }).code);
		await fc.assert(
			fc.asyncProperty(
				fc.oneof(loose, even),
				fc.integer({ min: 1, max: 9 }),
				async (text, size) => {
					const checked = await outcome(check(text, size));
					const read = await outcome(readRows(text));
					if (typeof checked === 'string' || typeof read === 'string') expect(checked).toBe(read);
					else {
						expect(checked.rows).toBe(read.rows);
						if (read.columns !== undefined)
							expect(new Set(checked.columns)).toEqual(new Set(read.columns));
					}
				},
			),
			{ numRuns: 1500 },
		);
	});
});

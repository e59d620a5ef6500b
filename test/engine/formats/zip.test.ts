import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';

import { describe, expect, it } from '@jest/globals';

import { zip, type ZipEntry } from '../../../engine/formats/shared/zip.ts';
import { createCsvFormat } from '../../../engine/formats/csv/index.ts';
import { inputOf } from '../../support/format-input.ts';

const AT = Date.UTC(2026, 10, 23, 8, 0, 2);

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const parts: Uint8Array[] = [];
	for await (const part of chunks) parts.push(part);
	return Buffer.concat(parts);
}

const entry = (name: string, text: string | Buffer, method?: 'store'): ZipEntry => ({
	name,
	...(method === undefined ? {} : { method }),
	async *content() {
		yield Buffer.from(text as string);
	},
});

/** Python's zipfile checks every checksum and gives names, dates and sizes. */
const SCRIPT = `
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
print(json.dumps([[i.filename, list(i.date_time), i.file_size, i.compress_type, archive.read(i).decode('latin1')[:80]] for i in archive.infolist()]))
`;

async function list(archive: Buffer): Promise<unknown> {
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-zip-'));
	try {
		const file = join(folder, 'a.zip');
		await writeFile(file, archive);
		const { stdout, stderr, status } = spawnSync('python3', ['-c', SCRIPT, file], {
			encoding: 'utf8',
			maxBuffer: 100_000_000,
		});
		if (status !== 0) throw new Error(stderr);
		return JSON.parse(stdout) as unknown;
	} finally {
		await rm(folder, { recursive: true });
	}
}

describe('zip', () => {
	it('is read by another program, name by name and byte by byte', async () => {
		const archive = await bytesOf(
			zip([entry('a.txt', 'alpha'), entry('ünï/b.bin', Buffer.alloc(300_000, 7), 'store')], {
				modifiedAt: AT,
			}),
		);
		expect(await list(archive)).toEqual([
			['a.txt', [2026, 11, 23, 8, 0, 2], 5, 8, 'alpha'],
			['ünï/b.bin', [2026, 11, 23, 8, 0, 2], 300_000, 0, '\u0007'.repeat(80)],
		]);
	});

	it('is an archive also with nothing in it, or an empty file', async () => {
		expect(await list(await bytesOf(zip([], { modifiedAt: 0 })))).toEqual([]);
		const archive = await bytesOf(zip([entry('a', '')], { modifiedAt: 0 }));
		expect(await list(archive)).toEqual([['a', [1980, 1, 1, 0, 0, 0], 0, 8, '']]);
	});

	it('has more than 65,535 files', async () => {
		function* many(): Generator<ZipEntry> {
			for (let n = 0; n < 65_600; n++) yield entry(`${n}`, '', 'store');
		}
		const archive = await bytesOf(zip(many(), { modifiedAt: AT }));
		expect(await list(archive)).toHaveLength(65_600);
	});

	it('frees the file that is being read when its reader stops', async () => {
		let closed = false;
		const endless: ZipEntry = {
			name: 'a',
			async *content() {
				try {
					for (;;) yield Buffer.alloc(100_000, Math.floor(Math.random() * 256));
				} finally {
					closed = true;
				}
			},
		};
		let chunks = 0;
		for await (const _ of zip([endless], { modifiedAt: AT })) if (++chunks === 3) break;
		expect(closed).toBe(true);
	});

	it('passes on the fault of a file', async () => {
		const broken: ZipEntry = {
			name: 'a',
			// eslint-disable-next-line require-yield
			async *content() {
				throw new Error('gone');
			},
		};
		await expect(bytesOf(zip([broken], { modifiedAt: AT }))).rejects.toThrow('gone');
	});

	it('holds a file for each table of a format that holds one', async () => {
		const csv = createCsvFormat();
		const table = (name: string) => ({
			name,
			columns: undefined,
			rows: inputOf([{ a: name }]).rows,
		});
		const input = { ...inputOf([]), tables: [table('orders'), table('a/b'), table('Orders')] };
		const options = csv.options.parse({ eol: 'lf' });
		expect(csv.describe?.(input, options)).toEqual({
			contentType: 'application/zip',
			extension: 'zip',
		});
		const archive = await bytesOf(csv.render(input, options));
		expect(await list(archive)).toEqual([
			['orders.csv', expect.anything(), 9, 8, 'a\norders\n'],
			['a_b.csv', expect.anything(), 6, 8, 'a\na/b\n'],
			['Orders-2.csv', expect.anything(), 9, 8, 'a\nOrders\n'],
		]);
		const one = csv.options.parse({ eol: 'lf', tables: ['a/b'] });
		expect(csv.describe?.(input, one)).toMatchObject({ extension: 'csv' });
		expect((await bytesOf(csv.render(input, one))).toString()).toBe('a\na/b\n');
		const none = csv.options.parse({ tables: ['absent'] });
		await expect(bytesOf(csv.render(input, none))).rejects.toMatchObject({
			code: 'FORMAT_UNSUITABLE',
		});
	});
});

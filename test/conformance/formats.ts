import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Row } from '../../engine/contract/envelope.ts';
import type { Format } from '../../engine/formats/format.port.ts';
import {
	generatedInput,
	inputOf,
	renderToBytes,
	textOf,
	type TestInput,
} from '../support/format-input.ts';
import { NASTY_ROWS, NASTY_TEXTS, WIDE_ROW } from '../support/nasty-rows.ts';

export type FormatUnderTest = {
	/** Options that have to be given, such as the text of a template. */
	base?: object;
	/** Sets of options to hold the promises with; the defaults are always among them. */
	options?: readonly object[];
	/** Options with which it streams in small steps, where the steps of its defaults are large. */
	streaming?: object;
} & RowCounter;

/** Reads the number of rows back out of a file, with a reader that is not ours where there is one. */
type RowCounter =
	| { countRows(text: string, options: object): number }
	/** For formats that are no text. */
	| { countRowsOf(bytes: Buffer, options: object): number | Promise<number> };

const plainRow = (index: number): Row => ({
	id: index,
	name: `Customer ${index % 97}`,
	amount: (index * 37) % 1000,
	note: index % 5 === 0 ? 'said "no", and left' : null,
	at: '2026-11-23T08:00:00.000Z',
});

/** Rows of whatever JSON can hold, under names of whatever a key can be. */
const anyRows = fc.array(
	fc.oneof(
		fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 }),
		fc.dictionary(
			fc.constantFrom('a', 'b', '__proto__', 'constructor'),
			fc.oneof(
				fc.constantFrom(...NASTY_TEXTS.slice(0, -1)),
				fc.double({ noNaN: true, noDefaultInfinity: true }),
				fc.string({ unit: 'binary' }),
			),
		),
	),
	{ maxLength: 8 },
) as fc.Arbitrary<Row[]>;

const NO_OPTIONS = {};
const MANY = 50_000;
/** What may be on its way between reader and writer: rows. */
const AHEAD = 5_000;

/** The promises of every format; see `format.port.ts`. */
export function exerciseFormat(
	format: Format,
	{ base = NO_OPTIONS, options = [], streaming = NO_OPTIONS, ...counter }: FormatUnderTest,
): void {
	const parse = (given: object): unknown => format.options.parse({ ...base, ...given });
	const render = (input: TestInput, given: object = NO_OPTIONS): Promise<Buffer> =>
		renderToBytes(format.render(input, parse(given)));
	const count = async (input: TestInput, given: object): Promise<number> => {
		const bytes = await render(input, given);
		return 'countRows' in counter
			? counter.countRows(textOf(bytes), given)
			: counter.countRowsOf(bytes, given);
	};

	describe(`format ${format.name} keeps the promises of every format`, () => {
		it('describes itself', () => {
			expect(format.name).toMatch(/^[a-z][a-z0-9-]*$/);
			expect(format.title).not.toBe('');
			expect(format.contentType).toMatch(/^[a-z]+\/[a-z0-9.+-]+/);
			expect(format.extension).toMatch(/^[a-z0-9]+$/);
			expect(format.options.safeParse(base).success).toBe(true);
			expect(format.options.safeParse({ ...base, noSuchOption: 1 }).success).toBe(false);
		});

		describe.each([NO_OPTIONS, ...options].map((given) => [JSON.stringify(given), given] as const))(
			'with %s',
			(_, given) => {
				it.each([
					['no rows', []],
					['one row, one column', [{ only: 'x' }]],
					['one column', [{ only: 'a' }, { only: null }, { only: '' }, { only: 'd' }]],
					['nasty rows', NASTY_ROWS],
				] as const)('writes %s', async (_name, rows) => {
					expect(await count(inputOf(rows), given)).toBe(rows.length);
				});

				it('writes 200 columns', async () => {
					expect(await count(inputOf([WIDE_ROW, WIDE_ROW, WIDE_ROW]), given)).toBe(3);
				});

				it('writes what may come in any value, and any name of a column, readably', async () => {
					await fc.assert(
						fc.asyncProperty(anyRows, async (some) => {
							// a table without a column has no rows to see
							const rows = [{ first: 1 }, ...some];
							expect(await count(inputOf(rows), given)).toBe(rows.length);
						}),
						{ numRuns: 60 },
					);
				});

				it('writes several result sets, and each alone', async () => {
					const tables = ['one', 'two/2', 'ONE', ''].map((name, index) => ({
						name: name === '' ? 'last' : name,
						columns: undefined,
						rows: inputOf(Array.from({ length: index }, (_, n) => ({ n }))).rows,
					}));
					const input = {
						...inputOf([]),
						encoding: 'json' as const,
						tables,
						async *bytes() {
							yield Buffer.from('{"one":[],"two/2":[{"n":0}],"ONE":[{"n":0},{"n":1}],"last":[]}');
						},
					};
					expect((await render(input, given)).length).toBeGreaterThan(0);
					if (format.abilities.tables === 'untouched') return;
					const one = { ...input, tables: [tables[2]!] };
					expect((await render(one, given)).length).toBeGreaterThan(0);
				});

				it('gives the same bytes for the same rows, however they are batched', async () => {
					const files = await Promise.all(
						[1, 7, 1000].map((batchSize) => render(inputOf(NASTY_ROWS, { batchSize }), given)),
					);
					expect(new Set(files.map((file) => file.toString('latin1'))).size).toBe(1);
				});
			},
		);

		it('reads no further than its reader asks', async () => {
			const input = generatedInput(MANY, plainRow);
			const chunks = format.render(input, parse(streaming))[Symbol.asyncIterator]();
			await chunks.next();
			await chunks.next();
			expect(input.readers.given).toBeGreaterThan(0);
			expect(input.readers.given).toBeLessThan(AHEAD);
			await chunks.return?.();
		});

		it('frees the source when the reader stops half way', async () => {
			const input = generatedInput(MANY, plainRow);
			let chunks = 0;
			for await (const chunk of format.render(input, parse(streaming))) {
				if (chunk.length > 0 && ++chunks === 2) break;
			}
			expect(input.readers.opened).toBeGreaterThan(0);
			expect(input.readers.closed).toBe(input.readers.opened);
		});

		it('passes on the fault of a source that breaks off, and frees it', async () => {
			const error = new Error('the disk is gone');
			const input = generatedInput(MANY, plainRow, { failure: { afterRows: 20_000, error } });
			await expect(render(input, streaming)).rejects.toBe(error);
			expect(input.readers.closed).toBe(input.readers.opened);
		});

		it('holds memory flat in the number of rows', async () => {
			const input = generatedInput(MANY, plainRow);
			const samples: number[] = [];
			let next = MANY / 10;
			for await (const chunk of format.render(input, parse(streaming))) {
				if (chunk.length === 0 || input.readers.given < next) continue;
				samples.push(liveHeap());
				next += MANY / 10;
			}
			expect(samples.length).toBeGreaterThan(5);
			const growth = samples.at(-1)! - samples[0]!;
			// the rows alone would be 10 MB
			expect(growth).toBeLessThan(2_000_000);
		});

		it(format.abilities.binary ? 'passes bytes untouched' : 'refuses bytes', async () => {
			const bytes = Buffer.from([0, 255, 254, 13, 10, 0]);
			const input = {
				...inputOf([]),
				binary: true,
				encoding: 'bytes' as const,
				contentType: 'image/png',
				async *bytes() {
					yield bytes;
				},
			};
			const chunks: Uint8Array[] = [];
			const rendered = (async () => {
				for await (const chunk of format.render(input, parse({}))) chunks.push(chunk);
			})();
			if (!format.abilities.binary) {
				await expect(rendered).rejects.toMatchObject({ code: 'FORMAT_UNSUITABLE' });
				return;
			}
			await rendered;
			expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
		});
	});
}

let collect: (() => void) | undefined;

/** Bytes that are reachable: the garbage is collected first. */
function liveHeap(): number {
	if (!collect) {
		setFlagsFromString('--expose-gc');
		collect = runInNewContext('gc') as () => void;
	}
	collect();
	return process.memoryUsage().heapUsed;
}

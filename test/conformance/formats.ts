import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, it } from '@jest/globals';

import type { Row } from '../../engine/contract/envelope.ts';
import type { Format } from '../../engine/formats/format.port.ts';
import { generatedInput, inputOf, renderToText, type TestInput } from '../support/format-input.ts';
import { NASTY_ROWS } from '../support/nasty-rows.ts';

export interface FormatUnderTest {
	/** Sets of options to hold the promises with; the defaults are always among them. */
	options?: readonly object[];
	/** Reads the number of rows back out of a file, with a reader that is not ours where there is one. */
	countRows(text: string, options: object): number;
}

const plainRow = (index: number): Row => ({
	id: index,
	name: `Customer ${index % 97}`,
	amount: (index * 37) % 1000,
	note: index % 5 === 0 ? 'said "no", and left' : null,
	at: '2026-11-23T08:00:00.000Z',
});

const NO_OPTIONS = {};
const MANY = 50_000;
/** What may be on its way between reader and writer: rows. */
const AHEAD = 5_000;

/** The promises of every format; see `format.port.ts`. */
export function exerciseFormat(format: Format, { options = [], countRows }: FormatUnderTest): void {
	const render = (input: TestInput, given: object = NO_OPTIONS): Promise<string> =>
		renderToText(format.render(input, format.options.parse(given)));

	describe(`format ${format.name} keeps the promises of every format`, () => {
		it('describes itself', () => {
			expect(format.name).toMatch(/^[a-z][a-z0-9-]*$/);
			expect(format.title).not.toBe('');
			expect(format.contentType).toMatch(/^[a-z]+\/[a-z0-9.+-]+/);
			expect(format.extension).toMatch(/^[a-z0-9]+$/);
			expect(format.options.safeParse({}).success).toBe(true);
			expect(format.options.safeParse({ noSuchOption: 1 }).success).toBe(false);
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
					expect(countRows(await render(inputOf(rows), given), given)).toBe(rows.length);
				});

				it('writes 200 columns', async () => {
					const row = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`column ${n}`, n]));
					expect(countRows(await render(inputOf([row, row, row]), given), given)).toBe(3);
				});

				it('gives the same bytes for the same rows, however they are batched', async () => {
					const texts = await Promise.all(
						[1, 7, 1000].map((batchSize) => render(inputOf(NASTY_ROWS, { batchSize }), given)),
					);
					expect(new Set(texts).size).toBe(1);
				});
			},
		);

		it('reads no further than its reader asks', async () => {
			const input = generatedInput(MANY, plainRow);
			const chunks = format.render(input, format.options.parse({}))[Symbol.asyncIterator]();
			await chunks.next();
			await chunks.next();
			expect(input.readers.given).toBeGreaterThan(0);
			expect(input.readers.given).toBeLessThan(AHEAD);
			await chunks.return?.();
		});

		it('frees the source when the reader stops half way', async () => {
			const input = generatedInput(MANY, plainRow);
			let chunks = 0;
			for await (const chunk of format.render(input, format.options.parse({}))) {
				if (chunk.length > 0 && ++chunks === 2) break;
			}
			expect(input.readers.opened).toBeGreaterThan(0);
			expect(input.readers.closed).toBe(input.readers.opened);
		});

		it('passes on the fault of a source that breaks off, and frees it', async () => {
			const error = new Error('the disk is gone');
			const input = generatedInput(MANY, plainRow, { failure: { afterRows: 20_000, error } });
			await expect(render(input)).rejects.toBe(error);
			expect(input.readers.closed).toBe(input.readers.opened);
		});

		it('holds memory flat in the number of rows', async () => {
			const input = generatedInput(MANY, plainRow);
			const samples: number[] = [];
			let next = MANY / 10;
			for await (const chunk of format.render(input, format.options.parse({}))) {
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
				for await (const chunk of format.render(input, format.options.parse({})))
					chunks.push(chunk);
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

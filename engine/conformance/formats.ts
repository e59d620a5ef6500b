import assert from 'node:assert/strict';

import type { Row } from '../contract/envelope.ts';
import type { Format } from '../formats/format.port.ts';
import { generatedInput, inputOf, renderToBytes, textOf, type TestInput } from './format-input.ts';
import { collectGarbage } from './memory.ts';
import { NASTY_ROWS, WIDE_ROW } from './nasty-rows.ts';
import type { Runner } from './runner.ts';

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

const NO_OPTIONS = {};
const MANY = 50_000;
/** What may be on its way between reader and writer: rows. */
const AHEAD = 5_000;
/** Bytes that may stay while rows of 10 MB go through. */
const FLAT = 2_000_000;

/** Writes rows and reads back how many there are. */
export class FormatBench {
	readonly format: Format;
	readonly about: FormatUnderTest;

	constructor(format: Format, about: FormatUnderTest) {
		this.format = format;
		this.about = about;
	}

	render(input: TestInput, given: object = NO_OPTIONS): AsyncIterable<Uint8Array> {
		const options: unknown = this.format.options.parse({ ...this.about.base, ...given });
		return this.format.render(input, options);
	}

	bytes(input: TestInput, given: object = NO_OPTIONS): Promise<Buffer> {
		return renderToBytes(this.render(input, given));
	}

	async count(rows: readonly Row[], given: object): Promise<number> {
		const bytes = await this.bytes(inputOf(rows), given);
		return 'countRows' in this.about
			? this.about.countRows(textOf(bytes), given)
			: this.about.countRowsOf(bytes, given);
	}
}

/** The promises of every format; see `format.port.ts`. */
export function exerciseFormat(runner: Runner, bench: FormatBench): void {
	const { describe, it } = runner;
	const { options = [] } = bench.about;
	describe(`format ${bench.format.name} keeps the promises of every format`, () => {
		it('describes itself', async () => describesItself(bench));
		for (const given of [NO_OPTIONS, ...options]) {
			describe(`with ${JSON.stringify(given)}`, () => {
				holdsWith(runner, bench, given);
			});
		}
		it('reads no further than its reader asks', async () => readsNoFurther(bench));
		it('frees the source when the reader stops half way', async () => freesTheSource(bench));
		it('passes on the fault of a source that breaks off, and frees it', async () =>
			passesOnFaults(bench));
		it('holds memory flat in the number of rows', async () => holdsMemoryFlat(bench));
		it('passes bytes untouched, or refuses them, as it says', async () => keepsToBytes(bench));
	});
}

async function describesItself({ format, about }: FormatBench): Promise<void> {
	const base = about.base ?? NO_OPTIONS;
	assert.match(format.name, /^[a-z][a-z0-9-]*$/);
	assert.notEqual(format.title, '');
	assert.match(format.contentType, /^[a-z]+\/[a-z0-9.+-]+/);
	assert.match(format.extension, /^[a-z0-9]+$/);
	assert.equal((await format.options.safeParseAsync(base)).success, true);
	const odd = await format.options.safeParseAsync({ ...base, noSuchOption: 1 });
	assert.equal(odd.success, false, 'unknown options are refused');
}

function holdsWith({ it }: Runner, bench: FormatBench, given: object): void {
	const cases: [string, readonly Row[]][] = [
		['no rows', []],
		['one row, one column', [{ only: 'x' }]],
		['one column', [{ only: 'a' }, { only: null }, { only: '' }, { only: 'd' }]],
		['nasty rows', NASTY_ROWS],
		['200 columns', [WIDE_ROW, WIDE_ROW, WIDE_ROW]],
	];
	for (const [name, rows] of cases) {
		it(`writes ${name}`, async () => {
			assert.equal(await bench.count(rows, given), rows.length);
		});
	}
	it('writes several result sets, and each alone', async () => writesTables(bench, given));
	it('gives the same bytes for the same rows, however they are batched', async () => {
		const files = await Promise.all(
			[1, 7, 1000].map(async (batchSize) => bench.bytes(inputOf(NASTY_ROWS, { batchSize }), given)),
		);
		assert.equal(new Set(files.map((file) => file.toString('latin1'))).size, 1);
	});
}

async function writesTables(bench: FormatBench, given: object): Promise<void> {
	const tables = ['one', 'two/2', 'ONE', 'last'].map((name, index) => ({
		name,
		columns: undefined,
		rows: () => inputOf(Array.from({ length: index }, (_, n) => ({ n }))).rows(),
	}));
	const input = {
		...inputOf([]),
		encoding: 'json' as const,
		tables,
		async *bytes() {
			yield Buffer.from('{"one":[],"two/2":[{"n":0}],"ONE":[{"n":0},{"n":1}],"last":[]}');
		},
	};
	assert.notEqual((await bench.bytes(input, given)).length, 0);
	if (bench.format.abilities.tables === 'untouched') return;
	const one = { ...input, tables: [tables[2]!] };
	assert.notEqual((await bench.bytes(one, given)).length, 0);
}

async function readsNoFurther(bench: FormatBench): Promise<void> {
	const input = generatedInput(MANY, plainRow);
	const chunks = bench.render(input, bench.about.streaming)[Symbol.asyncIterator]();
	await chunks.next();
	await chunks.next();
	const { given } = input.readers;
	await chunks.return?.();
	assert.ok(given > 0 && given < AHEAD, `${given} rows were read for two chunks`);
}

async function freesTheSource(bench: FormatBench): Promise<void> {
	const input = generatedInput(MANY, plainRow);
	let chunks = 0;
	for await (const chunk of bench.render(input, bench.about.streaming)) {
		if (chunk.length > 0 && ++chunks === 2) break;
	}
	assert.ok(input.readers.opened > 0);
	assert.equal(input.readers.closed, input.readers.opened);
}

async function passesOnFaults(bench: FormatBench): Promise<void> {
	const error = new Error('the disk is gone');
	const input = generatedInput(MANY, plainRow, { failure: { afterRows: 20_000, error } });
	await assert.rejects(bench.bytes(input, bench.about.streaming), (thrown) => thrown === error);
	assert.equal(input.readers.closed, input.readers.opened);
}

async function holdsMemoryFlat(bench: FormatBench): Promise<void> {
	const input = generatedInput(MANY, plainRow);
	const samples: number[] = [];
	let next = MANY / 10;
	for await (const chunk of bench.render(input, bench.about.streaming)) {
		if (chunk.length === 0 || input.readers.given < next) continue;
		samples.push(liveHeap());
		next += MANY / 10;
	}
	assert.ok(samples.length > 5, 'the file comes in steps');
	const growth = samples.at(-1)! - samples[0]!;
	assert.ok(growth < FLAT, `${growth} bytes stayed`);
}

async function keepsToBytes(bench: FormatBench): Promise<void> {
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
	const rendered = (async () => bench.bytes(input))();
	if (bench.format.abilities.binary) assert.ok((await rendered).equals(bytes));
	else await assert.rejects(rendered, { code: 'FORMAT_UNSUITABLE' });
}

/** Bytes that are reachable: the garbage is collected first. */
function liveHeap(): number {
	collectGarbage();
	return process.memoryUsage().heapUsed;
}

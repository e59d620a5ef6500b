/**
 * Processor time for rows of NDJSON, as a capability sends them, in one format: `share-child.ts <format> <rows> <part>`.
 * The part is `whole`; `compression`, of what the format compresses; or `reading`, where rows are only read, once.
 */
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';

import { generatedInput } from '../../support/format-input.ts';
import { built, cpuOf, type Registry, type RowReader } from './built.ts';
import { benchRow } from './rows.ts';

const [name = '', rows = '', part = ''] = process.argv.slice(2);

/** Seconds in compressors. What they do on other threads is done here once more, where it can be measured. */
let compressing = 0;
function timed<T>(work: () => T): T {
	const before = process.threadCpuUsage();
	const done = work();
	const { user, system } = process.threadCpuUsage(before);
	compressing += (user + system) / 1e6;
	return done;
}

interface Compressor {
	_level: number;
	_transform(chunk: Buffer, encoding: BufferEncoding, done: () => void): void;
}

if (part === 'compression') {
	const { zstdCompressSync: zstd, deflateSync: deflate, deflateRawSync: deflateRaw } = zlib;
	zlib.zstdCompressSync = (...given) => timed(() => zstd(...given));
	zlib.deflateSync = (...given) => timed(() => deflate(...given));
	for (const { prototype } of [zlib.DeflateRaw, zlib.Deflate]) {
		const { _transform: transform } = prototype as unknown as Compressor;
		Object.assign(prototype, {
			_transform(this: Compressor, ...given: Parameters<typeof transform>) {
				timed(() => deflateRaw(given[0], { level: this._level }));
				transform.apply(this, given);
			},
		});
	}
	syncBuiltinESMExports();
}

const made = generatedInput(Number(rows), benchRow, { batchSize: 200 });
const ndjson: Uint8Array[] = [];
for await (const chunk of made.bytes()) ndjson.push(chunk);

const { createRowReader } = await built<RowReader>('formats/rows/index.js');
let passes = 0;
const read = createRowReader({
	encoding: 'ndjson',
	async *open() {
		passes += 1;
		await Promise.resolve();
		yield* ndjson;
	},
});

let bytes = 0;
const { createFormatRegistry } = await built<Registry>('formats/registry.js');
const format = createFormatRegistry().get(name)!;
const options = format.options.parse(name === 'html' || name === 'pdf' ? { maxRows: 1e6 } : {});
const cpu = await cpuOf(async () => {
	if (part === 'reading') {
		for await (const batch of read()) bytes += batch.length;
	} else {
		for await (const chunk of format.render({ ...made, rows: read }, options))
			bytes += chunk.length;
	}
});
process.stdout.write(
	`${JSON.stringify({ cpu: part === 'compression' ? compressing : cpu, bytes, passes })}\n`,
);

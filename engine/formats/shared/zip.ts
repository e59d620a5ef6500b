import type { Transform } from 'node:stream';
import { crc32, createDeflateRaw, deflateRawSync } from 'node:zlib';

import { encrypted } from './zip-crypt.ts';
import {
	DEFLATED,
	STORED,
	descriptor,
	directory,
	dosTime,
	localHeader,
	type ZipRecord,
} from './zip-records.ts';

/** A file of an archive; its bytes are asked for when its turn comes. */
export interface ZipEntry {
	/** With `/` between folders. */
	name: string;
	/** Bytes that are whole have their size and checksum before them, as some formats demand. */
	content(): AsyncIterable<Uint8Array> | Uint8Array;
	/** `store` for bytes that are compressed already; default `deflate`. */
	method?: 'deflate' | 'store';
}

export interface ZipOptions {
	/** What the files are dated, in UTC; archives have no zone, and years before 1980 none at all. */
	modifiedAt: number;
	/** 1 to 9; default 6. */
	level?: number;
	/** Encrypts all content, but no names; what is encrypted is never twice the same. */
	password?: string;
}

/** Small pieces are joined, so that readers see blocks of about this many bytes. */
const BLOCK = 16 * 1024;
/** Bytes that may wait for the compressor, which works on another thread while more is being made. */
const AHEAD = 256 * 1024;

/**
 * A zip archive as a stream. Files are asked for one by one, each when the one before is written, so a later
 * one may tell what came of an earlier. The same files give the same bytes. Stopping the iteration stops
 * the file that is being read.
 */
export async function* zip(
	entries: Iterable<ZipEntry> | AsyncIterable<ZipEntry>,
	{ modifiedAt, level = 6, password }: ZipOptions,
): AsyncGenerator<Uint8Array> {
	const stamp = dosTime(modifiedAt);
	const joined = new Joiner();
	const written: ZipRecord[] = [];
	for await (const entry of entries) {
		const content = contentOf(entry, password);
		const record: ZipRecord = {
			name: Buffer.from(entry.name, 'utf8'),
			method: entry.method === 'store' ? STORED : DEFLATED,
			crc: 0,
			packed: 0,
			size: 0,
			offset: joined.total,
			streamed: !(content instanceof Uint8Array),
			encrypted: password !== undefined,
			stamp,
		};
		const bytes = content instanceof Uint8Array ? whole(content) : stream(content, password);
		for await (const block of bytes(record, level)) yield* joined.add(block);
		written.push(record);
	}
	yield* joined.add(directory(written, joined.total));
	yield* joined.rest();
}

type EntryBytes = (
	record: ZipRecord,
	level: number,
) => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** What is to be encrypted is a stream, also where it is there as a whole. */
function contentOf(
	entry: ZipEntry,
	password: string | undefined,
): Uint8Array | AsyncIterable<Uint8Array> {
	const content = entry.content();
	return content instanceof Uint8Array && password !== undefined ? streamOf(content) : content;
}

async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
	await Promise.resolve();
	yield bytes;
}

const whole = (content: Uint8Array): EntryBytes =>
	function* (record, level) {
		const packed = record.method === STORED ? content : deflateRawSync(content, { level });
		record.crc = crc32(content);
		record.size = content.length;
		record.packed = packed.length;
		yield localHeader(record);
		yield packed;
	};

const stream = (content: AsyncIterable<Uint8Array>, password: string | undefined): EntryBytes =>
	async function* (record, level) {
		yield localHeader(record);
		const bytes = measured(content, record);
		const packed = record.method === STORED ? bytes : deflated(bytes, level);
		for await (const block of password === undefined ? packed : encrypted(packed, password)) {
			record.packed += block.length;
			yield block;
		}
		yield descriptor(record);
	};

async function* measured(
	source: AsyncIterable<Uint8Array>,
	record: ZipRecord,
): AsyncGenerator<Uint8Array> {
	for await (const chunk of source) {
		record.crc = crc32(chunk, record.crc);
		record.size += chunk.length;
		yield chunk;
	}
}

/** Compressed as it comes, on another thread. */
export async function* deflated(
	source: AsyncIterable<Uint8Array>,
	level: number,
): AsyncGenerator<Uint8Array> {
	const options = { level, chunkSize: BLOCK, writableHighWaterMark: AHEAD };
	yield* through(source, createDeflateRaw(options));
}

/** What a transform of Node makes of the source. Ends both, however the iteration ends. */
export async function* through(
	source: AsyncIterable<Uint8Array>,
	transform: Transform,
): AsyncGenerator<Uint8Array> {
	const feed = (async (): Promise<void> => {
		try {
			for await (const chunk of source) {
				if (transform.destroyed) return;
				if (!transform.write(chunk)) await drained(transform);
			}
			transform.end();
		} catch (error) {
			transform.destroy(error as Error);
		}
	})();
	try {
		for await (const chunk of transform as AsyncIterable<Uint8Array>) yield chunk;
	} finally {
		transform.destroy();
		await feed;
	}
}

function drained(stream: Transform): Promise<void> {
	return new Promise((resolve) => {
		const done = (): void => {
			stream.off('drain', done).off('close', done);
			resolve();
		};
		stream.once('drain', done).once('close', done);
	});
}

class Joiner {
	/** Bytes that were added so far. */
	total = 0;
	#parts: Uint8Array[] = [];
	#size = 0;

	*add(part: Uint8Array): Generator<Uint8Array> {
		this.#parts.push(part);
		this.#size += part.length;
		this.total += part.length;
		if (this.#size >= BLOCK) yield* this.rest();
	}

	*rest(): Generator<Uint8Array> {
		if (this.#size === 0) return;
		yield Buffer.concat(this.#parts, this.#size);
		this.#parts = [];
		this.#size = 0;
	}
}

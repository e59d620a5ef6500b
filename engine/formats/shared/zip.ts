import { constants, crc32, createDeflateRaw } from 'node:zlib';

/** A file of an archive; its bytes are asked for when its turn comes. */
export interface ZipEntry {
	/** With `/` between folders. */
	name: string;
	content(): AsyncIterable<Uint8Array>;
	/** `store` for bytes that are compressed already; default `deflate`. */
	method?: 'deflate' | 'store';
}

export interface ZipOptions {
	/** What the files are dated, in UTC; archives have no zone, and years before 1980 none at all. */
	modifiedAt: number;
	/** 1 to 9; default 6. */
	level?: number;
}

const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
/** Names are UTF-8; sizes and checksum follow the bytes. */
const FLAGS = 0x0808;
const VERSION = 20;
const VERSION_64 = 45;
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
const EXTRA_64 = 1;

interface Written {
	name: Buffer;
	method: number;
	crc: number;
	compressed: number;
	size: number;
	offset: number;
}

/**
 * A zip archive as a stream, by PKWARE's APPNOTE 6.3: sizes behind the bytes, Zip64 where a number needs it.
 * The same files give the same bytes. Stopping the iteration stops the file that is being read.
 */
export async function* zip(
	entries: Iterable<ZipEntry> | AsyncIterable<ZipEntry>,
	{ modifiedAt, level = 6 }: ZipOptions,
): AsyncGenerator<Uint8Array> {
	const stamp = dosTime(modifiedAt);
	const written: Written[] = [];
	let offset = 0;
	for await (const file of entries) {
		const { name, method = 'deflate' } = file;
		const entry: Written = {
			name: Buffer.from(name, 'utf8'),
			method: method === 'deflate' ? 8 : 0,
			crc: 0,
			compressed: 0,
			size: 0,
			offset,
		};
		const header = localHeader(entry, stamp);
		yield header;
		const bytes = measured(file.content(), entry);
		for await (const chunk of method === 'deflate' ? deflated(bytes, level) : bytes) {
			entry.compressed += chunk.length;
			yield chunk;
		}
		const descriptor = descriptorOf(entry);
		yield descriptor;
		offset += header.length + entry.compressed + descriptor.length;
		written.push(entry);
	}
	yield directory(written, { offset, stamp });
}

async function* measured(
	source: AsyncIterable<Uint8Array>,
	entry: Written,
): AsyncGenerator<Uint8Array> {
	for await (const chunk of source) {
		entry.crc = crc32(chunk, entry.crc);
		entry.size += chunk.length;
		yield chunk;
	}
}

/** Compressed as it comes; the work is done on another thread, one chunk ahead at most. */
export async function* deflated(
	source: AsyncIterable<Uint8Array>,
	level: number,
): AsyncGenerator<Uint8Array> {
	const deflate = createDeflateRaw({ level, memLevel: 9, strategy: constants.Z_DEFAULT_STRATEGY });
	yield* through(source, deflate);
}

/** What a transform of Node makes of the source. Ends both, however the iteration ends. */
export async function* through(
	source: AsyncIterable<Uint8Array>,
	transform: import('node:stream').Transform,
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

function drained(stream: import('node:stream').Transform): Promise<void> {
	return new Promise((resolve) => {
		const done = (): void => {
			stream.off('drain', done).off('close', done);
			resolve();
		};
		stream.once('drain', done).once('close', done);
	});
}

/** Date and time as MS-DOS kept them: to two seconds, from 1980 to 2107. */
function dosTime(at: number): number {
	const date = new Date(Math.min(Math.max(at, Date.UTC(1980, 0, 1)), Date.UTC(2107, 11, 31)));
	const day =
		((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
	const time =
		(date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
	return ((day << 16) | time) >>> 0;
}

function localHeader({ name, method }: Written, stamp: number): Buffer {
	const header = Buffer.alloc(30);
	header.writeUInt32LE(LOCAL, 0);
	header.writeUInt16LE(VERSION, 4);
	header.writeUInt16LE(FLAGS, 6);
	header.writeUInt16LE(method, 8);
	header.writeUInt32LE(stamp, 10);
	header.writeUInt16LE(name.length, 26);
	return Buffer.concat([header, name]);
}

function descriptorOf({ crc, compressed, size }: Written): Buffer {
	const is64 = compressed > MAX_32 || size > MAX_32;
	const bytes = Buffer.alloc(is64 ? 24 : 16);
	bytes.writeUInt32LE(DESCRIPTOR, 0);
	bytes.writeUInt32LE(crc, 4);
	if (is64) {
		bytes.writeBigUInt64LE(BigInt(compressed), 8);
		bytes.writeBigUInt64LE(BigInt(size), 16);
	} else {
		bytes.writeUInt32LE(compressed, 8);
		bytes.writeUInt32LE(size, 12);
	}
	return bytes;
}

function centralHeader(entry: Written, stamp: number): Buffer {
	const { name, method, crc, compressed, size, offset } = entry;
	const is64 = compressed > MAX_32 || size > MAX_32 || offset > MAX_32;
	const header = Buffer.alloc(46);
	header.writeUInt32LE(CENTRAL, 0);
	header.writeUInt16LE(is64 ? VERSION_64 : VERSION, 4);
	header.writeUInt16LE(is64 ? VERSION_64 : VERSION, 6);
	header.writeUInt16LE(FLAGS, 8);
	header.writeUInt16LE(method, 10);
	header.writeUInt32LE(stamp, 12);
	header.writeUInt32LE(crc, 16);
	header.writeUInt32LE(is64 ? MAX_32 : compressed, 20);
	header.writeUInt32LE(is64 ? MAX_32 : size, 24);
	header.writeUInt16LE(name.length, 28);
	header.writeUInt16LE(is64 ? 28 : 0, 30);
	header.writeUInt32LE(is64 ? MAX_32 : offset, 42);
	if (!is64) return Buffer.concat([header, name]);
	const extra = Buffer.alloc(28);
	extra.writeUInt16LE(EXTRA_64, 0);
	extra.writeUInt16LE(24, 2);
	extra.writeBigUInt64LE(BigInt(size), 4);
	extra.writeBigUInt64LE(BigInt(compressed), 12);
	extra.writeBigUInt64LE(BigInt(offset), 20);
	return Buffer.concat([header, name, extra]);
}

function directory(
	entries: readonly Written[],
	{ offset, stamp }: { offset: number; stamp: number },
): Buffer {
	const central = Buffer.concat(entries.map((entry) => centralHeader(entry, stamp)));
	const is64 = entries.length >= MAX_16 || offset >= MAX_32 || central.length >= MAX_32;
	const end = Buffer.alloc(22);
	const count = Math.min(entries.length, MAX_16);
	end.writeUInt32LE(END, 0);
	end.writeUInt16LE(count, 8);
	end.writeUInt16LE(count, 10);
	end.writeUInt32LE(Math.min(central.length, MAX_32), 12);
	end.writeUInt32LE(Math.min(offset, MAX_32), 16);
	const end64 = is64
		? zip64End(entries.length, { offset, length: central.length })
		: Buffer.alloc(0);
	return Buffer.concat([central, end64, end]);
}

function zip64End(count: number, { offset, length }: { offset: number; length: number }): Buffer {
	const bytes = Buffer.alloc(76);
	bytes.writeUInt32LE(END_64, 0);
	bytes.writeBigUInt64LE(44n, 4);
	bytes.writeUInt16LE(VERSION_64, 12);
	bytes.writeUInt16LE(VERSION_64, 14);
	bytes.writeBigUInt64LE(BigInt(count), 24);
	bytes.writeBigUInt64LE(BigInt(count), 32);
	bytes.writeBigUInt64LE(BigInt(length), 40);
	bytes.writeBigUInt64LE(BigInt(offset), 48);
	bytes.writeUInt32LE(LOCATOR_64, 56);
	bytes.writeBigUInt64LE(BigInt(offset + length), 64);
	bytes.writeUInt32LE(1, 72);
	return bytes;
}

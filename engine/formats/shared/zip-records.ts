/**
 * The records of a ZIP file, as PKWARE's APPNOTE 6.3.10 lays them out. ZIP64 fields stand only where a
 * number outgrows 32 bits: many readers do without them.
 */
export interface ZipRecord {
	name: Buffer;
	method: typeof STORED | typeof DEFLATED;
	crc: number;
	/** Bytes in the file. */
	packed: number;
	/** Bytes of the content. */
	size: number;
	/** Where its local header begins. */
	offset: number;
	/** Whether sizes and checksum follow the content, because they were not known before it. */
	streamed: boolean;
	/** Whether the content is encrypted as `zip-crypt.ts` says; then no checksum tells of it. */
	encrypted: boolean;
	/** Date and time in MS-DOS's bits: see `dosTime`. */
	stamp: number;
}

export const STORED = 0;
export const DEFLATED = 8;

const ENCRYPTED = 0x0001;
const UNKNOWN_YET = 0x0008;
const UTF8_NAME = 0x0800;
const VERSION = 20;
const VERSION_ZIP64 = 45;
const VERSION_AES = 51;
/** Stands for the method, which is in the field below then. */
const AES = 99;
const MAX_32 = 0xffffffff;
const MAX_16 = 0xffff;

const outgrown = (value: number): boolean => value >= MAX_32;
const capped = (value: number): number => Math.min(value, MAX_32);

const flagsOf = ({ streamed, encrypted }: ZipRecord): number =>
	UTF8_NAME | (streamed ? UNKNOWN_YET : 0) | (encrypted ? ENCRYPTED : 0);

const methodOf = ({ method, encrypted }: ZipRecord): number => (encrypted ? AES : method);

/** WinZip's AE-2 with a key of 256 bits, and what the content is compressed by below it. */
function aesField({ method, encrypted }: ZipRecord): Buffer {
	if (!encrypted) return Buffer.alloc(0);
	const bytes = Buffer.alloc(11);
	bytes.writeUInt16LE(0x9901, 0);
	bytes.writeUInt16LE(7, 2);
	bytes.writeUInt16LE(2, 4);
	bytes.write('AE', 6, 'latin1');
	bytes.writeUInt8(3, 8);
	bytes.writeUInt16LE(method, 9);
	return bytes;
}

/** Date and time as MS-DOS kept them: to two seconds, from 1980 to 2107. */
export function dosTime(at: number): number {
	const date = new Date(Math.min(Math.max(at, Date.UTC(1980, 0, 1)), Date.UTC(2107, 11, 31)));
	const day =
		((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
	const time =
		(date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
	return ((day << 16) | time) >>> 0;
}

/** Sizes and checksum of a streamed entry are zero here: see `descriptor`. */
export function localHeader(entry: ZipRecord): Buffer {
	const bytes = Buffer.alloc(30);
	const extra = aesField(entry);
	bytes.writeUInt32LE(0x04034b50, 0);
	bytes.writeUInt16LE(entry.encrypted ? VERSION_AES : VERSION, 4);
	bytes.writeUInt16LE(flagsOf(entry), 6);
	bytes.writeUInt16LE(methodOf(entry), 8);
	bytes.writeUInt32LE(entry.stamp, 10);
	if (!entry.streamed) {
		bytes.writeUInt32LE(entry.crc, 14);
		bytes.writeUInt32LE(entry.packed, 18);
		bytes.writeUInt32LE(entry.size, 22);
	}
	bytes.writeUInt16LE(entry.name.length, 26);
	bytes.writeUInt16LE(extra.length, 28);
	return Buffer.concat([bytes, entry.name, extra]);
}

/** What follows a streamed entry. */
export function descriptor({ crc, packed, size, encrypted }: ZipRecord): Buffer {
	const wide = outgrown(packed) || outgrown(size);
	const bytes = Buffer.alloc(wide ? 24 : 16);
	bytes.writeUInt32LE(0x08074b50, 0);
	bytes.writeUInt32LE(encrypted ? 0 : crc, 4);
	if (wide) {
		bytes.writeBigUInt64LE(BigInt(packed), 8);
		bytes.writeBigUInt64LE(BigInt(size), 16);
	} else {
		bytes.writeUInt32LE(packed, 8);
		bytes.writeUInt32LE(size, 12);
	}
	return bytes;
}

/** The table of contents at the end of the file; `offset` is where it begins. */
export function directory(entries: readonly ZipRecord[], offset: number): Buffer {
	const parts = entries.map(centralHeader);
	const size = parts.reduce((sum, part) => sum + part.length, 0);
	const wide = entries.length >= MAX_16 || outgrown(size) || outgrown(offset);
	if (wide) parts.push(endOfDirectory64(entries.length, { size, offset }));
	parts.push(endOfDirectory(entries.length, { size, offset }));
	return Buffer.concat(parts);
}

function centralHeader(entry: ZipRecord): Buffer {
	const { packed, size, offset } = entry;
	const large = [size, packed, offset].filter(outgrown);
	const wide = Buffer.alloc(large.length === 0 ? 0 : 4 + 8 * large.length);
	if (large.length > 0) {
		wide.writeUInt16LE(0x0001, 0);
		wide.writeUInt16LE(8 * large.length, 2);
		large.forEach((value, index) => wide.writeBigUInt64LE(BigInt(value), 4 + 8 * index));
	}
	const extra = Buffer.concat([wide, aesField(entry)]);
	const plain = large.length > 0 ? VERSION_ZIP64 : VERSION;
	const version = entry.encrypted ? VERSION_AES : plain;
	const bytes = Buffer.alloc(46);
	bytes.writeUInt32LE(0x02014b50, 0);
	bytes.writeUInt16LE(version, 4);
	bytes.writeUInt16LE(version, 6);
	bytes.writeUInt16LE(flagsOf(entry), 8);
	bytes.writeUInt16LE(methodOf(entry), 10);
	bytes.writeUInt32LE(entry.stamp, 12);
	bytes.writeUInt32LE(entry.encrypted ? 0 : entry.crc, 16);
	bytes.writeUInt32LE(capped(packed), 20);
	bytes.writeUInt32LE(capped(size), 24);
	bytes.writeUInt16LE(entry.name.length, 28);
	bytes.writeUInt16LE(extra.length, 30);
	bytes.writeUInt32LE(capped(offset), 42);
	return Buffer.concat([bytes, entry.name, extra]);
}

interface Place {
	size: number;
	offset: number;
}

function endOfDirectory64(count: number, { size, offset }: Place): Buffer {
	const bytes = Buffer.alloc(56 + 20);
	bytes.writeUInt32LE(0x06064b50, 0);
	bytes.writeBigUInt64LE(44n, 4);
	bytes.writeUInt16LE(VERSION_ZIP64, 12);
	bytes.writeUInt16LE(VERSION_ZIP64, 14);
	bytes.writeBigUInt64LE(BigInt(count), 24);
	bytes.writeBigUInt64LE(BigInt(count), 32);
	bytes.writeBigUInt64LE(BigInt(size), 40);
	bytes.writeBigUInt64LE(BigInt(offset), 48);
	// where the record above is found
	bytes.writeUInt32LE(0x07064b50, 56);
	bytes.writeBigUInt64LE(BigInt(offset + size), 64);
	bytes.writeUInt32LE(1, 72);
	return bytes;
}

function endOfDirectory(count: number, { size, offset }: Place): Buffer {
	const bytes = Buffer.alloc(22);
	bytes.writeUInt32LE(0x06054b50, 0);
	bytes.writeUInt16LE(Math.min(count, MAX_16), 8);
	bytes.writeUInt16LE(Math.min(count, MAX_16), 10);
	bytes.writeUInt32LE(capped(size), 12);
	bytes.writeUInt32LE(capped(offset), 16);
	return bytes;
}

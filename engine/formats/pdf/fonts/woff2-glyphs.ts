import { ByteReader } from './byte-reader.ts';

const COMPOSITE = -1;
const ON_CURVE = 1;
const OVERLAPS = 0x40;

/** Bits of a component of a composite glyph. */
const WORDS = 0x0001;
const SCALE = 0x0008;
const MORE = 0x0020;
const SCALES = 0x0040;
const MATRIX = 0x0080;
const INSTRUCTED = 0x0100;

interface Streams {
	contours: ByteReader;
	points: ByteReader;
	flags: ByteReader;
	glyphs: ByteReader;
	composites: ByteReader;
	boxes: ByteReader;
	instructions: ByteReader;
	hasBox: (glyph: number) => boolean;
	overlaps: (glyph: number) => boolean;
}

interface Point {
	x: number;
	y: number;
	onCurve: boolean;
}

/** The tables `glyf` and `loca` (32 bits) out of the transformed one, and each glyph's least x. */
export function rebuildGlyphs(table: Buffer): { glyf: Buffer; loca: Buffer; leftmost: number[] } {
	const { count, streams } = openStreams(table);
	const loca = Buffer.alloc((count + 1) * 4);
	const parts: Buffer[] = [];
	const leftmost: number[] = [];
	let at = 0;
	for (let glyph = 0; glyph < count; glyph++) {
		loca.writeUInt32BE(at, glyph * 4);
		const contours = streams.contours.i16();
		const outline = contours === 0 ? undefined : readGlyph(streams, { glyph, contours });
		leftmost.push(outline?.readInt16BE(2) ?? 0);
		if (!outline) continue;
		const padding = Buffer.alloc(-outline.length & 3);
		parts.push(outline, padding);
		at += outline.length + padding.length;
	}
	loca.writeUInt32BE(at, count * 4);
	return { glyf: Buffer.concat(parts), loca, leftmost };
}

function openStreams(table: Buffer): { count: number; streams: Streams } {
	const header = new ByteReader(table, 2);
	const options = header.u16();
	const count = header.u16();
	header.u16();
	const sizes = Array.from({ length: 7 }, () => header.u32());
	const parts = sizes.map((size) => header.take(size));
	const [contours, points, flags, glyphs, composites, boxes, instructions] = parts.map(
		(part) => new ByteReader(part),
	) as [ByteReader, ByteReader, ByteReader, ByteReader, ByteReader, ByteReader, ByteReader];
	const bitmap = boxes.take(((count + 31) >> 5) * 4);
	const overlapping = (options & 1) === 1 ? header.take((count + 7) >> 3) : undefined;
	const bit = (bits: Buffer, at: number): boolean =>
		((bits[at >> 3] ?? 0) & (0x80 >> (at & 7))) > 0;
	return {
		count,
		streams: {
			...{ contours, points, flags, glyphs, composites, boxes, instructions },
			hasBox: (glyph) => bit(bitmap, glyph),
			overlaps: (glyph) => overlapping !== undefined && bit(overlapping, glyph),
		},
	};
}

function readGlyph(
	from: Streams,
	{ glyph, contours }: { glyph: number; contours: number },
): Buffer {
	const head = Buffer.alloc(10);
	head.writeInt16BE(contours, 0);
	if (contours === COMPOSITE) {
		const { components, instructed } = readComponents(from.composites);
		const instructions = instructed ? readInstructions(from) : Buffer.alloc(0);
		from.boxes.take(8).copy(head, 2);
		return Buffer.concat([head, components, instructions]);
	}
	const ends = Buffer.alloc(contours * 2);
	let total = 0;
	for (let contour = 0; contour < contours; contour++) {
		total += from.points.packed16();
		ends.writeUInt16BE(total - 1, contour * 2);
	}
	const points = readPoints(from, total);
	const instructions = readInstructions(from);
	if (from.hasBox(glyph)) from.boxes.take(8).copy(head, 2);
	else writeBox(head, points);
	return Buffer.concat([head, ends, instructions, writePoints(points, from.overlaps(glyph))]);
}

function readComponents(stream: ByteReader): { components: Buffer; instructed: boolean } {
	const parts: Buffer[] = [];
	let instructed = false;
	for (let flags = MORE; (flags & MORE) > 0;) {
		const head = stream.take(4);
		flags = head.readUInt16BE(0);
		instructed ||= (flags & INSTRUCTED) > 0;
		const scale = (flags & SCALE) > 0 ? 2 : (flags & SCALES) > 0 ? 4 : (flags & MATRIX) > 0 ? 8 : 0;
		parts.push(head, stream.take(((flags & WORDS) > 0 ? 4 : 2) + scale));
	}
	return { components: Buffer.concat(parts), instructed };
}

function readInstructions(from: Streams): Buffer {
	const length = from.glyphs.packed16();
	const head = Buffer.alloc(2);
	head.writeUInt16BE(length, 0);
	return Buffer.concat([head, from.instructions.take(length)]);
}

function readPoints(from: Streams, count: number): Point[] {
	let x = 0;
	let y = 0;
	return Array.from({ length: count }, () => {
		const flags = from.flags.u8();
		const [dx, dy] = readStep(flags & 0x7f, from.glyphs);
		x += dx;
		y += dy;
		return { x, y, onCurve: flags < 0x80 };
	});
}

/** The way from one point to the next in one to four bytes (WOFF2, section 5.2). */
function readStep(flag: number, bytes: ByteReader): [number, number] {
	const signed = (bit: number, value: number): number => ((bit & 1) === 1 ? value : -value);
	const first = bytes.u8();
	if (flag < 10) return [0, signed(flag, ((flag & 14) << 7) + first)];
	if (flag < 20) return [signed(flag, (((flag - 10) & 14) << 7) + first), 0];
	if (flag < 84) {
		const high = flag - 20;
		const dx = 1 + (high & 0x30) + (first >> 4);
		return [signed(flag, dx), signed(flag >> 1, 1 + ((high & 0x0c) << 2) + (first & 0x0f))];
	}
	const second = bytes.u8();
	if (flag < 120) {
		const high = flag - 84;
		const dx = 1 + (Math.floor(high / 12) << 8) + first;
		return [signed(flag, dx), signed(flag >> 1, 1 + (((high % 12) >> 2) << 8) + second)];
	}
	const third = bytes.u8();
	if (flag < 124) {
		const dx = (first << 4) + (second >> 4);
		return [signed(flag, dx), signed(flag >> 1, ((second & 0x0f) << 8) + third)];
	}
	const dy = (third << 8) + bytes.u8();
	return [signed(flag, (first << 8) + second), signed(flag >> 1, dy)];
}

function writeBox(head: Buffer, points: readonly Point[]): void {
	let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
	for (const { x, y } of points) {
		[left, right] = [Math.min(left, x), Math.max(right, x)];
		[bottom, top] = [Math.min(bottom, y), Math.max(top, y)];
	}
	[left, bottom, right, top].forEach((value, index) => {
		head.writeInt16BE(Number.isFinite(value) ? value : 0, 2 + index * 2);
	});
}

/** Each point in five bytes: the file is read once and thrown away, so nothing is gained by packing. */
function writePoints(points: readonly Point[], overlaps: boolean): Buffer {
	const count = points.length;
	const bytes = Buffer.alloc(count * 5);
	let x = 0;
	let y = 0;
	points.forEach((point, index) => {
		const overlap = overlaps && index === 0 ? OVERLAPS : 0;
		bytes[index] = (point.onCurve ? ON_CURVE : 0) | overlap;
		bytes.writeInt16BE(point.x - x, count + index * 2);
		bytes.writeInt16BE(point.y - y, count * 3 + index * 2);
		({ x, y } = point);
	});
	return bytes;
}

/** `hmtx`, where left side bearings that equal the least x were left out. */
export function rebuildMetrics(
	table: Buffer,
	{ leftmost, measured }: { leftmost: readonly number[]; measured: number },
): Buffer {
	const reader = new ByteReader(table);
	const flags = reader.u8();
	const count = leftmost.length;
	const advances = Array.from({ length: measured }, () => reader.u16());
	const read = (absent: boolean, glyph: number): number =>
		absent ? (leftmost[glyph] ?? 0) : reader.i16();
	const result = Buffer.alloc(measured * 4 + (count - measured) * 2);
	for (let glyph = 0; glyph < measured; glyph++) {
		result.writeUInt16BE(advances[glyph] ?? 0, glyph * 4);
		result.writeInt16BE(read((flags & 1) === 1, glyph), glyph * 4 + 2);
	}
	for (let glyph = measured; glyph < count; glyph++) {
		result.writeInt16BE(read((flags & 2) === 2, glyph), measured * 2 + glyph * 2);
	}
	return result;
}

/** A command of an outline as fontkit gives it; TrueType knows no cubic curves. */
export interface OutlineCommand {
	command: string;
	args: readonly number[];
}

export interface OutlineGlyph {
	/** In units of the em square. */
	advanceWidth: number;
	commands: readonly OutlineCommand[];
}

export interface TrueTypeMetrics {
	unitsPerEm: number;
	ascent: number;
	descent: number;
}

interface Point {
	x: number;
	y: number;
	on: boolean;
}

/**
 * A TrueType file of just these glyphs, in this order, with the tables that PDF asks for (ISO 32000-1,
 * 9.9): no names, no characters, no hints. fontkit's own subsets of variable fonts fail.
 */
export function writeTrueType(glyphs: readonly OutlineGlyph[], metrics: TrueTypeMetrics): Buffer {
	const outlines = glyphs.map(({ commands }) => writeOutline(contoursOf(commands)));
	const loca = Buffer.alloc((glyphs.length + 1) * 4);
	let end = 0;
	outlines.forEach(({ bytes }, index) => {
		end += bytes.length;
		loca.writeUInt32BE(end, (index + 1) * 4);
	});
	const hmtx = Buffer.alloc(glyphs.length * 4);
	glyphs.forEach(({ advanceWidth }, index) => {
		hmtx.writeUInt16BE(Math.round(advanceWidth), index * 4);
		hmtx.writeInt16BE(outlines[index]?.box[0] ?? 0, index * 4 + 2);
	});
	const boxes = outlines.map(({ box }) => box);
	return assemble([
		['glyf', Buffer.concat(outlines.map(({ bytes }) => bytes))],
		['head', writeHead(boxes, metrics)],
		['hhea', writeHhea(glyphs, metrics)],
		['hmtx', hmtx],
		['loca', loca],
		['maxp', writeMaxp(outlines, glyphs.length)],
	]);
}

function contoursOf(commands: readonly OutlineCommand[]): Point[][] {
	const contours: Point[][] = [];
	for (const { command, args } of commands) {
		if (command === 'closePath') continue;
		if (command === 'moveTo') contours.push([]);
		const contour = contours.at(-1);
		const last = args.length - 2;
		for (let at = 0; at <= last; at += 2) {
			contour?.push({
				x: Math.round(args[at] ?? 0),
				y: Math.round(args[at + 1] ?? 0),
				on: at === last,
			});
		}
	}
	for (const contour of contours) {
		const [first, last] = [contour[0], contour.at(-1)];
		if (contour.length > 1 && first?.x === last?.x && first?.y === last?.y) contour.pop();
	}
	return contours.filter((contour) => contour.length > 1);
}

interface Outline {
	bytes: Buffer;
	/** Left, bottom, right, top. */
	box: readonly [number, number, number, number];
	points: number;
	contours: number;
}

function writeOutline(contours: readonly Point[][]): Outline {
	const points = contours.flat();
	const count = points.length;
	if (count === 0) return { bytes: Buffer.alloc(0), box: [0, 0, 0, 0], points: 0, contours: 0 };
	const xs = points.map(({ x }) => x);
	const ys = points.map(({ y }) => y);
	const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)] as const;
	const head = 10 + contours.length * 2 + 2;
	const bytes = Buffer.alloc((head + count * 5 + 3) & ~3);
	bytes.writeInt16BE(contours.length, 0);
	box.forEach((value, index) => bytes.writeInt16BE(value, 2 + index * 2));
	let end = -1;
	contours.forEach((contour, index) => {
		end += contour.length;
		bytes.writeUInt16BE(end, 10 + index * 2);
	});
	let before = { x: 0, y: 0 };
	points.forEach((point, index) => {
		bytes[head + index] = point.on ? 1 : 0;
		bytes.writeInt16BE(point.x - before.x, head + count + index * 2);
		bytes.writeInt16BE(point.y - before.y, head + count * 3 + index * 2);
		before = point;
	});
	return { bytes, box, points: count, contours: contours.length };
}

function writeHead(boxes: readonly Outline['box'][], { unitsPerEm }: TrueTypeMetrics): Buffer {
	const head = Buffer.alloc(54);
	head.writeUInt32BE(0x00010000, 0);
	head.writeUInt32BE(0x00010000, 4);
	head.writeUInt32BE(0x5f0f3cf5, 12);
	head.writeUInt16BE(unitsPerEm, 18);
	const edge = (at: 0 | 1 | 2 | 3, pick: (...values: number[]) => number): number =>
		boxes.reduce((found, box) => pick(found, box[at]), 0);
	head.writeInt16BE(edge(0, Math.min), 36);
	head.writeInt16BE(edge(1, Math.min), 38);
	head.writeInt16BE(edge(2, Math.max), 40);
	head.writeInt16BE(edge(3, Math.max), 42);
	head.writeUInt16BE(8, 46);
	head.writeInt16BE(2, 48);
	// the positions of glyphs are written as 32 bits
	head.writeInt16BE(1, 50);
	return head;
}

function writeHhea(glyphs: readonly OutlineGlyph[], metrics: TrueTypeMetrics): Buffer {
	const hhea = Buffer.alloc(36);
	hhea.writeUInt32BE(0x00010000, 0);
	hhea.writeInt16BE(Math.round(metrics.ascent), 4);
	hhea.writeInt16BE(Math.round(metrics.descent), 6);
	const widest = glyphs.reduce((most, { advanceWidth }) => Math.max(most, advanceWidth), 0);
	hhea.writeUInt16BE(Math.round(widest), 10);
	hhea.writeInt16BE(1, 18);
	hhea.writeUInt16BE(glyphs.length, 34);
	return hhea;
}

function writeMaxp(outlines: readonly Outline[], count: number): Buffer {
	const maxp = Buffer.alloc(32);
	maxp.writeUInt32BE(0x00010000, 0);
	maxp.writeUInt16BE(count, 4);
	maxp.writeUInt16BE(Math.max(0, ...outlines.map(({ points }) => points)), 6);
	maxp.writeUInt16BE(Math.max(0, ...outlines.map(({ contours }) => contours)), 8);
	maxp.writeUInt16BE(2, 14);
	return maxp;
}

function checksum(bytes: Buffer): number {
	let sum = 0;
	for (let at = 0; at + 4 <= bytes.length; at += 4) sum = (sum + bytes.readUInt32BE(at)) >>> 0;
	return sum;
}

/** Tables come sorted by tag. The checksum of the whole file is for systems that install fonts: 0. */
function assemble(tables: readonly [tag: string, bytes: Buffer][]): Buffer {
	const directory = Buffer.alloc(12 + tables.length * 16);
	directory.writeUInt32BE(0x00010000, 0);
	directory.writeUInt16BE(tables.length, 4);
	const power = Math.floor(Math.log2(tables.length));
	directory.writeUInt16BE(16 * 2 ** power, 6);
	directory.writeUInt16BE(power, 8);
	directory.writeUInt16BE(tables.length * 16 - 16 * 2 ** power, 10);
	const parts = [directory];
	let at = directory.length;
	tables.forEach(([tag, bytes], index) => {
		const padded = Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
		const entry = 12 + index * 16;
		directory.write(tag, entry, 'latin1');
		directory.writeUInt32BE(checksum(padded), entry + 4);
		directory.writeUInt32BE(at, entry + 8);
		directory.writeUInt32BE(bytes.length, entry + 12);
		parts.push(padded);
		at += padded.length;
	});
	return Buffer.concat(parts);
}

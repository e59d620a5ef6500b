import { inflateSync } from 'node:zlib';

/** A picture, pixel by pixel: three bytes of colour, and one of how opaque it is. */
export interface Pixels {
	width: number;
	height: number;
	colours: Buffer;
	/** Undefined where all is opaque. */
	opacity: Buffer | undefined;
}

const SIGNATURE = '89504e470d0a1a0a';
/** Pixels: a logo, not a poster. */
const MOST_PIXELS = 4_000_000;
/** Samples of a pixel by type of colour (ISO/IEC 15948, 11.2.2). */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const PALETTE = 3;

interface Header {
	width: number;
	height: number;
	depth: number;
	colour: number;
}

/**
 * Reads a PNG of 8 bits a sample, or fewer with a palette or in grey, that is not interlaced. pdfkit reads
 * more, but in its own time, after which no two documents are the same byte by byte, and it ends the
 * process over a broken one.
 * @returns undefined for everything else, and for what is broken
 */
export function readPng(file: Buffer): Pixels | undefined {
	if (file.toString('hex', 0, 8) !== SIGNATURE) return undefined;
	const chunks = chunksOf(file);
	const header = headerOf(chunks.find(({ type }) => type === 'IHDR')?.data);
	if (!header) return undefined;
	const bits = header.depth * (SAMPLES[header.colour] ?? 0);
	const stride = Math.ceil((header.width * bits) / 8);
	const size = (stride + 1) * header.height;
	const packed = chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data);
	let lines: Buffer;
	try {
		lines = inflateSync(Buffer.concat(packed), { maxOutputLength: size });
	} catch {
		return undefined;
	}
	if (lines.length !== size) return undefined;
	unfilter(lines, { stride, height: header.height, step: Math.max(1, bits >> 3) });
	const find = (name: string): Buffer | undefined => chunks.find(({ type }) => type === name)?.data;
	return pixelsOf(lines, header, { stride, palette: find('PLTE'), clear: find('tRNS') });
}

function chunksOf(file: Buffer): { type: string; data: Buffer }[] {
	const chunks: { type: string; data: Buffer }[] = [];
	for (let at = 8; at + 12 <= file.length;) {
		const length = file.readUInt32BE(at);
		const data = file.subarray(at + 8, at + 8 + length);
		if (data.length < length) break;
		chunks.push({ type: file.toString('latin1', at + 4, at + 8), data });
		at += 12 + length;
	}
	return chunks;
}

function headerOf(data: Buffer | undefined): Header | undefined {
	if (data?.length !== 13) return undefined;
	const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
	const [depth = 0, colour = 0, , , interlaced] = data.subarray(8);
	const narrow = colour === PALETTE || colour === 0;
	const known = depth === 8 || (narrow && (depth === 1 || depth === 2 || depth === 4));
	if (!known || SAMPLES[colour] === undefined || interlaced !== 0) return undefined;
	const pixels = width * height;
	return pixels > 0 && pixels <= MOST_PIXELS ? { width, height, depth, colour } : undefined;
}

/** Undoes the filter of each line (ISO/IEC 15948, 9.2), in place. */
function unfilter(
	lines: Buffer,
	{ stride, height, step }: { stride: number; height: number; step: number },
): void {
	for (let line = 0; line < height; line++) {
		const start = line * (stride + 1) + 1;
		const filter = lines[start - 1];
		for (let at = 0; at < stride; at++) {
			const here = start + at;
			const left = at >= step ? (lines[here - step] ?? 0) : 0;
			const up = line > 0 ? (lines[here - stride - 1] ?? 0) : 0;
			const corner = line > 0 && at >= step ? (lines[here - stride - 1 - step] ?? 0) : 0;
			lines[here] = (lines[here] ?? 0) + predicted(filter, { left, up, corner });
		}
	}
}

function predicted(
	filter: number | undefined,
	{ left, up, corner }: { left: number; up: number; corner: number },
): number {
	if (filter === 1) return left;
	if (filter === 2) return up;
	if (filter === 3) return (left + up) >> 1;
	if (filter !== 4) return 0;
	const guess = left + up - corner;
	const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
	if (a <= b && a <= c) return left;
	return b <= c ? up : corner;
}

interface Extra {
	stride: number;
	palette: Buffer | undefined;
	clear: Buffer | undefined;
}

function pixelsOf(lines: Buffer, header: Header, { stride, palette, clear }: Extra): Pixels {
	const { width, height, depth, colour } = header;
	const samples = SAMPLES[colour] ?? 1;
	const colours = Buffer.alloc(width * height * 3);
	const opacity = Buffer.alloc(width * height, 255);
	const whole = 2 ** depth - 1;
	let to = 0;
	for (let y = 0; y < height; y++) {
		const start = y * (stride + 1) + 1;
		for (let x = 0; x < width; x++, to++) {
			const sample = (index: number): number => {
				const bit = (x * samples + index) * depth;
				const byte = lines[start + (bit >> 3)] ?? 0;
				return (byte >> (8 - depth - (bit & 7))) & whole;
			};
			const first = sample(0);
			if (colour === PALETTE) {
				palette?.copy(colours, to * 3, first * 3, first * 3 + 3);
				opacity[to] = clear?.[first] ?? 255;
				continue;
			}
			const grey = samples < 3;
			const scale = 255 / whole;
			for (let part = 0; part < 3; part++) {
				colours[to * 3 + part] = grey ? first * scale : sample(part);
			}
			if (samples === 2 || samples === 4) opacity[to] = sample(samples - 1);
		}
	}
	return {
		width,
		height,
		colours,
		opacity: opacity.every((value) => value === 255) ? undefined : opacity,
	};
}

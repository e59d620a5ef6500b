import { readPng } from '../../engine/formats/shared/report/png.ts';

/**
 * How dark a picture is, square by square. One machine's letters have other edges than another's, which
 * changes a square by little; where something is missing or lies upon something else, many change by much.
 */
export interface Darkness {
	columns: number;
	rows: number;
	/** From 0 for white to 255 for black, line by line. */
	squares: readonly number[];
}

/** Pixels of the side of a square: about a letter, in the sizes in which the pictures are kept. */
const SIDE = 6;

/** @throws Error when it is no PNG of 8 bits that we read */
export function darknessOf(png: Buffer): Darkness {
	const pixels = readPng(png);
	if (!pixels) throw new Error('expected a PNG of 8 bits a sample');
	const { width, height, colours } = pixels;
	const [columns, rows] = [Math.ceil(width / SIDE), Math.ceil(height / SIDE)];
	const sums = new Array<number>(columns * rows).fill(0);
	const counts = new Array<number>(columns * rows).fill(0);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const at = (y * width + x) * 3;
			const light = (colours[at]! * 2 + colours[at + 1]! * 5 + colours[at + 2]!) / 8;
			const square = Math.floor(y / SIDE) * columns + Math.floor(x / SIDE);
			sums[square]! += 255 - light;
			counts[square]! += 1;
		}
	}
	return { columns, rows, squares: sums.map((sum, at) => sum / counts[at]!) };
}

/** Of a letter a square is about 60 to 120 darker than without it; another rendering of it differs by less than this. */
const MUCH = 30;

/** Which part of the squares differs by much: 0 for the same picture, 1 where the sizes differ. */
export function difference(one: Darkness, other: Darkness): number {
	if (one.columns !== other.columns || one.rows !== other.rows) return 1;
	const far = one.squares.filter((dark, at) => Math.abs(dark - other.squares[at]!) > MUCH);
	return far.length / one.squares.length;
}

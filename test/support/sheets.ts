import { inflateRawSync } from 'node:zlib';

import { read, utils, type CellObject, type WorkBook, type WorkSheet } from 'xlsx';

/** A cell as SheetJS reads it; undefined where there is none. Moments are the numbers that they are. */
export type SeenCell = string | number | boolean | Date | undefined;

/** The workbook as SheetJS, which is not ours, reads it. */
export const openWorkbook = (bytes: Buffer): WorkBook => read(bytes, { cellNF: true });

function sheetOf({ Sheets, SheetNames }: WorkBook, name: string | undefined): WorkSheet {
	const sheet = Sheets[name ?? SheetNames[0]!];
	if (!sheet) throw new Error(`no sheet ${name}, but ${SheetNames.join(', ')}`);
	return sheet;
}

/** The cells of a sheet, row by row; of the first when none is named. */
export function cellsOf(bytes: Buffer, name?: string): SeenCell[][] {
	const sheet = sheetOf(openWorkbook(bytes), name);
	if (sheet['!ref'] === undefined) return [];
	const { e: end } = utils.decode_range(sheet['!ref']);
	return Array.from({ length: end.r + 1 }, (_row, r) =>
		Array.from(
			{ length: end.c + 1 },
			(_cell, c) => (sheet[utils.encode_cell({ r, c })] as CellObject | undefined)?.v,
		),
	);
}

export const sheetNames = (bytes: Buffer): string[] => openWorkbook(bytes).SheetNames;

/** A cell of the first sheet by its address. */
export const cellAt = (bytes: Buffer, address: string): CellObject | undefined =>
	sheetOf(openWorkbook(bytes), undefined)[address] as CellObject | undefined;

/** One file of the package, as text; found by the table of contents at the end. */
export function partOf(bytes: Buffer, name: string): string {
	const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
	let at = bytes.readUInt32LE(end + 16);
	for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
		const lengths = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
		const [nameLength = 0, extra = 0, comment = 0] = lengths;
		if (bytes.toString('utf8', at + 46, at + 46 + nameLength) === name) {
			const offset = bytes.readUInt32LE(at + 42);
			const from = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
			const packed = bytes.subarray(from, from + bytes.readUInt32LE(at + 20));
			return (bytes.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed)).toString('utf8');
		}
		at += 46 + nameLength + extra + comment;
	}
	throw new Error(`no part ${name}`);
}

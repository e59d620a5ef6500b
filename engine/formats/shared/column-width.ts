import type { Row } from '../../contract/envelope.ts';
import { cellText } from './cell-text.ts';
import type { ColumnType } from './column-type.ts';
import type { TableColumn } from './table.ts';

/** Rows that tell how wide a column has to be: all of them would have to be read first. */
export const ROWS_FOR_WIDTHS = 500;

const LEAST = 6;
/** Longer texts are cut by the next cell, or wrapped: wider columns push the others out of sight. */
const MOST = 60;
/** Blanks beside the text, and the button of a filter in the header. */
const BESIDE = 2;
const BUTTON = 3;

/** Characters of what a spreadsheet shows, not of what came: `2026-11-27T08:00:00.000Z` is shorter there. */
const SHOWN: Partial<Record<ColumnType, number>> = {
	boolean: 5,
	date: 10,
	datetime: 19,
	instant: 19,
	time: 8,
};

/** How wide a column is in a spreadsheet, in characters of the default font. */
export function columnWidth(
	{ label, type, read, pattern }: TableColumn,
	rows: readonly Row[],
): number {
	let widest = pattern?.length ?? SHOWN[type] ?? 0;
	if (SHOWN[type] === undefined) {
		for (const row of rows) widest = Math.max(widest, lineLength(cellText(read(row))));
	}
	const header = lineLength(label) + BUTTON;
	return Math.min(MOST, Math.max(LEAST, widest + BESIDE, header));
}

/** The longest line; wide characters of East Asia and emoji count twice. */
function lineLength(text: string): number {
	let longest = 0;
	for (const line of text.slice(0, 1000).split('\n')) {
		longest = Math.max(
			longest,
			line.length + (WIDE.test(line) ? (line.match(EVERY_WIDE) ?? []).length : 0),
		);
	}
	return longest;
}

const WIDE =
	/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;
const EVERY_WIDE = new RegExp(WIDE, 'g');

import type { Row } from '../../contract/envelope.ts';
import { columnWidth } from './column-width.ts';
import { readMomentPattern, type MomentPattern } from './moment-pattern.ts';
import { readNumberPattern, type NumberPattern } from './number-pattern.ts';
import type { SheetOptions } from './sheet-options.ts';
import type { Align, TableColumn } from './table.ts';

/** What the cells of a column are in a spreadsheet. */
export type SheetCell =
	/** `scale`: digits after the point that are shown without a pattern. */
	| { kind: 'number'; pattern: NumberPattern | undefined; scale: number | undefined }
	/** Numbers with more digits than a spreadsheet keeps, as text. */
	| { kind: 'digits' }
	| { kind: 'boolean' }
	| { kind: 'moment'; pattern: MomentPattern | undefined }
	| { kind: 'time' }
	/** Each cell as what it is. */
	| { kind: 'mixed' }
	| { kind: 'text' };

/** Where spreadsheets show a value that no style says more of: texts left, most others not. */
const NATURAL: Readonly<Record<SheetCell['kind'], Align>> = {
	number: 'right',
	digits: 'right',
	moment: 'right',
	time: 'right',
	boolean: 'center',
	// each as what it is
	mixed: 'left',
	text: 'left',
};

/** What a style has to say of a column, so that its values stand below its header. */
export function alignOf({ column, cell }: SheetColumn): { align?: Align } {
	return column.align === NATURAL[cell.kind] ? {} : { align: column.align };
}

export interface SheetColumn {
	column: TableColumn;
	title: string;
	/** In characters. */
	width: number;
	cell: SheetCell;
}

/** Spreadsheets show and keep so many digits. */
const MAX_DIGITS = 15;
export const MAX_NUMBER = 10 ** MAX_DIGITS;

export interface SheetColumnsContext {
	options: SheetOptions;
	timeZone: string;
	/** The first rows, for the widths. */
	sample: readonly Row[];
}

export function sheetColumn(
	column: TableColumn,
	{ options, timeZone, sample }: SheetColumnsContext,
): SheetColumn {
	const named = column.type === 'instant' && options.zoneInHeader;
	const titled = named ? { ...column, label: `${column.label} (${timeZone})` } : column;
	return {
		column,
		title: titled.label,
		width: columnWidth(titled, sample),
		cell: sheetCell(column, options),
	};
}

function sheetCell(column: TableColumn, options: SheetOptions): SheetCell {
	const { type, pattern } = column;
	switch (type) {
		case 'boolean':
		case 'time':
		case 'mixed':
			return { kind: type };
		case 'integer':
		case 'number':
		case 'decimal':
		case 'bigint':
			if (!isKept(column, options)) return { kind: 'digits' };
			return {
				kind: 'number',
				pattern: numberPatternOf(pattern ?? options.numberFormat),
				scale: type === 'decimal' ? column.digits?.scale : undefined,
			};
		case 'date':
			return { kind: 'moment', pattern: momentPatternOf(pattern ?? options.dateFormat) };
		case 'datetime':
		case 'instant':
			return { kind: 'moment', pattern: momentPatternOf(pattern ?? options.dateTimeFormat) };
		default:
			return { kind: 'text' };
	}
}

const numberPatternOf = (text: string | undefined): NumberPattern | undefined =>
	text === undefined ? undefined : readNumberPattern(text);
const momentPatternOf = (text: string | undefined): MomentPattern | undefined =>
	text === undefined ? undefined : readMomentPattern(text);

/** Whether numbers survive in cells of a spreadsheet, all of a column or none. */
function isKept({ type, digits, facts }: TableColumn, { exactNumbers }: SheetOptions): boolean {
	if (type === 'number') return true;
	if (type === 'bigint') return false;
	if (type === 'decimal') {
		return exactNumbers === 'auto' && digits !== undefined && digits.precision <= MAX_DIGITS;
	}
	const all = facts?.digits?.precision;
	return all !== undefined && all <= MAX_DIGITS;
}

/** The same question for a number among cells of other kinds: does a spreadsheet show all of its digits? */
export const isKeptNumber = (value: number): boolean =>
	!Number.isInteger(value) || Math.abs(value) < MAX_NUMBER || Math.abs(value) >= 1e21;

/** What a person who edits the cell would turn into a formula. */
export const FORMULA = /^[\s\p{Cc}\p{Cf}]*[=+\-@]/u;

/** Digits that a spreadsheet takes as a number. */
export const FINITE = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

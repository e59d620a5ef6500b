import { cellText } from '../shared/cell-text.ts';
import type { ColumnType } from '../shared/column-type.ts';
import type { Cell } from '../shared/columns.ts';
import { exactNumber } from '../shared/exact-json.ts';
import { dayMicros, dayNumber, readMoment } from '../shared/moments.ts';
import type { CellChanges } from '../shared/sheet-changes.ts';
import {
	alignOf,
	FINITE,
	FORMULA,
	isKeptNumber,
	type SheetColumn,
} from '../shared/sheet-columns.ts';
import {
	BOOLEAN_CODE,
	DATE_CODE,
	decimalCode,
	MILLIS,
	MOMENT_CODE,
	momentCode,
	numberCode,
	TIME_CODE,
} from './number-format.ts';
import type { CellStyle, Styles } from './styles.ts';
import { textElement } from './text.ts';

/** The cell of a column in the row with that number; nothing for a cell that is empty. */
export type WriteCell = (value: Cell, row: string) => string;

export interface CellContext extends Omit<CellChanges, 'illegal'> {
	/** The column's letters. */
	name: string;
	styles: Styles;
	/** Takes the number of lines of a cell that has several. */
	lines: (count: number) => void;
	/** Milliseconds that clocks are ahead of UTC at an instant. */
	offsetAt: (at: number) => number;
}

/** Characters that a cell holds, counted in UTF-16 as Excel does. */
export const MAX_CHARACTERS = 32_767;

const DAY_MS = 86_400_000;
const DAY_MICROS = DAY_MS * 1000;
/** Of 1970-01-01. */
const SERIAL_OF_EPOCH = 25_569;
/** 1900-03-01. Excel counts a 29 February 1900 before it, others do not: earlier days would not be the same. */
const FIRST_SERIAL = 61;

export function cellWriter(planned: SheetColumn, context: CellContext): WriteCell {
	const { column, cell } = planned;
	const look: CellStyle = alignOf(planned);
	const text = textWriter(look, context);
	switch (cell.kind) {
		case 'boolean':
			return booleanWriter({ ...look, format: BOOLEAN_CODE }, context, text);
		case 'number': {
			const format = cell.pattern ? { format: numberCode(cell.pattern) } : scaleCode(cell.scale);
			return numberWriter({ ...look, ...format }, context, text);
		}
		case 'digits':
			return textWriter({ align: 'right', quoted: true, ...look }, context);
		case 'moment': {
			const plain = column.type === 'date' ? DATE_CODE : MOMENT_CODE;
			const format = cell.pattern ? momentCode(cell.pattern) : plain;
			return column.type === 'date'
				? dateWriter({ ...look, format }, context, text)
				: momentWriter({ ...look, format }, context, { text, type: column.type });
		}
		case 'time':
			return timeWriter({ ...look, format: TIME_CODE }, context, text);
		case 'mixed':
			return mixedWriter(look, context, text);
		case 'text':
			return text;
	}
}

const scaleCode = (scale: number | undefined): CellStyle =>
	scale === undefined ? {} : { format: decimalCode(scale) };

/** What stands before and after the number of the row; the sheet's default look needs no attribute. */
function frame({ name, styles }: CellContext, style: CellStyle): { open: string; rest: string } {
	const id = styles.id(style);
	return { open: `<c r="${name}`, rest: id === 0 ? '"' : `" s="${id}"` };
}

function textWriter(look: CellStyle, context: CellContext): WriteCell {
	// numbered at once: the numbers must not depend on which rows come first
	const { open, rest } = frame(context, look);
	const wrapped = frame(context, { ...look, wrap: true }).rest;
	const quoted = frame(context, { ...look, quoted: true }).rest;
	const both = frame(context, { ...look, wrap: true, quoted: true }).rest;
	const restFor = (text: string): string => {
		const code = text.charCodeAt(0);
		const isWord = (code >= 0x41 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
		const isFormula = !isWord && FORMULA.test(text);
		if (text.includes('\n')) {
			context.lines(text.split('\n').length);
			return isFormula ? both : wrapped;
		}
		return isFormula ? quoted : rest;
	};
	return (value, row) => {
		if (value === null || value === undefined) return '';
		const text = context.fitted(typeof value === 'string' ? value : cellText(value));
		return `${open}${row}${restFor(text)} t="inlineStr"><is>${textElement(text)}</is></c>`;
	};
}

function numberWriter(look: CellStyle, context: CellContext, text: WriteCell): WriteCell {
	const { open, rest } = frame(context, look);
	const middle = `${rest}><v>`;
	return (value, row) => {
		if (typeof value === 'number') return `${open}${row}${middle}${value}</v></c>`;
		if (value === null || value === undefined || value === '') return '';
		const digits = typeof value === 'string' ? value : exactNumber(value);
		return digits !== undefined && FINITE.test(digits)
			? `${open}${row}${middle}${digits}</v></c>`
			: text(value, row);
	};
}

function booleanWriter(look: CellStyle, context: CellContext, text: WriteCell): WriteCell {
	const { open, rest } = frame(context, look);
	return (value, row) => {
		if (value === true || value === 'true') return `${open}${row}${rest} t="b"><v>1</v></c>`;
		if (value === false || value === 'false') return `${open}${row}${rest} t="b"><v>0</v></c>`;
		return value === '' ? '' : text(value, row);
	};
}

function dateWriter(look: CellStyle, context: CellContext, text: WriteCell): WriteCell {
	const { open, rest } = frame(context, look);
	return (value, row) => {
		if (value === '') return '';
		const serial = typeof value === 'string' ? dayNumber(value) + SERIAL_OF_EPOCH : 0;
		return serial < FIRST_SERIAL ? text(value, row) : `${open}${row}${rest}><v>${serial}</v></c>`;
	};
}

function momentWriter(
	look: CellStyle,
	context: CellContext,
	{ text, type }: { text: WriteCell; type: ColumnType },
): WriteCell {
	const { open, rest } = frame(context, look);
	const restWithMillis = frame(context, { ...look, format: withFraction(look.format ?? '') }).rest;
	const offsetAt = type === 'instant' ? context.offsetAt : () => 0;
	return (value, row) => {
		if (value === '') return '';
		if (typeof value !== 'string') return text(value, row);
		const { days, millis, nanos } = readMoment(value);
		const local = millis + offsetAt(days * DAY_MS + millis);
		const serial = days + SERIAL_OF_EPOCH + local / DAY_MS;
		if (serial < FIRST_SERIAL) return text(value, row);
		if (nanos > 0) context.cutMoment();
		return `${open}${row}${millis % 1000 === 0 ? rest : restWithMillis}><v>${serial}</v></c>`;
	};
}

/** Seconds with their digits, where seconds are shown at all. */
const withFraction = (code: string): string => (code.endsWith('ss') ? code + MILLIS : code);

function timeWriter(look: CellStyle, context: CellContext, text: WriteCell): WriteCell {
	const { open, rest } = frame(context, look);
	const restWithMillis = frame(context, { ...look, format: withFraction(look.format ?? '') }).rest;
	return (value, row) => {
		if (value === '') return '';
		if (typeof value !== 'string') return text(value, row);
		const micros = dayMicros(value, context.cutMoment);
		const shown = micros % 1_000_000 === 0 ? rest : restWithMillis;
		return `${open}${row}${shown}><v>${micros / DAY_MICROS}</v></c>`;
	};
}

/** Each value as what it is; texts stay texts. */
function mixedWriter(look: CellStyle, context: CellContext, text: WriteCell): WriteCell {
	const number = numberWriter(look, context, text);
	const boolean = booleanWriter({ ...look, format: BOOLEAN_CODE }, context, text);
	const digits = textWriter({ align: 'right', quoted: true, ...look }, context);
	return (value, row) => {
		if (typeof value === 'number') {
			return isKeptNumber(value) ? number(value, row) : digits(value, row);
		}
		if (typeof value === 'boolean') return boolean(value, row);
		return exactNumber(value) === undefined ? text(value, row) : digits(value, row);
	};
}

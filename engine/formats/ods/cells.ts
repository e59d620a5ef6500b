import { cellText } from '../shared/cell-text.ts';
import type { ColumnType } from '../shared/column-type.ts';
import type { Cell } from '../shared/columns.ts';
import { exactNumber } from '../shared/exact-json.ts';
import { readMomentPattern, type MomentPattern } from '../shared/moment-pattern.ts';
import { dayMicros, readMoment } from '../shared/moments.ts';
import type { NumberPattern } from '../shared/number-pattern.ts';
import type { CellChanges } from '../shared/sheet-changes.ts';
import {
	alignOf,
	FINITE,
	FORMULA,
	isKeptNumber,
	type SheetColumn,
} from '../shared/sheet-columns.ts';
import type { CellLook, Looks } from './styles.ts';
import { paragraphs } from './text.ts';

/** The cell, or nothing for one that is empty. */
export type WriteCell = (value: Cell) => string;

export interface CellContext extends CellChanges {
	looks: Looks;
	/** Milliseconds that clocks are ahead of UTC at an instant. */
	offsetAt: (at: number) => number;
}

const DAY_MS = 86_400_000;
/** Before, programs count days by the Julian calendar. */
const FIRST_DATE = '1583-01-01';

const DATE = readMomentPattern('yyyy-MM-dd')!;
const MOMENT = readMomentPattern('yyyy-MM-dd HH:mm:ss')!;
const TIME = readMomentPattern('HH:mm:ss')!;
const FRACTION: MomentPattern = ['.', 'SSS'];

export function cellWriter(planned: SheetColumn, context: CellContext): WriteCell {
	const { column, cell } = planned;
	const look: CellLook = alignOf(planned);
	const text = textWriter(look, context);
	switch (cell.kind) {
		case 'boolean':
			return booleanWriter(look, context, text);
		case 'number': {
			const number = cell.pattern ?? scalePattern(cell.scale);
			return numberWriter(number ? { ...look, number } : look, context, text);
		}
		case 'digits':
			return textWriter({ align: 'right', isText: true, ...look }, context);
		case 'moment': {
			const { type } = column;
			const moment = cell.pattern ?? (type === 'date' ? DATE : MOMENT);
			return momentWriter({ ...look, moment }, context, { text, type });
		}
		case 'time':
			return timeWriter({ ...look, moment: TIME, isTime: true }, context, text);
		case 'mixed':
			return mixedWriter(look, context, text);
		case 'text':
			return text;
	}
}

const scalePattern = (scale: number | undefined): NumberPattern | undefined =>
	scale === undefined
		? undefined
		: {
				prefix: '',
				suffix: '',
				grouping: false,
				percent: false,
				minInteger: 1,
				minFraction: scale,
				maxFraction: scale,
			};

const open = (look: CellLook, { looks }: CellContext): string =>
	`<table:table-cell${looks.attribute(look)} office:value-type=`;

/** The value for programs and, for those that look no further, as text. */
const valued = (before: string, value: string | number | boolean, shown = String(value)): string =>
	`${before}${value}"><text:p>${shown}</text:p></table:table-cell>`;

function textWriter(look: CellLook, context: CellContext): WriteCell {
	const plain = `${open(look, context)}"string">`;
	const guarded = `${open({ ...look, isText: true }, context)}"string">`;
	return (value) => {
		if (value === null || value === undefined) return '';
		const whole = typeof value === 'string' ? value : cellText(value);
		const text = context.fitted(whole);
		let isChanged = false;
		const xml = paragraphs(text, () => (isChanged = true));
		if (isChanged) context.illegal();
		return `${FORMULA.test(text) ? guarded : plain}${xml}</table:table-cell>`;
	};
}

function numberWriter(look: CellLook, context: CellContext, text: WriteCell): WriteCell {
	const type = look.number?.percent === true ? 'percentage' : 'float';
	const before = `${open(look, context)}"${type}" office:value="`;
	return (value) => {
		if (typeof value === 'number') return valued(before, value);
		if (value === null || value === undefined || value === '') return '';
		const digits = typeof value === 'string' ? value : exactNumber(value);
		return digits !== undefined && FINITE.test(digits) ? valued(before, digits) : text(value);
	};
}

function booleanWriter(look: CellLook, context: CellContext, text: WriteCell): WriteCell {
	const before = `${open(look, context)}"boolean" office:boolean-value="`;
	return (value) => {
		if (typeof value === 'boolean' || value === 'true' || value === 'false') {
			return valued(before, value, String(value).toUpperCase());
		}
		return value === '' ? '' : text(value);
	};
}

function momentWriter(
	look: CellLook,
	context: CellContext,
	{ text, type }: { text: WriteCell; type: ColumnType },
): WriteCell {
	const before = `${open(look, context)}"date" office:date-value="`;
	const beforeMillis = `${open(withFraction(look), context)}"date" office:date-value="`;
	const offsetAt = type === 'instant' ? context.offsetAt : () => 0;
	return (value) => {
		if (value === '') return '';
		if (typeof value !== 'string' || value < FIRST_DATE) return text(value);
		if (type === 'date') return valued(before, value);
		const { days, millis, nanos } = readMoment(value);
		const at = days * DAY_MS + millis;
		const local = new Date(at + offsetAt(at)).toISOString();
		// a zone ahead of UTC can lead out of the years that are written with four digits
		if (local.length !== 24) return text(value);
		if (nanos > 0) context.cutMoment();
		return millis % 1000 === 0
			? valued(before, local.slice(0, 19))
			: valued(beforeMillis, local.slice(0, 23));
	};
}

function withFraction(look: CellLook): CellLook {
	const { moment } = look;
	return moment?.at(-1) === 'ss' ? { ...look, moment: [...moment, ...FRACTION] } : look;
}

function timeWriter(look: CellLook, context: CellContext, text: WriteCell): WriteCell {
	const before = `${open(look, context)}"time" office:time-value="`;
	const beforeMillis = `${open(withFraction(look), context)}"time" office:time-value="`;
	return (value) => {
		if (value === '') return '';
		if (typeof value !== 'string') return text(value);
		const micros = dayMicros(value, context.cutMoment);
		const seconds = (micros / 1e6) % 60;
		const minutes = Math.floor(micros / 60e6);
		const chosen = micros % 1e6 === 0 ? before : beforeMillis;
		const time = `PT${Math.floor(minutes / 60)}H${minutes % 60}M${seconds}S`;
		return valued(chosen, time, value);
	};
}

/** Each value as what it is; texts stay texts. */
function mixedWriter(look: CellLook, context: CellContext, text: WriteCell): WriteCell {
	const number = numberWriter(look, context, text);
	const boolean = booleanWriter(look, context, text);
	const digits = textWriter({ align: 'right', isText: true, ...look }, context);
	return (value) => {
		if (typeof value === 'number') return isKeptNumber(value) ? number(value) : digits(value);
		if (typeof value === 'boolean') return boolean(value);
		return exactNumber(value) === undefined ? text(value) : digits(value);
	};
}

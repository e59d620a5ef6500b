import { cellText } from './cell-text.ts';
import { isNumeric } from './column-type.ts';
import type { Cell } from './columns.ts';
import { plainDigits } from './decimal.ts';
import { exactNumber } from './exact-json.ts';
import {
	momentWriter,
	readMomentPattern,
	zonedWriter,
	type WriteMoment,
} from './moment-pattern.ts';
import {
	numberWriter,
	plainNumberWriter,
	readNumberPattern,
	type WriteNumber,
} from './number-pattern.ts';
import type { Need, TableColumn } from './table.ts';
import type { TextOptions } from './table-options.ts';

const DEFAULT_LOCALE = 'en';
const DIGITS = /^-?\d+(?:\.\d+)?$/;

/** What has to be known of the columns to write them as text: their types only where something changes. */
export function needForText(options: TextOptions): Need {
	const { locale, numberFormat, dateFormat, dateTimeFormat, timeZone } = options;
	return (locale ?? numberFormat ?? dateFormat ?? dateTimeFormat ?? timeZone) ? 'types' : 'names';
}

/** Writes the cells of one column as text, as the options say; every digit and letter where they say nothing. */
export function textWriter(
	column: TableColumn,
	options: TextOptions,
	{ scheduleZone }: { scheduleZone: string },
): (value: Cell) => string {
	const { nullText } = options;
	const zone = options.timeZone === 'schedule' ? scheduleZone : options.timeZone;
	const number = numberWriterOf(column, options);
	const moment = momentWriterOf(column, options, { zone, scheduleZone });
	if (number === undefined && moment === undefined) {
		return nullText === '' ? cellText : (value) => (value == null ? nullText : cellText(value));
	}
	return (value) => {
		if (value == null) return nullText;
		if (typeof value === 'string') {
			if (moment !== undefined) return moment(value);
			return number !== undefined && isNumeric(column.type) && DIGITS.test(value)
				? number(value)
				: value;
		}
		const digits = typeof value === 'number' ? String(value) : exactNumber(value);
		if (number === undefined || digits === undefined) return cellText(value);
		return number(digits.includes('e') || digits.includes('E') ? plainDigits(digits) : digits);
	};
}

function numberWriterOf(column: TableColumn, options: TextOptions): WriteNumber | undefined {
	if (!isNumeric(column.type) && column.type !== 'mixed') return undefined;
	const text = column.pattern ?? options.numberFormat;
	const pattern = text === undefined ? undefined : readNumberPattern(text);
	if (pattern !== undefined) return numberWriter(pattern, options.locale ?? DEFAULT_LOCALE);
	return options.locale === undefined ? undefined : plainNumberWriter(options.locale);
}

function momentWriterOf(
	column: TableColumn,
	options: TextOptions,
	{ zone, scheduleZone }: { zone: string | undefined; scheduleZone: string },
): WriteMoment | undefined {
	const { type } = column;
	if (type !== 'date' && type !== 'datetime' && type !== 'instant') return undefined;
	const text = column.pattern ?? (type === 'date' ? options.dateFormat : options.dateTimeFormat);
	const pattern = text === undefined ? undefined : readMomentPattern(text);
	if (pattern !== undefined) {
		const locale = options.locale ?? DEFAULT_LOCALE;
		return momentWriter(pattern, { locale, timeZone: zone ?? scheduleZone });
	}
	return zone === undefined || type !== 'instant' ? undefined : zonedWriter(zone);
}

import type { Row } from '../../contract/envelope.ts';
import type { Cell } from '../shared/columns.ts';
import { decimalsOf, HUNDREDTHS_END } from '../shared/report/profile.ts';
import type { ReportColumn } from '../shared/report/tables.ts';
import { groupedDigits, groupedWhole } from './numbers.ts';
import { escape } from './template.ts';

const EMPTY = '<td></td>';

type WriteCell = (value: Cell) => string;

/**
 * Writes the rows of a table. Texts and no `Html`: a page is mostly this, and an object a cell is half of
 * what it costs. Whatever comes from a row passes `escape`, but for numbers and truths.
 */
export function rowWriter(columns: readonly ReportColumn[]): (row: Row) => string {
	const writers = columns.map(cellWriter);
	const names = columns.map(({ name }) => name);
	return (row) => {
		let text = '<tr>';
		let at = 0;
		// most rows have the columns in their order: V8 reads them one by one without looking for names
		for (const name in row) {
			if (name !== names[at]) break;
			text += writers[at++]!(row[name]);
		}
		for (; at < names.length; at++) text += writers[at]!(columns[at]!.read(row));
		return `${text}</tr>\n`;
	};
}

function cellWriter(column: ReportColumn): WriteCell {
	const { write, plain, kind } = column;
	if (plain) return numberWriter(column);
	if (kind === 'nested') {
		return (value) => {
			const text = write(value);
			if (text === '') return EMPTY;
			const shown = escape(text);
			return typeof value === 'object' ? `<td><code>${shown}</code></td>` : `<td>${shown}</td>`;
		};
	}
	return (value) => {
		if (typeof value === 'boolean') return value ? '<td>true</td>' : '<td>false</td>';
		return `<td>${escape(write(value))}</td>`;
	};
}

/** `.05`, `.5`; nothing for whole numbers. */
const HUNDREDTHS = Array.from({ length: 100 }, (_, number) =>
	number === 0 ? '' : `.${String(number).padStart(2, '0').replace(/0$/, '')}`,
);
const HUNDREDTHS_DECIMALS = HUNDREDTHS.map((text) => Math.max(0, text.length - 1));

/** The points stand below each other: what a number lacks in decimals is added invisibly by the style. */
function numberWriter({ profile: { decimals }, grouping, write }: ReportColumn): WriteCell {
	const openings = Array.from({ length: decimals }, (_, own) => {
		const zeros = '0'.repeat(decimals - own);
		return `<td data-z="${own === 0 ? '.' : ''}${zeros}">`;
	});
	const whole = grouping ? groupedWhole : String;
	const closings = HUNDREDTHS.map((text) => `${text}</td>`);
	return (value) => {
		if (typeof value === 'number') {
			const size = Math.abs(value);
			const hundreds = Math.round(size * 100);
			// to write a double out costs more than all else; sums of money need not be
			if (size < HUNDREDTHS_END && hundreds / 100 === size) {
				const rest = hundreds % 100;
				const opening = openings[HUNDREDTHS_DECIMALS[rest]!] ?? '<td>';
				const digits = whole((hundreds - rest) / 100);
				return opening + (value < 0 ? '-' : '') + digits + closings[rest]!;
			}
		}
		const text = write(value);
		if (text === '') return EMPTY;
		const opening = text.includes('e') ? '<td>' : (openings[decimalsOf(text)] ?? '<td>');
		return `${opening}${grouping ? groupedDigits(text) : escape(text)}</td>`;
	};
}

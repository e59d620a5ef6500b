import type { Row } from '../../contract/envelope.ts';
import { decimalsOf } from '../shared/report/profile.ts';
import type { ReportColumn } from '../shared/report/tables.ts';
import { groupedDigits } from './numbers.ts';
import { escape } from './template.ts';

const EMPTY = '<td></td>';

/**
 * Writes the rows of a table. Texts and no `Html`: a page is mostly this, and an object a cell is half of
 * what it costs. Whatever comes from a row passes `escape`.
 */
export function rowWriter(columns: readonly ReportColumn[]): (row: Row) => string {
	const cells = columns.map(cellWriter);
	return (row) => {
		let text = '<tr>';
		for (const cell of cells) text += cell(row);
		return `${text}</tr>\n`;
	};
}

function cellWriter(column: ReportColumn): (row: Row) => string {
	const { read, write, plain, kind } = column;
	if (plain) {
		const number = numberWriter(column);
		return (row) => {
			const text = write(read(row));
			return text === '' ? EMPTY : number(text);
		};
	}
	if (kind === 'nested') {
		return (row) => {
			const value = read(row);
			const text = write(value);
			if (text === '') return EMPTY;
			const shown = escape(text);
			return typeof value === 'object' ? `<td><code>${shown}</code></td>` : `<td>${shown}</td>`;
		};
	}
	return (row) => `<td>${escape(write(read(row)))}</td>`;
}

/** The points stand below each other: what a number lacks in decimals is added invisibly by the style. */
function numberWriter({ profile: { decimals }, grouping }: ReportColumn): (text: string) => string {
	const fillers = Array.from({ length: decimals }, (_, own) => {
		const zeros = '0'.repeat(decimals - own);
		return ` data-z="${own === 0 ? '.' : ''}${zeros}"`;
	});
	return (text) => {
		const filler = text.includes('e') ? '' : (fillers[decimalsOf(text)] ?? '');
		return `<td${filler}>${grouping ? groupedDigits(text) : escape(text)}</td>`;
	};
}

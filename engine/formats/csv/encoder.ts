import type { Row } from '../../contract/envelope.ts';
import { cellText } from '../shared/cell-text.ts';
import { cellReader, type Cell } from '../shared/columns.ts';
import { guardFormula } from './formula-guard.ts';
import type { CsvOptions } from './options.ts';

/** Writes lines as RFC 4180 describes them. csv-stringify does the same at a third of the speed. */
export interface CsvEncoder {
	header: () => string;
	line: (row: Row) => string;
}

/** Whatever needs quotes or a closer look by the guard: quotes, breaks of lines, separators. */
const SPECIAL = /["\n\r,;\t|\v\f\u0085\u2028\u2029]/;
const ZERO = 0x30;
const NINE = 0x39;

export function createEncoder(columns: readonly string[], options: CsvOptions): CsvEncoder {
	const { delimiter, formulaGuard, quote } = options;
	const eol = options.eol === 'lf' ? '\n' : '\r\n';
	const all = quote === 'all';
	const readers = columns.map(cellReader);
	const needsQuotes = new RegExp(`["\\n\\r\\${delimiter}]`);
	// an empty line is no row for most readers: the only cell of a row is quoted when it is empty
	const empty = all || columns.length === 1 ? '""' : '';

	/** Letters and digits begin no formula and the rest of the cell is plain: most cells end here. */
	const isPlain = (text: string): boolean => {
		const code = text.charCodeAt(0);
		const opens = (code >= 0x41 && code <= 0x7a) || (code >= ZERO && code <= NINE);
		return opens && !SPECIAL.test(text);
	};

	const encode = (text: string): string => {
		if (text === '') return empty;
		if (isPlain(text)) return all ? `"${text}"` : text;
		const safe = formulaGuard ? guardFormula(text) : text;
		return all || needsQuotes.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
	};

	const cell = (value: Cell): string => {
		if (typeof value === 'string') return encode(value);
		if (typeof value === 'number' || typeof value === 'boolean') {
			return all ? `"${value}"` : String(value);
		}
		// lists, objects and exact numbers: none of them begins a formula
		return encode(cellText(value));
	};

	return {
		header: () => columns.map(encode).join(delimiter) + eol,
		line(row) {
			let line = '';
			for (let index = 0; index < readers.length; index++) {
				if (index > 0) line += delimiter;
				line += cell((readers[index] as (row: Row) => Cell)(row));
			}
			return line + eol;
		},
	};
}

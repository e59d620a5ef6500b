import type { Row } from '../../contract/envelope.ts';
import type { ReportMeta } from '../format.port.ts';
import type { Cell } from '../shared/columns.ts';
import type { TableColumn } from '../shared/table.ts';
import { textWriter } from '../shared/text-writer.ts';
import { guardFormula } from '../shared/formula-guard.ts';
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

type Encode = (text: string) => string;

export function createEncoder(
	columns: readonly TableColumn[],
	options: CsvOptions,
	meta: Pick<ReportMeta, 'timeZone'>,
): CsvEncoder {
	const { delimiter, nullText } = options;
	const eol = options.eol === 'lf' ? '\n' : '\r\n';
	const all = options.quote === 'all';
	const encode = encoderOf(options, columns.length);
	const isPlain = nullText === '' && !all;
	const writers = columns.map((column) => cellWriter(column, { options, meta, encode, isPlain }));
	const readers = columns.map(({ read }) => read);
	return {
		header: () => columns.map(({ key }) => encode(key)).join(delimiter) + eol,
		line(row) {
			let line = '';
			for (let index = 0; index < readers.length; index++) {
				if (index > 0) line += delimiter;
				line += writers[index]!(readers[index]!(row));
			}
			return line + eol;
		},
	};
}

/** Quotes and guards a text. */
function encoderOf({ delimiter, formulaGuard, quote }: CsvOptions, columns: number): Encode {
	const all = quote === 'all';
	const needsQuotes = new RegExp(`["\\n\\r\\${delimiter}]`);
	// an empty line is no row for most readers: the only cell of a row is quoted when it is empty
	const empty = all || columns === 1 ? '""' : '';

	/** Letters and digits begin no formula and the rest of the cell is plain: most cells end here. */
	const isPlain = (text: string): boolean => {
		const code = text.charCodeAt(0);
		const opens = (code >= 0x41 && code <= 0x7a) || (code >= ZERO && code <= NINE);
		return opens && !SPECIAL.test(text);
	};

	return (text) => {
		if (text === '') return empty;
		if (isPlain(text)) return all ? `"${text}"` : text;
		const safe = formulaGuard ? guardFormula(text) : text;
		return all || needsQuotes.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
	};
}

function cellWriter(
	column: TableColumn,
	about: {
		options: CsvOptions;
		meta: Pick<ReportMeta, 'timeZone'>;
		encode: Encode;
		/** Numbers and booleans need no quotes. */
		isPlain: boolean;
	},
): (value: Cell) => string {
	const { options, encode, isPlain } = about;
	const write = textWriter(column, options, { scheduleZone: about.meta.timeZone });
	const changesNumbers = column.pattern !== undefined || options.locale !== undefined;
	const asIs = isPlain && !changesNumbers && options.numberFormat === undefined;
	return (value) => {
		if (typeof value === 'string') return encode(write(value));
		if (asIs && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
		return encode(write(value));
	};
}

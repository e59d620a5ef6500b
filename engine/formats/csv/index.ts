import type { Format, FormatInput } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { isArchive, tableFiles, ZIP } from '../shared/table-files.ts';
import { needForText } from '../shared/text-writer.ts';
import { createEncoder } from './encoder.ts';
import { csvOptionsSchema, tsvOptionsSchema, type CsvOptions } from './options.ts';

const BYTE_ORDER_MARK = '\uFEFF';

const CSV = { contentType: 'text/csv; charset=utf-8', extension: 'csv' } as const;
const TSV = { contentType: 'text/tab-separated-values; charset=utf-8', extension: 'tsv' } as const;

const fileType = ({ delimiter }: Pick<CsvOptions, 'delimiter'>): typeof CSV | typeof TSV =>
	delimiter === '\t' ? TSV : CSV;

const shared = {
	abilities: { rows: true, binary: false, tables: 'zip' },
	limits: {},
} as const;

/** Rows as CSV (RFC 4180). Without declared or chosen columns the rows are read twice: see openTables. */
export function createCsvFormat(): Format {
	return {
		name: 'csv',
		title: 'CSV',
		...CSV,
		...shared,
		options: csvOptionsSchema,
		describe(input, given) {
			const options = csvOptionsSchema.parse(given);
			return isArchive(input, options) ? ZIP : fileType(options);
		},
		render: (input, given) => render(input, csvOptionsSchema.parse(given)),
	};
}

/** CSV with tabs, under the name that people look for. */
export function createTsvFormat(): Format {
	return {
		name: 'tsv',
		title: 'TSV',
		...TSV,
		...shared,
		options: tsvOptionsSchema,
		describe: (input, given) => (isArchive(input, tsvOptionsSchema.parse(given)) ? ZIP : TSV),
		render: (input, given) => render(input, { ...tsvOptionsSchema.parse(given), delimiter: '\t' }),
	};
}

function render(input: FormatInput, options: CsvOptions): AsyncIterable<Uint8Array> {
	return tableFiles(input, options, {
		format: fileType(options).extension,
		need: needForText(options),
		extension: fileType(options).extension,
		async *render(table) {
			const encoder = createEncoder(table.columns, options, input.meta);
			const opening = options.header && table.columns.length > 0 ? encoder.header() : '';
			yield* encodeText(table.rows(), {
				opening: (options.bom ? BYTE_ORDER_MARK : '') + opening,
				each: encoder.line,
			});
		},
	});
}

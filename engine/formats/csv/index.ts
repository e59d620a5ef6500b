import type { Format } from '../format.port.ts';
import { columnsOf } from '../shared/columns.ts';
import { encodeText } from '../shared/encode-text.ts';
import { demandRows } from '../shared/suitable.ts';
import { createEncoder } from './encoder.ts';
import { csvOptionsSchema } from './options.ts';

const BYTE_ORDER_MARK = '\uFEFF';

/** Rows as CSV (RFC 4180). Without declared or chosen columns the rows are read twice: see columnsOf. */
export function createCsvFormat(): Format {
	return {
		name: 'csv',
		title: 'CSV',
		contentType: 'text/csv; charset=utf-8',
		extension: 'csv',
		abilities: { rows: true, binary: false },
		limits: {},
		options: csvOptionsSchema,
		describe(_input, given) {
			const { delimiter } = csvOptionsSchema.parse(given);
			return delimiter === '\t'
				? { contentType: 'text/tab-separated-values; charset=utf-8', extension: 'tsv' }
				: { contentType: 'text/csv; charset=utf-8', extension: 'csv' };
		},
		async *render(input, given) {
			demandRows(input, 'csv');
			const options = csvOptionsSchema.parse(given);
			const columns = await columnsOf(input, options.columns);
			const encoder = createEncoder(columns, options);
			const opening = options.header && columns.length > 0 ? encoder.header() : '';
			yield* encodeText(input.rows(), {
				opening: (options.bom ? BYTE_ORDER_MARK : '') + opening,
				each: encoder.line,
			});
		},
	};
}

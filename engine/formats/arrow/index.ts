import { z } from 'zod';

import { uniqueNames } from '../../contract/column-names.ts';
import type { Format, FormatInput } from '../format.port.ts';
import { momentsCut } from '../shared/moments-cut.ts';
import { isArchive, tableFiles, ZIP } from '../shared/table-files.ts';
import { columnOptions } from '../shared/table-options.ts';
import type { Table } from '../shared/table.ts';

const arrowOptionsSchema = z.strictObject({
	...columnOptions,
	layout: z
		.enum(['file', 'stream'])
		.default('file')
		.describe(
			'`file` can be read from any batch on; `stream` is for programs that read as it comes',
		),
	batchRows: z
		.number()
		.int()
		.min(1)
		.max(1_000_000)
		.default(20_000)
		.describe('Rows that are written together, column by column; fewer where columns are many'),
});
type ArrowOptions = z.output<typeof arrowOptionsSchema>;

const TYPES = {
	file: { contentType: 'application/vnd.apache.arrow.file', extension: 'arrow' },
	stream: { contentType: 'application/vnd.apache.arrow.stream', extension: 'arrows' },
} as const;

/** Bytes of text after which a batch is full: it has to be held in memory. */
const BATCH_BYTES = 16_000_000;
const BATCH_CELLS = 2_000_000;

/** Rows as Apache Arrow IPC: batches of typed columns as they lie in memory. The rows are read twice, for their types. */
export function createArrowFormat(): Format {
	return {
		name: 'arrow',
		title: 'Apache Arrow',
		...TYPES.file,
		abilities: { rows: true, binary: false, tables: 'zip' },
		limits: { digitsPerDecimal: 38 },
		options: arrowOptionsSchema,
		describe(input, given) {
			const options = arrowOptionsSchema.parse(given);
			return isArchive(input, options) ? ZIP : TYPES[options.layout];
		},
		render(input, given) {
			const options = arrowOptionsSchema.parse(given);
			return tableFiles(input, options, {
				format: 'arrow',
				need: 'types',
				extension: TYPES[options.layout].extension,
				render: (table) => arrowFile(table, { input, options }),
			});
		},
	};
}

async function* arrowFile(
	table: Table,
	{ input, options }: { input: FormatInput; options: ArrowOptions },
): AsyncGenerator<Uint8Array> {
	// a large library that is needed by few
	const { BatchWriter } = await import('./writer.ts');
	const { arrowColumn } = await import('./columns.ts');
	let cut = 0;
	const names = uniqueNames(table.columns.map(({ key }) => key));
	const columns = table.columns.map((column, at) =>
		arrowColumn(column, { name: names[at]!, cutMoment: () => (cut += 1) }),
	);
	const most = Math.max(1, Math.floor(BATCH_CELLS / Math.max(1, columns.length)));
	const batchRows = Math.min(options.batchRows, most);
	const writer = new BatchWriter(columns, {
		layout: options.layout,
		batchRows,
		title: input.meta.title,
	});
	for await (const batch of table.rows()) {
		for (const row of batch) {
			writer.add(row);
			if (writer.rows >= batchRows || writer.bytes >= BATCH_BYTES) yield writer.flush();
		}
	}
	yield writer.finish();
	if (cut > 0) input.notice?.(momentsCut(table, cut));
}

import { constants, gzipSync, zstdCompressSync } from 'node:zlib';

import { z } from 'zod';

import { uniqueNames } from '../../contract/column-names.ts';
import type { Format, FormatInput } from '../format.port.ts';
import { momentsCut } from '../shared/moments-cut.ts';
import { isArchive, tableFiles, ZIP } from '../shared/table-files.ts';
import { columnOptions } from '../shared/table-options.ts';
import type { Table } from '../shared/table.ts';
import { RowGroup } from './row-group.ts';
import { RowGroupWriter, type Compression } from './writer.ts';
import { parquetColumn, type ParquetColumn } from './schema.ts';

const parquetOptionsSchema = z.strictObject({
	...columnOptions,
	compression: z
		.enum(['zstd', 'snappy', 'gzip', 'none'])
		.default('zstd')
		.describe(
			'`snappy` for readers that are older than zstd in Parquet (2018); its files are larger',
		),
	rowGroupRows: z
		.number()
		.int()
		.min(1)
		.max(1_000_000)
		.default(20_000)
		.describe(
			'Rows that are written together, fewer where columns are many: readers skip and share out whole groups',
		),
});
type ParquetOptions = z.output<typeof parquetOptionsSchema>;

const PARQUET = { contentType: 'application/vnd.apache.parquet', extension: 'parquet' } as const;

/** Characters of text after which a group of rows is full: it has to be held in memory. */
const GROUP_CHARACTERS = 16_000_000;
const GROUP_CELLS = 2_000_000;
/** A file without a column is none for some readers. */
const NO_COLUMN = 'empty';

const COMPRESSIONS: Record<ParquetOptions['compression'], Compression> = {
	zstd: {
		codec: 'ZSTD',
		compressors: {
			ZSTD: (bytes) =>
				zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
		},
	},
	snappy: { codec: 'SNAPPY' },
	gzip: { codec: 'GZIP', compressors: { GZIP: (bytes) => gzipSync(bytes, { level: 1 }) } },
	none: { codec: 'UNCOMPRESSED' },
};

/** Rows as Apache Parquet: typed, compressed columns in groups of rows. The rows are read twice, for their types. */
export function createParquetFormat(): Format {
	return {
		name: 'parquet',
		title: 'Apache Parquet',
		...PARQUET,
		abilities: { rows: true, binary: false, tables: 'zip' },
		limits: { digitsPerDecimal: 38 },
		options: parquetOptionsSchema,
		describe: (input, given) =>
			isArchive(input, parquetOptionsSchema.parse(given)) ? ZIP : PARQUET,
		render(input, given) {
			const options = parquetOptionsSchema.parse(given);
			return tableFiles(input, options, {
				format: 'parquet',
				need: 'types',
				extension: 'parquet',
				method: 'store',
				render: (table) => parquetFile(table, { input, options }),
			});
		},
	};
}

async function* parquetFile(
	table: Table,
	{ input, options }: { input: FormatInput; options: ParquetOptions },
): AsyncGenerator<Uint8Array> {
	let cut = 0;
	const columns = columnsOf(table, () => (cut += 1));
	const compression = COMPRESSIONS[options.compression];
	const writer = new RowGroupWriter(columns, { compression, title: input.meta.title });
	const group = new RowGroup(table, columns);
	const most = Math.min(options.rowGroupRows, Math.floor(GROUP_CELLS / columns.length));
	for await (const batch of table.rows()) {
		for (const row of batch) {
			group.add(row);
			if (group.rows >= most || group.characters >= GROUP_CHARACTERS) {
				yield* writer.write(group.take());
			}
		}
	}
	if (group.rows > 0) yield* writer.write(group.take());
	yield writer.finish();
	if (cut > 0) input.notice?.(momentsCut(table, cut));
}

function columnsOf(table: Table, cutMoment: () => void): ParquetColumn[] {
	const names = uniqueNames(table.columns.map(({ key }) => key));
	const columns = table.columns.map((column, at) =>
		parquetColumn(column, { name: names[at]!, cutMoment }),
	);
	return columns.length > 0 ? columns : [EMPTY];
}

const EMPTY: ParquetColumn = (() => {
	const written = { name: NO_COLUMN, type: 'BOOLEAN', repetition_type: 'OPTIONAL' } as const;
	return { element: written, written, statistics: true, value: () => null };
})();

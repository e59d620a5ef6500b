import { setImmediate } from 'node:timers/promises';

import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { ColumnSource } from 'hyparquet-writer';

import type { RowGroup } from './row-group.ts';
import type { ParquetColumn } from './schema.ts';

type WriterOptions = ConstructorParameters<typeof ParquetWriter>[0];
export type Compression = Pick<WriterOptions, 'compressors'> &
	Required<Pick<WriterOptions, 'codec'>>;

/**
 * A Parquet file, column by column: hyparquet-writer encodes a whole group of rows at once, during which
 * nothing else would run. So each column has a writer of its own, all write into one buffer, and the
 * footer of the file is made of theirs.
 */
export class RowGroupWriter {
	readonly #out = new ByteWriter(1 << 16);
	readonly #file: ParquetWriter;
	readonly #columns: readonly { writer: ParquetWriter; name: string }[];

	constructor(
		columns: readonly ParquetColumn[],
		{ compression, title }: { compression: Compression; title: string },
	) {
		const root = { name: 'root', num_children: columns.length };
		this.#file = new ParquetWriter({
			writer: this.#out,
			schema: [root, ...columns.map(({ element }) => element)],
			kvMetadata: [{ key: 'title', value: title }],
			createdBy: 'CapScheduler',
			...compression,
		});
		this.#columns = columns.map(({ written, statistics }) => {
			const schema = [{ name: 'root', num_children: 1 }, written];
			// each begins with the file's magic number, which stands there once already
			const writer = new ParquetWriter({
				writer: new ByteWriter(8),
				schema,
				statistics,
				...compression,
			});
			writer.writer = this.#out;
			return { writer, name: written.name };
		});
	}

	/** Writes a group of rows. Other work has its turn between two columns. */
	async *write({ values, rows }: ReturnType<RowGroup['take']>): AsyncGenerator<Buffer> {
		const began = this.#out.offset;
		for (const [at, { writer, name }] of this.#columns.entries()) {
			// a group of the file is made of one of each column, which is not kept twice
			writer.row_groups = [];
			writer.pendingIndexes = [];
			const data = values[at] as ColumnSource['data'];
			void writer.write({ columnData: [{ name, data }], rowGroupSize: rows });
			yield this.#taken();
			await setImmediate();
		}
		const written = this.#columns.flatMap(({ writer }) => writer.row_groups);
		this.#file.pendingIndexes.push(...this.#columns.flatMap(({ writer }) => writer.pendingIndexes));
		this.#file.num_rows += BigInt(rows);
		this.#file.row_groups.push({
			columns: written.flatMap(({ columns }) => columns),
			total_byte_size: written.reduce((sum, group) => sum + group.total_byte_size, 0n),
			total_compressed_size: BigInt(this.#out.offset - began),
			num_rows: BigInt(rows),
		});
	}

	/** The footer. */
	finish(): Buffer {
		void this.#file.finish();
		return this.#taken();
	}

	/** What was written since the last time; the writers count on. */
	#taken(): Buffer {
		const bytes = Buffer.from(this.#out.getBytes());
		this.#out.index = 0;
		return bytes;
	}
}

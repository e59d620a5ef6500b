import {
	AsyncByteQueue,
	makeData,
	RecordBatch,
	RecordBatchFileWriter,
	RecordBatchStreamWriter,
	Schema,
	Struct,
} from 'apache-arrow';

import type { Row } from '../../contract/envelope.ts';
import type { ArrowColumn, CellBuffer } from './columns.ts';

/** Keeps what the writer writes until it is taken; Arrow's own queue is for readers that wait. */
class Pieces extends AsyncByteQueue {
	#pieces: Uint8Array[] = [];

	override write(piece: ArrayBufferView | ArrayBufferLike): void {
		// copied when it is taken, which is before anything is written again
		this.#pieces.push(
			ArrayBuffer.isView(piece)
				? new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength)
				: new Uint8Array(piece),
		);
	}

	take(): Buffer {
		const taken = Buffer.concat(this.#pieces);
		this.#pieces = [];
		return taken;
	}
}

export interface BatchWriterOptions {
	layout: 'file' | 'stream';
	/** At most so many are added between two batches. */
	batchRows: number;
	title: string;
}

/** Gathers rows into batches of columns and gives their bytes. */
export class BatchWriter {
	rows = 0;
	readonly #columns: readonly ArrowColumn[];
	readonly #schema: Schema;
	readonly #pieces = new Pieces();
	readonly #writer: RecordBatchFileWriter | RecordBatchStreamWriter;
	readonly #batchRows: number;
	#buffers: readonly CellBuffer[] = [];

	constructor(columns: readonly ArrowColumn[], { layout, batchRows, title }: BatchWriterOptions) {
		this.#columns = columns;
		this.#batchRows = batchRows;
		this.#schema = new Schema(
			columns.map(({ field }) => field),
			new Map([['title', title]]),
		);
		this.#writer = layout === 'file' ? new RecordBatchFileWriter() : new RecordBatchStreamWriter();
		this.#writer.reset(this.#pieces, this.#schema);
	}

	/** Bytes that the rows since the last batch hold. */
	get bytes(): number {
		return this.#buffers.reduce((sum, { bytes }) => sum + bytes, 0);
	}

	add(row: Row): void {
		if (this.rows === 0) this.#buffers = this.#columns.map(({ buffer }) => buffer(this.#batchRows));
		this.#columns.forEach(({ read }, at) => this.#buffers[at]!.append(read(row)));
		this.rows += 1;
	}

	/** The rows since the last batch as one. */
	flush(): Buffer {
		if (this.rows > 0) {
			const children = this.#buffers.map((buffer) => buffer.finish());
			const type = new Struct(this.#schema.fields);
			const data = makeData({ type, length: this.rows, nullCount: 0, children });
			this.#writer.write(new RecordBatch(this.#schema, data));
		}
		this.rows = 0;
		this.#buffers = [];
		return this.#pieces.take();
	}

	/** What is left, and the end of the file. */
	finish(): Buffer {
		const last = this.flush();
		this.#writer.finish();
		return Buffer.concat([last, this.#pieces.take()]);
	}
}

import { parse } from 'csv-parse/sync';

import { uniqueNames } from '../../contract/column-names.ts';
import type { DeclaredColumn } from '../../contract/envelope.ts';
import { CapError } from '../../contract/errors.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const LF = 0x0a;
const CR = 0x0d;

/** Longest record, as readers of results take it. */
const MAX_RECORD = 64 * 1024 * 1024;
/** A header beyond these is still one, but its columns are not kept beside the result. */
const MAX_HEADER = 1024 * 1024;
const MAX_COLUMNS = 20_000;
const MAX_NAME = 500;

type Place = 'record' | 'field' | 'plain' | 'quoted' | 'quote';

/**
 * Checks CSV (RFC 4180, any line end, blank lines skipped) on its way, byte by byte: quotes stand where
 * they may, and every record has as many fields as the header. What passes is what formats/rows/csv.ts
 * reads, at a fraction of the cost of parsing.
 */
export class CsvRecords {
	/** Records behind the header. */
	rows = 0;
	/** Known when the header was read; undefined when there is none, or it is too large to be kept. */
	columns: DeclaredColumn[] | undefined;
	/** What the next byte continues; `quote` comes behind a quote inside quotes, which ends or doubles it. */
	#place: Place = 'record';
	#fields = 0;
	#expected = 0;
	#bytes = 0;
	#line = 1;
	#recordLine = 1;
	#fieldLine = 1;
	#afterCr = false;
	#first = true;
	#header: Buffer[] = [];
	#headerBytes = 0;

	/** @throws CapError RESULT_INVALID, RESULT_TOO_LARGE */
	async *check(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
		for await (const chunk of source) {
			this.#scan(chunk);
			yield chunk;
		}
		if (this.#place === 'quoted') throw wrong(this.#fieldLine, 'a quote that ends');
		if (this.#place !== 'record') this.#endRecord();
	}

	#scan(chunk: Buffer): void {
		// a second byte order mark: the first one is gone by now
		const marked = this.#first && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;
		this.#first = false;
		let from = marked ? 3 : 0;
		for (let at = from; at < chunk.length; at++) {
			const byte = chunk[at]!;
			if (byte === LF || byte === CR) {
				const ends = this.#place !== 'quoted';
				if (ends && this.#place !== 'record') {
					this.#measure(chunk, from, at);
					this.#endRecord();
				}
				if (ends) from = at + 1;
				if (byte === CR || !this.#afterCr) this.#line++;
				this.#afterCr = byte === CR;
				continue;
			}
			this.#afterCr = false;
			this.#take(byte);
		}
		this.#measure(chunk, from, chunk.length);
	}

	/** A byte that is no line end, or one inside quotes. */
	#take(byte: number): void {
		switch (this.#place) {
			case 'quoted':
				if (byte === QUOTE) this.#place = 'quote';
				return;
			case 'plain':
				if (byte === COMMA) this.#endField();
				else if (byte === QUOTE) throw wrong(this.#line, 'no quote inside a cell without quotes');
				return;
			case 'quote':
				if (byte === COMMA) this.#endField();
				else if (byte === QUOTE) this.#place = 'quoted';
				else throw wrong(this.#line, 'a comma or the end of the line behind a closing quote');
				return;
			case 'record':
				this.#recordLine = this.#line;
				this.#beginField(byte);
				return;
			case 'field':
				this.#beginField(byte);
		}
	}

	#beginField(byte: number): void {
		this.#fieldLine = this.#line;
		if (byte === COMMA) this.#endField();
		else this.#place = byte === QUOTE ? 'quoted' : 'plain';
	}

	#endField(): void {
		this.#fields++;
		this.#place = 'field';
	}

	#endRecord(): void {
		const fields = this.#fields + 1;
		if (this.#expected === 0) {
			this.#expected = fields;
			this.columns = this.#readHeader(fields);
			this.#header = [];
		} else if (fields === this.#expected) {
			this.rows++;
		} else {
			const expected = `as many fields as the header has (${this.#expected})`;
			throw wrong(this.#recordLine, `${expected}, got ${fields}`);
		}
		this.#fields = 0;
		this.#bytes = 0;
		this.#place = 'record';
	}

	#measure(chunk: Buffer, from: number, to: number): void {
		this.#bytes += to - from;
		if (this.#bytes > MAX_RECORD) {
			const expected = `a record of at most ${MAX_RECORD} bytes, got a longer one`;
			const message = `result, line ${this.#recordLine}: expected ${expected}`;
			throw new CapError('RESULT_TOO_LARGE', message);
		}
		if (this.#expected > 0) return;
		this.#headerBytes += to - from;
		if (this.#headerBytes <= MAX_HEADER) this.#header.push(Buffer.from(chunk.subarray(from, to)));
	}

	#readHeader(fields: number): DeclaredColumn[] | undefined {
		if (this.#headerBytes > MAX_HEADER || fields > MAX_COLUMNS) return undefined;
		const options = { record_delimiter: ['\r\n', '\n', '\r'] };
		const records: string[][] = parse(Buffer.concat(this.#header), options);
		const [header = []] = records;
		const names = uniqueNames(header);
		return names.some((name) => name.length > MAX_NAME)
			? undefined
			: names.map((name) => ({ name }));
	}
}

function wrong(line: number, expected: string): CapError {
	return new CapError('RESULT_INVALID', `result, line ${line}: expected ${expected}`);
}

import { CapError } from '../../contract/errors.ts';

const NEWLINE = 10;
const OPEN = 0x7b;
const CLOSE = 0x7d;

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d;

/**
 * Counts the rows of NDJSON on its way and refuses what is plainly none: every line that is not blank
 * begins with `{` and ends with `}`. An HTML page or a line that was cut does not pass.
 */
export class RowLines {
	rows = 0;
	#first = 0;
	#last = 0;

	async *check(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
		for await (const chunk of source) {
			let from = 0;
			for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
				this.#part(chunk, from, at);
				this.#endLine();
				from = at + 1;
			}
			this.#part(chunk, from, chunk.length);
			yield chunk;
		}
		this.#endLine();
	}

	#part(chunk: Buffer, from: number, to: number): void {
		let start = from;
		while (this.#first === 0 && start < to) {
			const byte = chunk[start++] ?? 0;
			if (!isSpace(byte)) this.#first = byte;
		}
		for (let end = to - 1; end >= from; end--) {
			const byte = chunk[end] ?? 0;
			if (isSpace(byte)) continue;
			this.#last = byte;
			return;
		}
	}

	#endLine(): void {
		if (this.#first !== 0) {
			if (this.#first !== OPEN || this.#last !== CLOSE) {
				const message = `line ${this.rows + 1} of the NDJSON is no JSON object`;
				throw new CapError('RESULT_INVALID', message);
			}
			this.rows++;
		}
		this.#first = 0;
		this.#last = 0;
	}
}

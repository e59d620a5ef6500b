import { isUtf8 } from 'node:buffer';

import { CapError } from '../../contract/errors.ts';

/** Large enough that the cost of a step does not show, small enough that nobody notices the memory. */
const BLOCK = 64 * 1024;
/** One row, or one JSON value that is no list of rows, has to be held in memory: bytes. */
export const MAX_VALUE_BYTES = 64 * 1024 * 1024;

/** Cuts large chunks and joins small ones, so that readers see blocks of about 64 KiB. */
export async function* blocksOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
	let small: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of source) {
		if (size + chunk.length < BLOCK) {
			// a copy: the source may use its buffer again
			small.push(Buffer.from(chunk));
			size += chunk.length;
			continue;
		}
		if (size > 0) yield Buffer.concat(small, size);
		small = [];
		size = 0;
		const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
		for (let at = 0; at < bytes.length; at += BLOCK) yield bytes.subarray(at, at + BLOCK);
	}
	if (size > 0) yield Buffer.concat(small, size);
}

/** Without the byte order mark. Blocks are longer than it unless the whole is shorter. */
export async function* withoutBom(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
	let first = true;
	for await (const block of blocks) {
		const marked = first && block[0] === 0xef && block[1] === 0xbb && block[2] === 0xbf;
		first = false;
		yield marked ? block.subarray(3) : block;
	}
}

/** Collects the parts of something that ends in a later block; joins them once. */
export class Carry {
	#parts: Buffer[] = [];
	#size = 0;

	/** Keeps a copy: the source may use its buffer again. @throws CapError RESULT_TOO_LARGE */
	add(bytes: Buffer): void {
		if (bytes.length === 0) return;
		this.#size += bytes.length;
		if (this.#size > MAX_VALUE_BYTES) {
			throw new CapError(
				'RESULT_TOO_LARGE',
				`result: expected rows of at most ${MAX_VALUE_BYTES} bytes each, got a longer one`,
			);
		}
		this.#parts.push(Buffer.from(bytes));
	}

	/** @throws CapError RESULT_INVALID when it is not UTF-8 */
	take(): string {
		const [only] = this.#parts;
		const bytes = this.#parts.length === 1 && only ? only : Buffer.concat(this.#parts, this.#size);
		this.#parts = [];
		this.#size = 0;
		if (!isUtf8(bytes)) {
			throw new CapError('RESULT_INVALID', 'result: expected UTF-8, got other bytes');
		}
		return bytes.toString('utf8');
	}
}

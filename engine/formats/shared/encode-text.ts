import type { Row } from '../../contract/envelope.ts';

/** Characters gathered before a chunk goes out: large enough that the cost of a step does not show. */
const CHUNK = 64 * 1024;

export interface TextParts<T> {
	opening?: string;
	/** The text of one row; `index` counts from 0. */
	each: (row: T, index: number) => string;
	/** Called after the last row. */
	closing?: (count: number) => string;
}

/** Text of rows as UTF-8 in chunks. A row never spans two chunks, so characters stay whole. */
export async function* encodeText<T = Row>(
	batches: AsyncIterable<readonly T[]>,
	{ opening = '', each, closing }: TextParts<T>,
): AsyncGenerator<Uint8Array> {
	let text = opening;
	let count = 0;
	for await (const batch of batches) {
		for (const row of batch) {
			text += each(row, count++);
			if (text.length >= CHUNK) {
				yield Buffer.from(text, 'utf8');
				text = '';
			}
		}
	}
	text += closing?.(count) ?? '';
	if (text !== '') yield Buffer.from(text, 'utf8');
}

import type { Row } from '../../contract/envelope.ts';
import { readJsonItems } from '../shared/json-items.ts';
import { keepOrder } from '../shared/key-order.ts';
import { toRow } from './to-row.ts';

/**
 * Each element of an array, or of the list in `rows`, is a row. `null` is how "no result" is kept, so it
 * is no row; any other value is the only row.
 */
export async function* readJson(source: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Row[]> {
	for await (const { shape, items, text } of readJsonItems(source)) {
		if (shape === 'value' && items[0] === null) continue;
		if (items.length > 0) yield keepOrder(items.map(toRow), text);
	}
}

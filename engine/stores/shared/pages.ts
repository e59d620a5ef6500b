import { inputError } from '../../contract/errors.ts';
import type { Page, PageRequest } from '../store.port.ts';

/** A cursor is the key of the last item, so that a page is stable under writes. */
export function encodeCursor(key: string | number): string {
	return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** @throws CapError INVALID_REQUEST */
export function decodeCursor<T extends 'string' | 'number'>(
	cursor: string | undefined,
	type: T,
): (T extends 'string' ? string : number) | null {
	if (cursor === undefined) return null;
	let key: unknown;
	try {
		key = JSON.parse(Buffer.from(cursor, 'base64url').toString());
	} catch {
		key = undefined;
	}
	if (typeof key === type) return key as T extends 'string' ? string : number;
	throw inputError('INVALID_REQUEST', {
		path: 'cursor',
		expected: 'a cursor that an earlier page gave',
		received: cursor.slice(0, 40),
	});
}

/** Makes the page of items that were read one beyond the limit. */
export function pageOf<T>(items: T[], limit: number, keyOf: (item: T) => string | number): Page<T> {
	const more = items.length > limit;
	if (more) items.length = limit;
	const last = items.at(-1);
	return { items, nextCursor: more && last !== undefined ? encodeCursor(keyOf(last)) : null };
}

/** How many to read: one more than asked for tells whether there is another page. */
export function readLimit({ limit }: PageRequest): number {
	return Math.min(Math.max(1, limit), 200) + 1;
}

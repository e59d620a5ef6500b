import type { Row } from '../../contract/envelope.ts';
import { CapError } from '../../contract/errors.ts';

/** @throws CapError FORMAT_UNSUITABLE: what `onLimit: "error"` means, or that choice of the option that is named */
export function refuseBeyond(
	format: string,
	{ what, limit, option = 'onLimit' }: { what: string; limit: number; option?: string },
): never {
	throw new CapError(
		'FORMAT_UNSUITABLE',
		`format: ${format} holds at most ${limit} ${what}; choose another \`${option}\` or another format`,
	);
}

/** The first so many rows; what comes after is not read. */
export async function* firstRows(
	batches: AsyncIterable<readonly Row[]>,
	count: number,
): AsyncGenerator<readonly Row[]> {
	let left = count;
	if (left === 0) return;
	for await (const batch of batches) {
		yield batch.length <= left ? batch : batch.slice(0, left);
		left -= batch.length;
		if (left <= 0) return;
	}
}

/** The longest beginning of at most so many UTF-16 units that splits no character in two. */
export function cutText(text: string, length: number): string {
	if (text.length <= length) return text;
	const last = text.charCodeAt(length - 1);
	const isHalf = last >= 0xd800 && last <= 0xdbff;
	return text.slice(0, isHalf ? length - 1 : length);
}

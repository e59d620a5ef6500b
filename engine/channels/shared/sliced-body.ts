import { Readable } from 'node:stream';

const SLICE = 65_536;

/**
 * The body of a request as undici takes it, in small pieces that each show that something moves: a part of 8 MB over a
 * slow line would look like a stall.
 */
export function slicedBody(
	body: string | Uint8Array | null,
	onProgress?: () => void,
): string | Uint8Array | Readable | null {
	const large = body instanceof Uint8Array && body.length > SLICE;
	return large ? Readable.from(slices(body, onProgress), { objectMode: false }) : body;
}

async function* slices(
	body: Uint8Array,
	onProgress: (() => void) | undefined,
): AsyncGenerator<Uint8Array> {
	await Promise.resolve();
	for (let from = 0; from < body.length; from += SLICE) {
		yield body.subarray(from, from + SLICE);
		onProgress?.();
	}
}

/** Parts under way at a time, beside the one that is being read. */
const PARALLEL = 3;

/**
 * Cuts a stream into parts of `size` bytes, the last one shorter, and sends several at a time. Ends when none is under
 * way any more, also when one failed: what then takes the upload back meets no latecomer.
 * @param send gets them in order, numbered from 1
 * @throws the first failure, of the source or of a part
 */
export async function sendInParts(
	source: AsyncIterable<Uint8Array>,
	{ size, send }: { size: number; send(this: void, part: Buffer, number: number): Promise<void> },
): Promise<void> {
	const flying = new Set<Promise<void>>();
	const failures: unknown[] = [];
	try {
		let number = 0;
		for await (const part of inPartsOf(size, source)) {
			number += 1;
			const sent = send(part, number).catch((error: unknown) => {
				failures.push(error);
			});
			flying.add(sent);
			void sent.then(() => flying.delete(sent));
			if (flying.size >= PARALLEL) await Promise.race(flying);
			if (failures.length > 0) break;
		}
	} finally {
		await Promise.all(flying);
	}
	if (failures.length > 0) throw failures[0];
}

async function* inPartsOf(size: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
	let part = Buffer.allocUnsafeSlow(size);
	let filled = 0;
	for await (const chunk of source) {
		for (let from = 0; from < chunk.length;) {
			const taken = Math.min(size - filled, chunk.length - from);
			part.set(chunk.subarray(from, from + taken), filled);
			filled += taken;
			from += taken;
			if (filled < size) continue;
			yield part;
			part = Buffer.allocUnsafeSlow(size);
			filled = 0;
		}
	}
	if (filled > 0) yield part.subarray(0, filled);
}

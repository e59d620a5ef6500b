import { createHash } from 'node:crypto';

import { CapError } from '../../contract/errors.ts';
import type { Parcel } from '../channel.port.ts';
import type { Deadline } from './deadline.ts';

/**
 * The parcel's bytes, counted and hashed on the way, ended by the deadline even while the source hangs.
 * @throws CapError the deadline's reason; INTERNAL when the bytes are not those that the parcel promises
 */
export async function* readParcel(parcel: Parcel, deadline: Deadline): AsyncGenerator<Uint8Array> {
	const { signal } = deadline;
	const hash = createHash('sha256');
	let size = 0;
	for await (const chunk of endedBy(signal, parcel.open())) {
		hash.update(chunk);
		size += chunk.length;
		if (size > parcel.size) throw altered(parcel);
		deadline.progress();
		yield chunk;
	}
	if (size !== parcel.size || hash.digest('hex') !== parcel.sha256) throw altered(parcel);
}

/** For what is known to be small. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of source) chunks.push(chunk);
	const [only] = chunks;
	return chunks.length === 1 && only ? only : Buffer.concat(chunks);
}

async function* endedBy<T>(signal: AbortSignal, source: AsyncIterable<T>): AsyncGenerator<T> {
	const iterator = source[Symbol.asyncIterator]();
	let interrupt: (reason: unknown) => void = () => undefined;
	const onAbort = (): void => {
		interrupt(signal.reason);
	};
	signal.addEventListener('abort', onAbort, { once: true });
	let ended = false;
	try {
		for (;;) {
			signal.throwIfAborted();
			// no Promise.race with one long-lived promise: that would hold on to every chunk
			const step = await new Promise<IteratorResult<T>>((resolve, reject) => {
				interrupt = reject;
				iterator.next().then(resolve, (error: unknown) => {
					ended = true;
					reject(unreadable(error));
				});
			});
			if (step.done) {
				ended = true;
				return;
			}
			yield step.value;
		}
	} finally {
		signal.removeEventListener('abort', onAbort);
		// not awaited: a source that hangs would hang here too
		if (!ended) iterator.return?.().then(undefined, () => undefined);
	}
}

function unreadable(cause: unknown): CapError {
	if (cause instanceof CapError) return cause;
	return new CapError('INTERNAL', 'the stored bytes cannot be read', { retry: 'later', cause });
}

function altered(parcel: Parcel): CapError {
	return new CapError(
		'INTERNAL',
		`the stored bytes of ${parcel.deliveryId} are not those that were promised`,
		{ retry: 'later' },
	);
}

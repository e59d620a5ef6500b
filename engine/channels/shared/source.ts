import { createHash, hash } from 'node:crypto';

import { CapError } from '../../contract/errors.ts';
import type { Parcel } from '../channel.port.ts';
import type { Deadline } from './deadline.ts';
import { endedBy } from './deadline.ts';

/**
 * The parcel's bytes, counted and hashed on the way, ended by the deadline even while the source hangs.
 * @throws CapError the deadline's reason; INTERNAL when the bytes are not those that the parcel promises
 */
export async function* readParcel(
	parcel: Parcel,
	deadline: Pick<Deadline, 'signal' | 'progress'>,
): AsyncGenerator<Uint8Array> {
	const { signal } = deadline;
	const hashed = createHash('sha256');
	let size = 0;
	for await (const chunk of chunksUntil(signal, parcel.open())) {
		hashed.update(chunk);
		size += chunk.length;
		if (size > parcel.size) throw altered(parcel);
		deadline.progress();
		yield chunk;
	}
	if (size !== parcel.size || hashed.digest('hex') !== parcel.sha256) throw altered(parcel);
}

/**
 * All bytes of a small parcel, checked as `readParcel` does it, at a fraction of what a chunk at a time costs.
 * @throws CapError
 */
export async function readWhole(
	parcel: Parcel,
	deadline: Pick<Deadline, 'signal' | 'progress'>,
): Promise<Uint8Array> {
	const bytes = await endedBy(deadline.signal, collect(boundedTo(parcel)));
	const sha256 = hash('sha256', bytes, 'hex');
	if (bytes.length !== parcel.size || sha256 !== parcel.sha256) throw altered(parcel);
	deadline.progress();
	return bytes;
}

async function* boundedTo(parcel: Parcel): AsyncGenerator<Uint8Array> {
	let size = 0;
	try {
		for await (const chunk of parcel.open()) {
			size += chunk.length;
			if (size > parcel.size) throw altered(parcel);
			yield chunk;
		}
	} catch (error) {
		throw unreadable(error);
	}
}

/** For what is known to be small. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of source) chunks.push(chunk);
	const [only] = chunks;
	return chunks.length === 1 && only ? only : Buffer.concat(chunks);
}

async function* chunksUntil<T>(signal: AbortSignal, source: AsyncIterable<T>): AsyncGenerator<T> {
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

import type { Clock } from '../clock.ts';
import type { Held } from './in-hand.ts';
import { isStoreTrouble } from './own-trouble.ts';

/** How long a write waits for a store that is full or away before it is tried again. */
const WRITE_AGAIN = 250;

/**
 * Writes how work went, again and again while the store cannot: the work is done, and a disk that is full or a
 * database that is away must not make it be done twice, nor use up an attempt. The end of the lease is no reason to
 * give up: the write names its epoch, so it changes nothing once somebody else has taken over.
 */
export async function writeSafely<T>(
	{ clock }: { clock: Clock },
	held: Held,
	write: () => Promise<T>,
): Promise<T> {
	for (;;) {
		try {
			return await write();
		} catch (error) {
			if (!isStoreTrouble(error) || held.isGivenUp()) throw error;
			await new Promise<void>((resolve) => clock.after(WRITE_AGAIN, resolve));
		}
	}
}

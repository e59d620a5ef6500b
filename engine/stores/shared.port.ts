import type { Sealed } from '../contract/sealed.ts';
import type { Instant } from '../contract/time.ts';

/* What several parts of the store's port are made of. */

/** Makes a POST safe to repeat: kept with the commit that it guards, for 24 hours. */
export interface IdempotencyRecord {
	tenant: string;
	/** The client's Idempotency-Key. */
	key: string;
	/** SHA-256 of method, path and body: another one under the same key is refused. */
	fingerprint: string;
	expiresAt: Instant;
	/** The answer to give again, sealed. */
	response: Sealed;
}

/** Either the write was made, or an earlier one under the same key is there: then nothing was written. */
export type Once<T> =
	{ replayed: false; value: T } | { replayed: true; earlier: IdempotencyRecord };

export interface Page<T> {
	items: T[];
	/** Opaque; null at the end. */
	nextCursor: string | null;
}

export interface PageRequest {
	/** 1 to 200. */
	limit: number;
	cursor?: string;
}

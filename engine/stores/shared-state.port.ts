import type { EventDraft } from '../contract/event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Instant } from '../contract/time.ts';

/**
 * A small document that the engines of a store share: the circuit breaker of a destination, a group of alerts.
 * What it says is decided by pure functions; the store only makes sure that nobody overwrites what they did not read.
 */
export interface SharedState {
	tenant: string;
	/** `circuit:dst_…`, `alert:…`: unique in the tenant; the part before the first colon is its kind. */
	key: string;
	value: JsonObject;
	/** When somebody should look at it again; null: nobody need. */
	dueAt: Instant | null;
	/** From then on it may be forgotten. */
	keepUntil: Instant;
	/** 1 when it is made, and one more with every write. */
	revision: number;
}

/** Compare and swap; see SharedState. */
export interface SharedStateStore {
	getShared(tenant: string, key: string): Promise<SharedState | null>;
	/**
	 * Writes it if it still has the revision `expected`; 0: if it is not there.
	 * @returns whether it was written; the events only then
	 */
	putShared(
		state: Omit<SharedState, 'revision'>,
		options: { expected: number; events: EventDraft[] },
	): Promise<boolean>;
	/** Of all tenants: those of the kind whose `dueAt` has come, the earliest first. */
	listSharedDue(kind: string, now: Instant, limit: number): Promise<SharedState[]>;
	/** Those of a tenant whose key begins like this, by key. */
	listShared(tenant: string, prefix: string, limit: number): Promise<SharedState[]>;
}

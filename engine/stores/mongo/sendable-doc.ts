import type { Delivery } from '../../contract/run.ts';
import type { Doc, Fields } from './documents.ts';
import type { Effect } from './effects.ts';
import { effect } from './effects.ts';
import { deliveryRows } from './rows.ts';

/* What documents of deliveries and notifications have beside their records. */

/** As it is inserted; `seq` is its place among those that are due at the same time. */
export function deliveryDoc(delivery: Delivery, seq: number): Doc {
	const sha256 = delivery.artifact?.sha256;
	return {
		...deliveryRows.toDoc(delivery),
		...dueOf(delivery),
		// Holds on to the bytes.
		...(sha256 === undefined ? {} : { sha256 }),
		attempts: [],
		seq,
	};
}

interface Sendable {
	id: string;
	state: string;
	dueAt: number;
	leaseUntil: number | null;
}

/** `due` while it waits to be sent, `leased` while it is: a document is in one of the two indexes at most. */
export function dueOf({ state, dueAt, leaseUntil }: Omit<Sendable, 'id'>): Fields {
	if (state === 'pending' || state === 'failed') return { due: dueAt };
	return state === 'sending' ? { leased: leaseUntil ?? 0 } : {};
}

/** It has a timer while it waits for an instant in the future. */
export function laterTimer(
	name: 'delivery.due' | 'notification.due',
	{ id, state, dueAt }: Pick<Sendable, 'id' | 'state' | 'dueAt'>,
	now: number,
): Effect[] {
	const waits = (state === 'pending' || state === 'failed') && dueAt > now;
	return waits ? [effect('timer', { name, key: id, at: dueAt })] : [];
}

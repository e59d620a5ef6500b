import type { Delivery } from '../contract/run.ts';
import type { Duration, Instant } from '../contract/time.ts';
import type { Circuit, Outcome } from '../core/delivery/circuit.ts';
import type { Limits } from '../core/delivery/turns.ts';

/** Where a delivery goes. */
export interface Place {
	tenant: string;
	/** `dst_…`, or what stands for an inline target's channel and settings. */
	key: string;
	/** For people. */
	name: string;
	destinationId: string | null;
	limits: Limits;
}

export type Entry =
	| { go: true; leave: (outcome: Outcome) => Promise<void> }
	| { go: false; why: 'circuit' | 'rate' | 'parallel' | 'share'; until: Instant; circuit: Circuit };

export interface Places {
	/** @param patience how long the attempt may take at most */
	enter(place: Place, delivery: Delivery, patience: Duration): Promise<Entry>;
	circuitOf(tenant: string, key: string): Promise<Circuit>;
	/** Somebody changed or tried the place: it starts afresh. */
	reset(place: Pick<Place, 'tenant' | 'key' | 'name' | 'destinationId'>): Promise<void>;
	/** How many circuits this engine knows to be open. */
	readonly open: number;
}

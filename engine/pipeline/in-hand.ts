import type { Clock } from '../clock.ts';

/** Why work in hand is broken off. */
export type AbortReason = 'timeout' | 'heartbeat' | 'cancelled' | 'fenced' | 'drain';

/** A claimed row in the hands of this engine. */
export interface Held {
	readonly signal: AbortSignal;
	/** Breaks the work off; the first reason counts. */
	abort(reason: AbortReason): void;
	/** Undefined while nothing has broken it off. */
	reason(): AbortReason | undefined;
	/** Whether the engine stops, or the row is somebody else's, whatever broke it off before: nobody waits for it. */
	isGivenUp(): boolean;
	/**
	 * To be asked right before a send: false when the lease may have ended, on a clock that never goes back.
	 * Then nothing may be sent: the row may be somebody else's.
	 */
	leaseIsSafe(): boolean;
	/** What is left is to write how it went: something else may be claimed in its stead. */
	workDone(): void;
}

const NOT_BEGUN: Promise<void> = Promise.resolve();

/** What is in hand lives through collections of garbage, so it is small: a class, not a set of closures. */
export class InHand implements Held {
	readonly epoch: number;
	/** On the monotonic clock. */
	leaseUntil: number;
	done = NOT_BEGUN;
	readonly #clock: Clock;
	readonly #controller = new AbortController();
	#reason: AbortReason | undefined;
	#givenUp = false;
	/** Null once it was called. */
	#workDone: (() => void) | null;

	constructor(
		epoch: number,
		{ clock, leaseUntil, workDone }: { clock: Clock; leaseUntil: number; workDone: () => void },
	) {
		this.epoch = epoch;
		this.leaseUntil = leaseUntil;
		this.#clock = clock;
		this.#workDone = workDone;
	}

	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	abort(why: AbortReason): void {
		if (why === 'drain' || why === 'fenced') this.#givenUp = true;
		if (this.#reason !== undefined) return;
		this.#reason = why;
		this.#controller.abort(why);
	}

	reason(): AbortReason | undefined {
		return this.#reason;
	}

	isGivenUp(): boolean {
		return this.#givenUp;
	}

	leaseIsSafe(): boolean {
		return this.#clock.monotonic() < this.leaseUntil;
	}

	workDone(): void {
		const tell = this.#workDone;
		this.#workDone = null;
		tell?.();
	}
}

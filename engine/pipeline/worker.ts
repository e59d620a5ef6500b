import type { Clock } from '../clock.ts';
import type { Duration } from '../contract/time.ts';
import type { Logger } from '../observe/observe.port.ts';
import type { AbortReason, Held } from './in-hand.ts';
import { InHand } from './in-hand.ts';
import { isStoreTrouble } from './own-trouble.ts';

interface Claimed {
	id: string;
	epoch: number;
}

export interface WorkerOptions<T extends Claimed> {
	name: string;
	clock: Clock;
	log: Logger;
	/** How many rows are worked on at the same time at most. */
	capacity: number;
	/** How many are claimed at once at most. Default: as many as hands are free. */
	most?: () => number;
	lease: Duration;
	/** `limit` is to be asked as late as can be: what becomes free until then is claimed too. */
	claim: (limit: () => number) => Promise<T[]>;
	/** Does the work and writes how it ended. Never rejects for what the other side does. */
	work(item: T, held: Held): Promise<void>;
	/** The hand that held it is free again: its work is done, or was not begun. */
	letGo?: (item: T) => void;
	/** @returns ids that are still held */
	renew: (held: readonly Claimed[]) => Promise<Set<string>>;
	/** Gives a claim back that was not begun. */
	release(item: T): Promise<unknown>;
}

export interface Worker {
	start(): void;
	/** Claims, soon: there may be something. */
	poke(): void;
	readonly inFlight: number;
	/** Whether that row is worked on here under that epoch. */
	holds(id: string, epoch: number): boolean;
	/** Renews the leases of what is in hand now, beside doing so from time to time. */
	renew(): Promise<void>;
	abort(id: string, reason: AbortReason): void;
	/** Stops claiming, waits for what is in hand, then breaks it off. */
	drain(within: Duration): Promise<void>;
}

/** The part of a lease that is left for the write after the send. */
const LEASE_MARGIN = 0.1;
/** How long free hands wait for more of them before they claim. */
const ROOM_WAIT = 50;

/** Claims rows in batches, works on them, renews their leases, and drains. The same for all that is leased. */
export function createWorker<T extends Claimed>(options: WorkerOptions<T>): Worker {
	return new LeaseWorker(options);
}

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
			const given = held.reason() === 'drain' || held.reason() === 'fenced';
			if (!isStoreTrouble(error) || given) throw error;
			await new Promise<void>((resolve) => clock.after(WRITE_AGAIN, resolve));
		}
	}
}

class LeaseWorker<T extends Claimed> implements Worker {
	readonly #options: WorkerOptions<T>;
	readonly #inHand = new Map<string, InHand>();
	/** Whether the store may have more than the last claim brought. */
	#mayBeMore = false;
	#claiming = false;
	#waiting = false;
	/** Of those in hand, how many are worked on; the others wait for the commit of how they went. */
	#working = 0;
	#started = false;
	#draining = false;
	#stopRenewing: () => void = () => undefined;
	#claimed: Promise<void> = Promise.resolve();

	constructor(options: WorkerOptions<T>) {
		this.#options = options;
	}

	get inFlight(): number {
		return this.#inHand.size;
	}

	start(): void {
		this.#started = true;
		this.#renewLater();
		this.poke();
	}

	poke(): void {
		this.#mayBeMore = true;
		this.#claimIfRoomy();
	}

	holds(id: string, epoch: number): boolean {
		return this.#inHand.get(id)?.epoch === epoch;
	}

	async renew(): Promise<void> {
		await this.#renew();
	}

	abort(id: string, reason: AbortReason): void {
		this.#inHand.get(id)?.abort(reason);
	}

	async drain(within: Duration): Promise<void> {
		this.#draining = true;
		await this.#claimed;
		const over = Promise.withResolvers<void>();
		const cancel = this.#options.clock.after(within, over.resolve);
		await Promise.race([this.#settled(), over.promise]);
		cancel();
		for (const held of this.#inHand.values()) held.abort('drain');
		await this.#settled();
		this.#started = false;
		this.#stopRenewing();
	}

	async #settled(): Promise<void> {
		await Promise.allSettled([...this.#inHand.values()].map(({ done }) => done));
	}

	get #free(): number {
		return this.#draining ? 0 : this.#options.capacity - this.#working;
	}

	/**
	 * A small claim costs as much as a large one, so with full hands it waits until an eighth is free, but not
	 * for long: what is in hand may hang until its timeout.
	 */
	get #roomy(): boolean {
		const free = this.#free;
		return free > 0 && (free >= this.#options.capacity / 8 || this.#working === 0);
	}

	#claimIfRoomy(): void {
		if (!this.#started || this.#draining || this.#claiming) return;
		if (!this.#mayBeMore || this.#free === 0) return;
		if (this.#roomy) this.#claimed = this.#claim();
		else this.#claimSoon();
	}

	#claimSoon(): void {
		if (this.#waiting) return;
		this.#waiting = true;
		this.#options.clock.after(ROOM_WAIT, () => {
			this.#waiting = false;
			if (this.#mayBeMore && !this.#claiming && this.#free > 0) this.#claimed = this.#claim();
		});
	}

	async #claim(): Promise<void> {
		const { claim, log, name, clock, most = () => Infinity } = this.#options;
		this.#claiming = true;
		try {
			do {
				// A store that finds nothing may not even ask: then there is no more.
				let asked = Infinity;
				const claimedAt = clock.monotonic();
				this.#mayBeMore = false;
				const items = await claim(() => (asked = Math.min(this.#free, most())));
				if (items.length === asked) this.#mayBeMore = true;
				for (const item of items) this.#take(item, claimedAt);
			} while (this.#mayBeMore && this.#roomy);
		} catch (error) {
			// The next poke, or the loop's own look, tries again.
			log.error(`claiming ${name} failed`, { error: asError(error) });
		} finally {
			this.#claiming = false;
		}
	}

	#take(item: T, claimedAt: number): void {
		if (this.#draining) {
			this.#options.letGo?.(item);
			void this.#options.release(item).catch((error: unknown) => {
				this.#options.log.error(`releasing ${this.#options.name} failed`, {
					error: asError(error),
				});
			});
			return;
		}
		const { clock, lease } = this.#options;
		const held = new InHand(item.epoch, {
			clock,
			leaseUntil: claimedAt + lease * (1 - LEASE_MARGIN),
			workDone: () => {
				this.#working--;
				this.#options.letGo?.(item);
				this.#claimIfRoomy();
			},
		});
		this.#working++;
		// Its lease ended while it was in hand here (the process was stopped), and it was claimed anew.
		this.#inHand.get(item.id)?.abort('fenced');
		this.#inHand.set(item.id, held);
		held.done = this.#work(item, held);
	}

	async #work(item: T, held: InHand): Promise<void> {
		try {
			await this.#options.work(item, held);
		} catch (error) {
			// The lease ends by itself, and the sweeper takes the row up again.
			this.#options.log.error(`${this.#options.name} failed`, {
				id: item.id,
				error: asError(error),
			});
		} finally {
			if (this.#inHand.get(item.id) === held) this.#inHand.delete(item.id);
			held.workDone();
			this.#claimIfRoomy();
		}
	}

	#renewLater(): void {
		const { clock, lease } = this.#options;
		this.#stopRenewing = clock.after(lease / 3, () => {
			void this.#renew().finally(() => {
				if (this.#started) this.#renewLater();
			});
		});
	}

	async #renew(): Promise<void> {
		const { renew, clock, lease, log, name } = this.#options;
		if (this.#inHand.size === 0) return;
		const held = [...this.#inHand].map(([id, { epoch }]) => ({ id, epoch }));
		const asked = clock.monotonic();
		try {
			const kept = await renew(held);
			for (const { id, epoch } of held) {
				const inHand = this.#inHand.get(id);
				if (inHand?.epoch !== epoch) continue;
				if (kept.has(id)) inHand.leaseUntil = asked + lease * (1 - LEASE_MARGIN);
				else inHand.abort('fenced');
			}
		} catch (error) {
			log.error(`renewing the leases of ${name} failed`, { error: asError(error) });
		}
	}
}

function asError(error: unknown): Error {
	return error instanceof Error ? error : new Error(String(error));
}

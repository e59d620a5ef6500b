import type { Clock } from '../clock.ts';
import type { Duration } from '../contract/time.ts';
import type { Logger } from '../observe/observe.port.ts';
import { Ahead } from './ahead.ts';
import type { AbortReason, Held } from './in-hand.ts';
import { InHand } from './in-hand.ts';
import { writeSafely } from './write-safely.ts';

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
	/**
	 * Given, some are claimed before there is a hand for them: as many as became free while the last claim was made,
	 * so that hands need not wait for the commit of the next. It says how urgent one is: the highest begin first.
	 * Default: none are claimed ahead.
	 */
	ahead?: (item: T) => number;
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
	release: (item: T) => Promise<unknown>;
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

class LeaseWorker<T extends Claimed> implements Worker {
	readonly #options: WorkerOptions<T>;
	readonly #inHand = new Map<string, InHand>();
	/** Whether the store may have more than the last claim brought. */
	#mayBeMore = false;
	#claiming = false;
	#waiting = false;
	/** Of those in hand, how many are worked on; the others wait for a hand, or for the commit of how they went. */
	#working = 0;
	readonly #ahead: Ahead<T>;
	/** How often a hand became free. */
	#freed = 0;
	#started = false;
	#draining = false;
	#stopRenewing: () => void = () => undefined;
	#claimed: Promise<void> = Promise.resolve();

	constructor(options: WorkerOptions<T>) {
		this.#options = options;
		this.#ahead = new Ahead(options.clock, {
			urgencyOf: options.ahead ?? (() => 0),
			onStuck: () => {
				this.#ahead.most = 0;
				this.#mayBeMore = true;
				this.#giveBackAhead();
			},
		});
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
		this.#giveBackAhead();
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

	/** How many may be claimed now. */
	get #room(): number {
		if (this.#draining) return 0;
		const most = this.#options.capacity + this.#ahead.most;
		return Math.max(0, most - this.#working - this.#ahead.size);
	}

	/**
	 * A small claim costs as much as a large one, so with full hands it waits until an eighth is free, but not
	 * for long: what is in hand may hang until its timeout.
	 */
	get #roomy(): boolean {
		const room = this.#room;
		return room > 0 && (room >= this.#options.capacity / 8 || this.#working === 0);
	}

	#claimIfRoomy(): void {
		if (!this.#started || this.#draining || this.#claiming) return;
		if (!this.#mayBeMore || this.#room === 0) return;
		if (this.#roomy) this.#claimed = this.#claim();
		else this.#claimSoon();
	}

	#claimSoon(): void {
		if (this.#waiting) return;
		this.#waiting = true;
		this.#options.clock.after(ROOM_WAIT, () => {
			this.#waiting = false;
			if (this.#mayBeMore && !this.#claiming && this.#room > 0) this.#claimed = this.#claim();
		});
	}

	async #claim(): Promise<void> {
		const { claim, log, name, clock, capacity, most = () => Infinity, ahead } = this.#options;
		this.#claiming = true;
		try {
			do {
				// A store that finds nothing may not even ask: then there is no more.
				let asked = Infinity;
				const claimedAt = clock.monotonic();
				this.#mayBeMore = false;
				const freed = this.#freed;
				const items = await claim(() => (asked = Math.min(this.#room, most())));
				const full = items.length === asked;
				if (full) this.#mayBeMore = true;
				this.#ahead.learn(ahead !== undefined && full ? this.#freed - freed : 0, capacity);
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
		const { clock, lease, capacity, letGo } = this.#options;
		const held = new InHand(item.epoch, {
			clock,
			leaseUntil: claimedAt + lease * (1 - LEASE_MARGIN),
			workDone: () => {
				this.#working--;
				this.#freed++;
				letGo?.(item);
				this.#beginNext();
				this.#claimIfRoomy();
			},
		});
		// Its lease ended while it was in hand here (the process was stopped), and it was claimed anew.
		this.#inHand.get(item.id)?.abort('fenced');
		this.#inHand.set(item.id, held);
		if (this.#draining) held.done = this.#giveBack(item, held);
		else if (this.#working < capacity) this.#begin(item, held);
		else this.#ahead.push(item, held);
	}

	#begin(item: T, held: InHand): void {
		this.#working++;
		held.done = this.#work(item, held);
	}

	#beginNext(): void {
		const next = this.#ahead.next();
		if (next !== undefined) this.#begin(next.item, next.held);
	}

	#giveBackAhead(): void {
		for (const { item, held } of this.#ahead.takeAll()) held.done = this.#giveBack(item, held);
	}

	/** Claimed, and not begun. */
	async #giveBack(item: T, held: InHand): Promise<void> {
		const { letGo, release, log, name } = this.#options;
		letGo?.(item);
		try {
			await writeSafely(this.#options, held, async () => release(item));
		} catch (error) {
			// The lease ends by itself.
			log.error(`releasing ${name} failed`, { error: asError(error) });
		} finally {
			if (this.#inHand.get(item.id) === held) this.#inHand.delete(item.id);
		}
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

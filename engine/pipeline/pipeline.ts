import type { Role } from '../contract/roles.ts';
import type { Duration, Instant } from '../contract/time.ts';
import type { TimerName } from '../stores/store.port.ts';
import { allEnded } from './all-ended.ts';
import type { Context } from './context.ts';
import { hasRole } from './context.ts';
import { createDeliveryWorker } from './deliver.ts';
import { tellAlerts } from './tell-alerts.ts';
import { createRunWorker } from './dispatch.ts';
import { createNotificationWorker } from './notify.ts';
import { occur } from './occur.ts';
import { retime } from './retime.ts';
import { settleDueSlas } from './sla.ts';
import { healTimers, settleDueRuns, sweep, takeOver } from './sweep.ts';

/*
 * The way of a schedule through the engine, a file a stage:
 *
 *   accept    validate, resolve, store the schedule and its timer in one commit       accept.ts
 *   occur     what each due instant becomes: ledger rows, runs, the next timer        occur.ts
 *   dispatch  claim runs that are ready, under a lease with an epoch                  dispatch.ts, worker.ts
 *   session   one attempt: envelope out, answer in, result kept, run settled          session.ts, callbacks.ts
 *   format    the result as a file, rendered once                                     artifact.ts
 *   deliver   the file to its destinations (push), or a result link (pull)            deliver.ts, pull.ts
 *   notify    the signed callback to the user                                         notify.ts
 *   sla       whether it was all in time                                              sla.ts
 *   retime    what is due next when a calendar or the zone data has changed           retime.ts
 *   sweep     what a crash left                                                       sweep.ts
 */

export interface Pipeline {
	/** Takes up what an earlier engine left, then begins. */
	start(): Promise<void>;
	/** One round of upkeep; called by maintenance. */
	sweep(): Promise<void>;
	/** Stops taking up work, waits, breaks off, and gives back what was not begun. */
	drain(within: Duration): Promise<void>;
	readonly inFlight: { runs: number; deliveries: number; notifications: number };
}

/** How long the alarm sleeps at most: other engines may set timers, and clocks jump. */
const LONGEST_SLEEP: Duration = 5_000;
/** And at least, so as not to spin, while what is due cannot be taken. */
const STUCK_SLEEP: Duration = 25;
const AFTER_FAILURE: Duration = 1_000;

export function createPipeline(ctx: Context): Pipeline {
	const runs = createRunWorker(ctx);
	const deliveries = createDeliveryWorker(ctx, {
		onClaimed: () => {
			alarm.lookPastTaken();
		},
	});
	const notifications = createNotificationWorker(ctx);
	const workers = [runs, deliveries, notifications];
	const [schedules, works] = [hasRole(ctx, 'scheduler'), hasRole(ctx, 'worker')];
	const alerts = createTeller(ctx);
	// Without `start`, workers take nothing.
	const pokeWorkers = (): void => {
		for (const worker of workers) worker.poke();
	};
	const alarm = new Alarm(ctx, {
		timers: timersOf(ctx),
		async ring() {
			const more = schedules && (await decideDue(ctx));
			if (works) alerts.poke();
			pokeWorkers();
			return more;
		},
	});
	ctx.wake.onPoke(() => {
		pokeWorkers();
		alarm.setSoon();
	});
	ctx.wake.onAbort((id, reason) => {
		runs.abort(id, reason);
	});
	return {
		async start() {
			if (schedules) await takeUp();
			if (works) for (const worker of workers) worker.start();
			// One that only answers the API has nothing to wait for.
			if (schedules || works) alarm.start();
		},
		sweep: async () => {
			// Leases first: after a standstill they may look lost although the work is in hand here.
			await Promise.all(workers.map(async (worker) => worker.renew()));
			await sweep(ctx, { runs, deliveries, notifications });
		},
		async drain(within) {
			// At once: none may take up anything while another waits for the store.
			const drained = workers.map(async (worker) => worker.drain(within));
			await allEnded([...drained, alarm.stop(), alerts.stop()]);
		},
		get inFlight() {
			return {
				runs: runs.inFlight,
				deliveries: deliveries.inFlight,
				notifications: notifications.inFlight,
			};
		},
	};

	async function takeUp(): Promise<void> {
		if (ctx.store.exclusive) {
			const taken = await takeOver(ctx, { except: ctx.engineId });
			if (taken > 0) ctx.log.info('took up what an earlier engine left', { taken });
		}
		// Before anything is due: newer zone data may have moved it.
		const moved = await retime(ctx, { zoneData: true });
		if (moved > 0) ctx.log.info('worked out again when schedules are due', { schedules: moved });
		await healTimers(ctx);
	}
}

/** @returns whether there is more */
async function decideDue(ctx: Context): Promise<boolean> {
	const moreOccurs = await occur(ctx);
	const moreRuns = await settleDueRuns(ctx);
	const moreSlas = await settleDueSlas(ctx);
	return moreOccurs || moreRuns || moreSlas;
}

const TIMERS_OF: Record<Role, readonly TimerName[]> = {
	api: [],
	scheduler: ['schedule.due', 'run.retry', 'run.deadline', 'run.sla'],
	worker: ['delivery.due', 'notification.due'],
};

/** The timers that this engine has to do with: others are not its to wait for. */
function timersOf({ settings }: Context): TimerName[] {
	return settings.roles.flatMap((role) => TIMERS_OF[role]);
}

/** How far looks at what alerts are due are apart at least: the alarm rings with every run that ends. */
const LOOKS_APART: Duration = 250;

/** Tells alerts beside all else: who is told may be slow. One round at a time. */
function createTeller(ctx: Context): { poke(): void; stop(): Promise<void> } {
	let round: Promise<void> | null = null;
	let lookedAt = Number.NEGATIVE_INFINITY;
	let cancelLook: (() => void) | null = null;
	const stopping = new AbortController();
	const { signal } = stopping;
	const tell = async (): Promise<void> => {
		lookedAt = ctx.clock.monotonic();
		try {
			while (!signal.aborted && (await tellAlerts(ctx, signal)));
		} catch (error) {
			ctx.metrics.count('capscheduler_faults_total', { where: 'alerts' });
			ctx.log.error('telling alerts failed', { error: error instanceof Error ? error : undefined });
		} finally {
			round = null;
		}
	};
	function poke(): void {
		if (signal.aborted || cancelLook !== null) return;
		const wait = lookedAt + LOOKS_APART - ctx.clock.monotonic();
		if (wait <= 0) {
			round ??= tell();
			return;
		}
		cancelLook = ctx.clock.after(wait, () => {
			cancelLook = null;
			poke();
		});
	}
	return {
		poke,
		async stop() {
			stopping.abort();
			cancelLook?.();
			await round;
		},
	};
}

/** Rings when the earliest timer in the store is due, and when it is told that something may be. */
class Alarm {
	readonly #ctx: Context;
	/** @returns whether it is to be rung again at once */
	readonly #ring: () => Promise<boolean>;
	readonly #timers: readonly TimerName[];
	#stopped = true;
	#asked = false;
	#wakeUp: () => void = () => undefined;
	#running: Promise<void> = Promise.resolve();
	/** The earliest timer after the last ring. */
	#earliest: Instant | null = null;
	/** Whether that timer is due, and a worker is to take it. */
	#stuck = false;

	constructor(
		ctx: Context,
		{ ring, timers }: { ring: () => Promise<boolean>; timers: readonly TimerName[] },
	) {
		this.#ctx = ctx;
		this.#ring = ring;
		this.#timers = timers;
	}

	start(): void {
		this.#stopped = false;
		this.#running = this.#run();
	}

	setSoon(): void {
		this.#asked = true;
		this.#wakeUp();
	}

	/** A worker took something: if its timer hid those behind it, they are looked at. */
	lookPastTaken(): void {
		if (this.#stuck) this.setSoon();
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		this.#wakeUp();
		await this.#running;
	}

	async #run(): Promise<void> {
		while (this.#isOn()) {
			this.#asked = false;
			const next = await this.#ringOnce();
			await this.#sleepUntil(next);
		}
	}

	/** @returns when to ring again */
	async #ringOnce(): Promise<Instant> {
		const rungAt = this.#ctx.clock.now();
		try {
			return (await this.#ring()) ? rungAt : await this.#next(rungAt);
		} catch (error) {
			this.#ctx.metrics.count('capscheduler_faults_total', { where: 'alarm' });
			this.#ctx.log.error('looking for what is due failed', {
				error: error instanceof Error ? error : new Error(String(error)),
			});
			return this.#ctx.clock.now() + AFTER_FAILURE;
		}
	}

	// Both change while awaiting, which narrowing does not see.
	#isOn(): boolean {
		return !this.#stopped;
	}

	/** The duration is worked out as the clock is set: whatever took time before is no part of it. */
	async #sleepUntil(next: Instant): Promise<void> {
		const duration = Math.min(LONGEST_SLEEP, next - this.#ctx.clock.now());
		if (this.#asked || this.#stopped || duration <= 0) {
			// Others get their turn all the same.
			await new Promise((resolve) => setImmediate(resolve));
			return;
		}
		const awake = Promise.withResolvers<void>();
		const cancel = this.#ctx.clock.after(duration, awake.resolve);
		this.#wakeUp = awake.resolve;
		await awake.promise;
		cancel();
	}

	async #next(rungAt: Instant): Promise<Instant> {
		const next = await this.#ctx.store.nextTimerAt(this.#timers);
		this.#stuck = false;
		if (next === null) return Number.POSITIVE_INFINITY;
		// A timer that the ring left due waits for a worker whose hands are full; it takes it by itself. One that
		// became due since then has not been looked at: the store may have kept us waiting for the disk.
		this.#stuck = next <= rungAt && next === this.#earliest;
		this.#earliest = next;
		return this.#stuck ? this.#ctx.clock.now() + STUCK_SLEEP : next;
	}
}

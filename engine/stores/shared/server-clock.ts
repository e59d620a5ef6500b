import type { Clock } from '../../clock.ts';
import type { Duration, Instant } from '../../contract/time.ts';

/**
 * The clock of the database, so that all engines that share it mean the same by an instant: what is due, and when
 * a lease ends, does not depend on how an engine's own clock is set, or jumps. Between two measurements time
 * goes by this process's monotonic clock. Before the first, it is the machine's clock.
 */
export interface ServerClock extends Clock {
	/** Asks for the server's time and goes by it from then on. Called again and again: clocks drift apart. */
	sync(ask: () => Promise<Instant>): Promise<void>;
	/** How far the server's clock is ahead of this machine's, in milliseconds. */
	readonly ahead: Duration;
	/** Of the last measurement: the half of how long the answer took. Null before the first. */
	readonly uncertainty: Duration | null;
}

/** The answer that came fastest says most. */
const SAMPLES = 3;

export function createServerClock(machine: Clock): ServerClock {
	/** The server's time minus the monotonic clock's. */
	let base: number | null = null;
	let uncertainty: Duration | null = null;

	const now = (): Instant =>
		base === null ? machine.now() : Math.floor(base + machine.monotonic());

	return {
		now,
		monotonic: () => machine.monotonic(),
		after: (delay, call) => machine.after(delay, call),
		get ahead() {
			return now() - machine.now();
		},
		get uncertainty() {
			return uncertainty;
		},
		async sync(ask) {
			let best: { base: number; uncertainty: Duration } | null = null;
			for (let i = 0; i < SAMPLES; i++) {
				const before = machine.monotonic();
				const at = await ask();
				const after = machine.monotonic();
				const half = (after - before) / 2;
				if (best === null || half < best.uncertainty) {
					best = { base: at - (before + after) / 2, uncertainty: half };
				}
			}
			if (best === null) return;
			// What lies within the uncertainty is no news: time would go back for nothing.
			if (base !== null && Math.abs(best.base - base) <= best.uncertainty + 1) return;
			({ base, uncertainty } = best);
		},
	};
}

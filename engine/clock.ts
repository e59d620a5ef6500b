import type { Duration, Instant } from './contract/time.ts';

/** The one home of the wall clock. Everything else gets a `Clock`; tests give their own. */
export interface Clock {
	now(): Instant;
	/** Milliseconds that never go back, for deadlines within this process. */
	monotonic(): number;
	/** Calls once at or after the delay; the result cancels it. Never keeps the process alive. */
	after(delay: Duration, call: () => void): () => void;
}

const MAX_TIMEOUT = 2_147_483_647;

export const systemClock: Clock = {
	now: () => Date.now(),
	monotonic: () => performance.now(),
	after(delay, call) {
		const timer = setTimeout(call, Math.min(Math.max(0, Math.ceil(delay)), MAX_TIMEOUT));
		timer.unref();
		return () => {
			clearTimeout(timer);
		};
	},
};

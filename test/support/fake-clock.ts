import type { Clock } from '../../engine/clock.ts';

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
	/** Moves on by so many milliseconds, and calls what is due by then. */
	advance(milliseconds: number): void;
	/** Moves on to that instant, when it lies ahead. */
	advanceTo(instant: number): void;
}

interface Timer {
	at: number;
	call: () => void;
}

/** @param start default: the first instant of 2027 */
export function createFakeClock(start: number = Date.UTC(2027, 0, 1)): FakeClock {
	let now = start;
	const timers = new Set<Timer>();

	function fire(): void {
		const due = [...timers].filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
		for (const timer of due) if (timers.delete(timer)) timer.call();
	}

	const clock: FakeClock = {
		now: () => now,
		monotonic: () => now - start,
		after(delay, call) {
			const timer = { at: now + Math.max(0, delay), call };
			timers.add(timer);
			// As a real timer: never at once, but without being moved when there is nothing to wait for.
			if (delay <= 0) setImmediate(fire);
			return () => timers.delete(timer);
		},
		advance(milliseconds) {
			now += milliseconds;
			fire();
		},
		advanceTo(instant) {
			if (instant > now) clock.advance(instant - now);
		},
	};
	return clock;
}

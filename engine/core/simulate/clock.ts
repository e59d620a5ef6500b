import type { Duration, Instant } from '../../contract/time.ts';

export interface ClockChange {
	/** By true time. */
	at: Instant;
	/** Forwards, or backwards when negative. */
	by: Duration;
}

/** The clock of a simulated engine, which may be set while time itself goes on. */
export interface SimulatedClock {
	/** What it shows. */
	shows(time: Instant): Instant;
	/** The first instant of true time from `from` on at which it shows `shown` or later. */
	timeOf(shown: Instant, from: Instant): Instant;
}

export function simulatedClock(changes: readonly ClockChange[]): SimulatedClock {
	const sorted = changes.toSorted((a, b) => a.at - b.at);

	function shows(time: Instant): Instant {
		let shown = time;
		for (const { at, by } of sorted) if (at <= time) shown += by;
		return shown;
	}

	return {
		shows,
		timeOf(shown, from) {
			let time = from;
			for (;;) {
				const behind = shown - shows(time);
				if (behind <= 0) return time;
				const change = sorted.find(({ at }) => at > time)?.at ?? Number.POSITIVE_INFINITY;
				if (time + behind < change) return time + behind;
				time = change;
			}
		},
	};
}

import type { Duration, Instant } from '../../contract/time.ts';

/**
 * The first `anchor + n * every` after `after`; n may be negative, as the anchor only sets the phase.
 * Counted from the anchor each time, so it never drifts.
 */
export function nextEvery(every: Duration, anchor: Instant, after: Instant): Instant {
	return anchor + (Math.floor((after - anchor) / every) + 1) * every;
}

import type { Instant } from '../../contract/time.ts';
import { MIN_INSTANT } from '../../contract/time.ts';

/** The first look back, in milliseconds. */
const STEP = 60_000;

/**
 * The last instant before another, of a list that is known only by its walk forwards: looks back in steps
 * that double until something is found, then halves the time that is left. So going back can never disagree
 * with going forwards. About 50 steps of the walk, however dense or sparse the list.
 */
export function lastBefore(
	next: (after: Instant) => Instant | undefined,
	before: Instant,
): Instant | undefined {
	let found: Instant | undefined;
	for (let step = STEP; found === undefined; step *= 2) {
		const from = Math.max(MIN_INSTANT - 1, before - step);
		const first = next(from);
		if (first !== undefined && first < before) found = first;
		else if (from < MIN_INSTANT) return undefined;
	}
	let high = before;
	for (;;) {
		const following = next(found);
		if (following === undefined || following >= before) return found;
		found = following;
		const middle = Math.floor((found + high) / 2);
		const later = next(middle);
		if (later !== undefined && later < before) found = later;
		else high = middle;
	}
}

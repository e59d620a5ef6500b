import type { Instant } from '../../contract/time.ts';
import { MAX_INSTANT, MIN_INSTANT } from '../../contract/time.ts';
import type { Timing } from '../../contract/timing.ts';
import { assertNever } from '../../contract/errors.ts';
import { parseCron } from './cron-pattern.ts';
import { nextCron } from './cron-walk.ts';
import { nextEvery } from './every.ts';

/**
 * The first occurrence later than `after`, within `start` and `end` (both inclusive); `undefined` when the
 * timing is over. A pure function of the timing and the instant. `limit` is the caller's to count.
 */
export function nextAfter(timing: Timing, after: Instant): Instant | undefined {
	const from = Math.max(after, (timing.start ?? MIN_INSTANT) - 1);
	const until = Math.min(timing.end ?? MAX_INSTANT, MAX_INSTANT);
	const next = nextOfKind(timing, from, until);
	return next !== undefined && next > from && next <= until ? next : undefined;
}

/** The first occurrence at `from` or later. */
export function firstFrom(timing: Timing, from: Instant): Instant | undefined {
	return nextAfter(timing, from - 1);
}

/**
 * The first occurrence of a timing that was accepted at `acceptedAt`: after that instant, or at it when
 * that is the `start` that was asked for.
 */
export function firstOccurrence(timing: Timing, acceptedAt: Instant): Instant | undefined {
	return timing.start === acceptedAt
		? firstFrom(timing, acceptedAt)
		: nextAfter(timing, acceptedAt);
}

function nextOfKind(timing: Timing, after: Instant, until: Instant): Instant | undefined {
	switch (timing.kind) {
		case 'cron':
			return nextCron(parseCron(timing.cron), timing.timeZone, { after, until });
		case 'every':
			return nextEvery(timing.every, timing.anchor, after);
		case 'at':
			return timing.at;
		default:
			return assertNever(timing);
	}
}

import type { Duration, Instant } from '../../contract/time.ts';
import type { Jitter } from '../../contract/timing.ts';
import { spread } from '../spread.ts';

/**
 * How long an occurrence is delayed: always the same for the same schedule (or occurrence, where asked), and
 * less than the time to the next instant.
 */
export function delayOf(
	jitter: Jitter | undefined,
	{ seed, at, next }: { seed: string; at: Instant; next: () => Instant | undefined },
): Duration {
	if (jitter === undefined || jitter.max === 0) return 0;
	const following = next();
	const room = following === undefined ? jitter.max : Math.min(jitter.max, following - at);
	return Math.floor(spread(jitter.per === 'schedule' ? seed : `${seed}@${at}`) * room);
}

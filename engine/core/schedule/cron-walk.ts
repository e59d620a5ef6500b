import type { Instant } from '../../contract/time.ts';
import type { DstPolicy } from '../../contract/timing.ts';
import { fits, nextLocal } from './cron-calendar.ts';
import type { CronPattern } from './cron-pattern.ts';
import type { LocalSeries } from './local-instants.ts';
import { nextOfSeries } from './local-instants.ts';
import { endOfGap, pieceAt } from './zone-offsets.ts';

/**
 * Every pattern without years that exists fires within 40 years: 29 February on one weekday, over a century
 * that is no leap year.
 */
const HORIZON = 41 * 366 * 86_400_000;

/**
 * The first instant of the pattern after `after` and not after `until`. What clock changes do is told by
 * `nextOfSeries`; an instant that `gap: skip` drops is told by `missingTime`.
 */
export function nextCron(
	pattern: CronPattern,
	zone: string,
	{ after, until, dst }: { after: Instant; until: Instant; dst?: DstPolicy | undefined },
): Instant | undefined {
	const end = pattern.years === null ? Math.min(until, after + HORIZON) : until;
	return nextOfSeries(seriesOf(pattern), zone, dst, { after, until: end });
}

const series = new WeakMap<CronPattern, LocalSeries>();

/** The pattern as a list of local times in milliseconds. */
function seriesOf(pattern: CronPattern): LocalSeries {
	const known = series.get(pattern);
	if (known !== undefined) return known;
	const made: LocalSeries = {
		everyHour: pattern.everyHour,
		next(from, until) {
			const local = nextLocal(pattern, Math.ceil(from / 1000), Math.floor(until / 1000));
			return local === undefined ? undefined : local * 1000;
		},
	};
	series.set(pattern, made);
	return made;
}

/**
 * The local time, in milliseconds, for which an instant of the pattern stands although the clock never showed
 * it; `undefined` for an instant at which the clock fits the pattern. With `edge`, the first such time.
 */
export function missingTime(
	pattern: CronPattern,
	zone: string,
	{ at, dst = {} }: { at: Instant; dst?: DstPolicy | undefined },
): number | undefined {
	const piece = pieceAt(zone, at);
	if (at >= endOfGap(piece) || fits(pattern, (at + piece.offset) / 1000)) return undefined;
	if (dst.gap !== 'edge') return at + piece.before;
	if (at !== piece.from) return undefined;
	return seriesOf(pattern).next(at + piece.before, endOfGap(piece) + piece.before - 1);
}

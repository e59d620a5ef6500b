import type { Instant } from '../../contract/time.ts';
import type { DstPolicy } from '../../contract/timing.ts';
import type { LocalMillis } from './local-time.ts';
import type { Piece } from './zone-offsets.ts';
import { OFFSET_SPAN, pieceAt } from './zone-offsets.ts';

/**
 * Ascending local times of a rule that knows the calendar but no zone. What clock changes make of them is
 * told here, for all such rules alike.
 */
export interface LocalSeries {
	/** The first local time not before `from`; `undefined` when there is none up to `until` (inclusive). */
	next: (from: LocalMillis, until: LocalMillis) => LocalMillis | undefined;
	/** The rule means every hour, so that it goes on through both where an hour comes twice. */
	everyHour: boolean;
}

interface Range {
	after: Instant;
	until: Instant;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The first instant of the series after `after` and not after `until`. Where clocks jump, `gap` says what
 * becomes of the local times in between; an instant that `skip` drops is given all the same, so that it gets
 * its row in the ledger, and `isDropped` tells. Whether an instant belongs to the list depends on the
 * instant alone, so the list is the same wherever the walk starts.
 */
export function nextOfSeries(
	series: LocalSeries,
	zone: string,
	dst: DstPolicy | undefined,
	{ after, until }: Range,
): Instant | undefined {
	const fold = dst?.fold ?? (series.everyHour ? 'both' : 'first');
	for (let at = after + 1; at <= until;) {
		const piece = pieceAt(zone, at);
		const byClock = firstByClock(series, zone, piece, { at, until, fold });
		const next = Math.min(byClock, firstInGap(series, piece, at, dst));
		if (next < piece.until) return next <= until ? next : undefined;
		at = resume(piece, at, byClock);
	}
	return undefined;
}

/** Nothing fits before `byClock` but what later clock changes may bring; they stay within OFFSET_SPAN. */
function resume(piece: Piece, at: Instant, byClock: Instant): Instant {
	const farFromChange = piece.until - at >= OFFSET_SPAN;
	return farFromChange ? Math.max(piece.until, byClock - OFFSET_SPAN) : piece.until;
}

/** The first instant from `at` on at which the wall clock shows a time of the series. */
function firstByClock(
	series: LocalSeries,
	zone: string,
	piece: Piece,
	{ at, until, fold }: { at: Instant; until: Instant; fold: 'first' | 'last' | 'both' },
): Instant {
	const { from, offset, before } = piece;
	const repeated = offset < before ? from + (before - offset) : from;
	const start = fold === 'first' ? Math.max(at, repeated) : at;
	const found = asInstant(series, offset, start, until);
	if (fold !== 'last' || found >= piece.until) return found;
	const early = firstPass(zone, piece, found);
	return early === undefined ? found : asInstant(series, offset, early, until);
}

function asInstant(series: LocalSeries, offset: number, from: Instant, until: Instant): Instant {
	const local = series.next(from + offset, until + offset + OFFSET_SPAN);
	return local === undefined ? NEVER : local - offset;
}

/** Where the first of two passes ends, if the instant lies in one. */
function firstPass(zone: string, { until, offset }: Piece, at: Instant): Instant | undefined {
	for (let end = until; end - at <= OFFSET_SPAN;) {
		const following = pieceAt(zone, end);
		if (following.offset < offset) {
			return at >= end - (offset - following.offset) ? end : undefined;
		}
		if (following.offset > offset) return undefined;
		end = following.until;
	}
	return undefined;
}

function firstInGap(
	series: LocalSeries,
	piece: Piece,
	at: Instant,
	dst: DstPolicy | undefined,
): Instant {
	const { from, offset, before } = piece;
	const end = from + (offset - before);
	if (offset <= before || at >= end) return NEVER;
	if (dst?.gap === 'edge') {
		if (at > from) return NEVER;
		return series.next(from + before, end + before - 1) === undefined ? NEVER : from;
	}
	const local = series.next(at + before, end + before - 1);
	return local === undefined ? NEVER : local - before;
}

/**
 * The local time for which an instant of the list stands although the clock never showed it; `undefined` when
 * the clock shows a time of the series then anyway. What `gap: skip` drops is told by this.
 */
export function missingLocal(
	series: Pick<LocalSeries, 'next'>,
	zone: string,
	at: Instant,
): LocalMillis | undefined {
	const { from, offset, before } = pieceAt(zone, at);
	if (offset <= before || at >= from + (offset - before)) return undefined;
	const has = (local: LocalMillis): boolean => series.next(local, local) === local;
	return has(at + before) && !has(at + offset) ? at + before : undefined;
}

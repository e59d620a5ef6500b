import type { Instant } from '../../contract/time.ts';
import type { DstPolicy, FoldPolicy } from '../../contract/timing.ts';
import type { LocalMillis } from './local-time.ts';
import type { Piece } from './zone-offsets.ts';
import { endOfFold, endOfGap, OFFSET_SPAN, pieceAt, startOfFold } from './zone-offsets.ts';

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
 * The first instant of the series after `after` and not after `until`. An instant is due when the wall clock
 * shows a time of the series, with rules for clock changes:
 *
 * - gap, a local time that does not exist. `shift`: it keeps the offset of before, so for as long as the gap
 *   is wide after the change, the clock of before counts as well (02:30 fires when the new clock shows
 *   03:30). `edge`: the first instant after the gap stands for all of them. `skip`: as `shift`, but the
 *   instant is to be skipped: it is given all the same, so that it gets its row in the ledger;
 * - fold, a local time that comes twice: counts the first time, the last, or both.
 *
 * All say what an instant is, not how one gets there: the list does not depend on where the walk starts.
 */
export function nextOfSeries(
	series: LocalSeries,
	zone: string,
	dst: DstPolicy | undefined,
	{ after, until }: Range,
): Instant | undefined {
	const fold = foldOf(series, dst);
	for (let at = after + 1; at <= until;) {
		const piece = pieceAt(zone, at);
		const from = fold === 'first' ? Math.max(at, endOfFold(piece)) : at;
		const byClock = firstByOffset(series, piece.offset, { from, until });
		const comesAgain = fold === 'last' && byClock >= startOfFold(zone, piece);
		const next = Math.min(comesAgain ? NEVER : byClock, firstInGap(series, piece, at, dst));
		if (next < piece.until) return next <= until ? next : undefined;
		at = resume(piece, at, byClock);
	}
	return undefined;
}

/** What a local time that comes twice is for such a rule: both for one of every hour unless something else is asked. */
export function foldOf(
	{ everyHour }: Pick<LocalSeries, 'everyHour'>,
	dst: DstPolicy | undefined,
): FoldPolicy {
	return dst?.fold ?? (everyHour ? 'both' : 'first');
}

/** Nothing fits before `byClock` but what later clock changes may bring; they stay within OFFSET_SPAN. */
function resume(piece: Piece, at: Instant, byClock: Instant): Instant {
	const farFromChange = piece.until - at >= OFFSET_SPAN;
	return farFromChange ? Math.max(piece.until, byClock - OFFSET_SPAN) : piece.until;
}

/** The first instant from `from` on at which a clock of that offset shows a time of the series. */
function firstByOffset(
	series: LocalSeries,
	offset: number,
	{ from, until }: { from: Instant; until: Instant },
): Instant {
	const local = series.next(from + offset, until + offset + OFFSET_SPAN);
	return local === undefined ? NEVER : local - offset;
}

function firstInGap(
	series: LocalSeries,
	piece: Piece,
	at: Instant,
	dst: DstPolicy | undefined,
): Instant {
	const { from, before } = piece;
	const end = endOfGap(piece);
	if (at >= end) return NEVER;
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
	const piece = pieceAt(zone, at);
	if (at >= endOfGap(piece)) return undefined;
	const { offset, before } = piece;
	const has = (local: LocalMillis): boolean => series.next(local, local) === local;
	return has(at + before) && !has(at + offset) ? at + before : undefined;
}

import type { Instant } from '../../contract/time.ts';
import type { DstPolicy, FoldPolicy } from '../../contract/timing.ts';
import { fits, nextLocal } from './cron-calendar.ts';
import type { CronPattern } from './cron-pattern.ts';
import type { Piece } from './zone-offsets.ts';
import { OFFSET_SPAN, pieceAt } from './zone-offsets.ts';

/**
 * Every pattern without years that exists fires within 40 years: 29 February on one weekday, over a century
 * that is no leap year.
 */
const HORIZON = 41 * 366 * 86_400_000;

/**
 * The first instant of the pattern after `after` and not after `until`. An instant is due when the wall
 * clock fits the pattern, with rules for clock changes:
 *
 * - gap, a local time that does not exist. `shift`: it keeps the offset of before, so for as long as the gap
 *   is wide after the change, the clock of before counts as well (02:30 fires when the new clock shows
 *   03:30). `edge`: the first instant after the gap stands for all of them. `skip`: as `shift`, but the
 *   instant is to be skipped, which `missingTime` tells;
 * - fold, a local time that comes twice: counts the first time, the last, or both; both for patterns of every
 *   hour unless something else is asked for.
 *
 * All say what an instant is, not how one gets there: the list does not depend on where the walk starts.
 */
export function nextCron(
	pattern: CronPattern,
	zone: string,
	{ after, until, dst = {} }: { after: Instant; until: Instant; dst?: DstPolicy | undefined },
): Instant | undefined {
	let at = (Math.floor(after / 1000) + 1) * 1000;
	const end = pattern.years === null ? Math.min(until, at + HORIZON) : until;
	const fold = foldOf(pattern, dst);
	while (at <= end) {
		const piece = pieceAt(zone, at);
		const from = fold === 'first' ? Math.max(at, endOfFold(piece)) : at;
		const byClock = nextByOffset(pattern, piece.offset, { from, end });
		const comesAgain = fold === 'last' && byClock >= startOfFold(zone, piece);
		const made =
			dst.gap === 'edge' ? nextEdge(pattern, piece, at) : nextShifted(pattern, piece, at);
		const next = Math.min(comesAgain ? Number.POSITIVE_INFINITY : byClock, made);
		if (next < piece.until) return next <= end ? next : undefined;
		at = resume(piece, at, byClock);
	}
	return undefined;
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
	const first = nextByOffset(pattern, piece.before, { from: at, end: endOfGap(piece) });
	return first + piece.before;
}

/** What a local time that comes twice is for this pattern. */
export function foldOf(pattern: CronPattern, dst: DstPolicy = {}): FoldPolicy {
	return dst.fold ?? (pattern.everyHour ? 'both' : 'first');
}

/** Nothing fits before `byClock` but what later clock changes may bring; they stay within OFFSET_SPAN. */
function resume(piece: Piece, at: Instant, byClock: Instant): Instant {
	const farFromChange = piece.until - at >= OFFSET_SPAN;
	return farFromChange ? Math.max(piece.until, byClock - OFFSET_SPAN) : piece.until;
}

function nextByOffset(
	pattern: CronPattern,
	offset: number,
	{ from, end }: { from: Instant; end: Instant },
): Instant {
	const until = (end + offset + OFFSET_SPAN) / 1000;
	const local = nextLocal(pattern, (from + offset) / 1000, until);
	return local === undefined ? Number.POSITIVE_INFINITY : local * 1000 - offset;
}

function nextShifted(pattern: CronPattern, piece: Piece, at: Instant): Instant {
	const gapEnd = endOfGap(piece);
	if (at >= gapEnd) return Number.POSITIVE_INFINITY;
	const shifted = nextByOffset(pattern, piece.before, { from: at, end: gapEnd });
	return shifted < gapEnd ? shifted : Number.POSITIVE_INFINITY;
}

/** The first instant after a gap, when a time in the gap fits. */
function nextEdge(pattern: CronPattern, piece: Piece, at: Instant): Instant {
	if (at > piece.from) return Number.POSITIVE_INFINITY;
	return nextShifted(pattern, piece, at) === Number.POSITIVE_INFINITY
		? Number.POSITIVE_INFINITY
		: piece.from;
}

/** From here to the end of the piece local times come for the first of two times; its end where they do not. */
export function startOfFold(zone: string, piece: Piece): Instant {
	if (piece.until === Number.POSITIVE_INFINITY) return piece.until;
	return piece.until - Math.max(0, piece.offset - pieceAt(zone, piece.until).offset);
}

/** Up to here local times that the clock jumped over are made up for; `from` where it did not jump. */
export function endOfGap({ from, offset, before }: Piece): Instant {
	return offset > before ? from + (offset - before) : from;
}

/** Up to here local times come for the second time; `from` where the clock was not set back. */
export function endOfFold({ from, offset, before }: Piece): Instant {
	return offset < before ? from + (before - offset) : from;
}

import type { Instant } from '../../contract/time.ts';
import { nextLocal } from './cron-calendar.ts';
import type { CronPattern } from './cron-pattern.ts';
import type { Piece } from './zone-offsets.ts';
import { OFFSET_SPAN, pieceAt } from './zone-offsets.ts';

/**
 * Every pattern that exists fires within 40 years: 29 February on one weekday, over a century that is no
 * leap year.
 */
const HORIZON = 41 * 366 * 86_400_000;

/**
 * The first instant of the pattern after `after` and not after `until`. An instant is due when the wall
 * clock fits the pattern, with two rules for clock changes:
 *
 * - gap: a local time that does not exist keeps the offset of before, so for as long as the gap is wide
 *   after the change, the clock of before counts as well (02:30 fires when the new clock shows 03:30);
 * - fold: a local time that comes twice counts the first time only, unless every hour is chosen.
 *
 * Both say what an instant is, not how one gets there: the list does not depend on where the walk starts.
 */
export function nextCron(
	pattern: CronPattern,
	zone: string,
	{ after, until }: { after: Instant; until: Instant },
): Instant | undefined {
	let at = (Math.floor(after / 1000) + 1) * 1000;
	const end = Math.min(until, at + HORIZON);
	while (at <= end) {
		const piece = pieceAt(zone, at);
		const from = pattern.everyHour ? at : Math.max(at, endOfFold(piece));
		const byClock = nextByOffset(pattern, piece.offset, { from, end });
		const shifted = nextShifted(pattern, piece, at);
		const next = Math.min(byClock, shifted);
		if (next < piece.until) return next <= end ? next : undefined;
		at = resume(piece, at, byClock);
	}
	return undefined;
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

/** Up to here local times that the clock jumped over are made up for; `from` where it did not jump. */
export function endOfGap({ from, offset, before }: Piece): Instant {
	return offset > before ? from + (offset - before) : from;
}

/** Up to here local times come for the second time; `from` where the clock was not set back. */
export function endOfFold({ from, offset, before }: Piece): Instant {
	return offset < before ? from + (before - offset) : from;
}

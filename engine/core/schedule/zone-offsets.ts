import type { Duration, Instant } from '../../contract/time.ts';
import { offsetAsker } from '../../contract/zone-offset.ts';

/**
 * UTC offsets of IANA zones, asked of Intl once and kept as tables. Pieces tile time: within one the
 * offset is constant. A table is made per zone and UTC year when it is first needed (about 0.2 ms).
 */
export interface Piece {
	/** Where the offset began, or some instant after that where no clock change is near. */
	from: Instant;
	/** Exclusive; the next clock change or the end of the UTC year. */
	until: Instant;
	/** Local time minus UTC. */
	offset: Duration;
	/** The offset before `from`; the same as `offset` when `from` is no clock change. */
	before: Duration;
}

const DAY = 86_400_000;
/** Farther apart than any two offsets that one zone ever changed between (Samoa changed by 24 h). */
export const OFFSET_SPAN: Duration = 2 * DAY;
/** The shortest time between two clock changes since 1970 was a week (Brazil, October 2000). */
const STEP = 5 * DAY;
const MAX_ZONES = 1000;
const MAX_YEARS = 200;

type AskOffset = (at: Instant) => Duration;

interface ZoneTable {
	ask: AskOffset;
	years: Map<number, Piece[]>;
	/** The piece that was asked for last, and from when on it holds without its year being looked at. */
	latest: Piece;
	latestFrom: Instant;
}

const UTC_PIECE: Piece = {
	from: Number.NEGATIVE_INFINITY,
	until: Number.POSITIVE_INFINITY,
	offset: 0,
	before: 0,
};
const NOWHERE: Piece = { from: 0, until: Number.NEGATIVE_INFINITY, offset: 0, before: 0 };
const tables = new Map<string, ZoneTable>();

/** The piece that holds the instant. The zone must be one that Intl knows. */
export function pieceAt(zone: string, at: Instant): Piece {
	if (zone === 'UTC') return UTC_PIECE;
	const table = tableOf(zone);
	if (at >= table.latestFrom && at < table.latest.until) return table.latest;
	const year = new Date(at).getUTCFullYear();
	let found = NOWHERE;
	for (const piece of piecesOfYear(table, year)) if (piece.from <= at) found = piece;
	table.latest = found;
	table.latestFrom = Math.max(found.from, Date.UTC(year));
	return found;
}

/** Clock changes from one instant (exclusive) to another (inclusive), as the pieces that they begin. */
export function* clockChanges(zone: string, from: Instant, to: Instant): Generator<Piece> {
	for (let piece = pieceAt(zone, from); piece.until <= to;) {
		const next = pieceAt(zone, piece.until);
		if (next.offset !== piece.offset) yield next;
		piece = next;
	}
}

/** Up to here local times that the clock jumped over are made up for; `from` where it did not jump. */
export function endOfGap({ from, offset, before }: Piece): Instant {
	return offset > before ? from + (offset - before) : from;
}

/** Up to here local times come for the second time; `from` where the clock was not set back. */
export function endOfFold({ from, offset, before }: Piece): Instant {
	return offset < before ? from + (before - offset) : from;
}

/** From here to the end of the piece local times come for the first of two times; its end where they do not. */
export function startOfFold(zone: string, { until, offset }: Piece): Instant {
	// A piece may end with the year, and clocks be set back soon after.
	for (let end = until; end - until <= OFFSET_SPAN;) {
		const following = pieceAt(zone, end);
		if (following.offset !== offset) {
			return Math.min(until, end - Math.max(0, offset - following.offset));
		}
		end = following.until;
	}
	return until;
}

function tableOf(zone: string): ZoneTable {
	const known = tables.get(zone);
	if (known) return known;
	if (tables.size >= MAX_ZONES) tables.clear();
	const ask = offsetAsker(zone);
	const table = { ask, years: new Map<number, Piece[]>(), latest: NOWHERE, latestFrom: 0 };
	tables.set(zone, table);
	return table;
}

function piecesOfYear(table: ZoneTable, year: number): Piece[] {
	const known = table.years.get(year);
	if (known) return known;
	if (table.years.size >= MAX_YEARS) table.years.clear();
	// A clock change at the end of the year before still matters for two days.
	const pieces = findPieces(table.ask, Date.UTC(year) - OFFSET_SPAN, Date.UTC(year + 1));
	table.years.set(year, pieces);
	return pieces;
}

function findPieces(ask: AskOffset, start: Instant, end: Instant): Piece[] {
	const pieces: Piece[] = [];
	let from = start;
	let offset = ask(start);
	let before = offset;
	for (let low = start; low < end;) {
		const high = Math.min(low + STEP, end);
		if (ask(high) === offset) {
			low = high;
			continue;
		}
		const change = firstOther(ask, offset, { low, high });
		pieces.push({ from, until: change, offset, before });
		before = offset;
		offset = ask(change);
		from = change;
		low = change;
	}
	if (from < end) pieces.push({ from, until: end, offset, before });
	return pieces;
}

/** Bisects to the second: the offset is `offset` at `low` and another at `high`. */
function firstOther(
	ask: AskOffset,
	offset: Duration,
	{ low, high }: { low: Instant; high: Instant },
): Instant {
	while (high - low > 1000) {
		const middle = low + Math.floor((high - low) / 2000) * 1000;
		if (ask(middle) === offset) low = middle;
		else high = middle;
	}
	return high;
}

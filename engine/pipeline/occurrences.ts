import type { Calendars } from '../contract/calendar.ts';
import { calendarsIn } from '../contract/calendar.ts';
import type { Actor } from '../contract/access.ts';
import { inputError } from '../contract/errors.ts';
import type { ScheduleId } from '../contract/ids.ts';
import type { LedgerRow, Outcome, Schedule } from '../contract/schedule.ts';
import type { Instant } from '../contract/time.ts';
import { MAX_INSTANT, MIN_INSTANT } from '../contract/time.ts';
import type { Ahead, PlannedOccurrence } from '../core/schedule/ahead.ts';
import { aheadOf } from '../core/schedule/ahead.ts';
import { calendarsAt, calendarsOf } from './calendars.ts';
import { findSchedule } from './change-schedule.ts';
import type { Context } from './context.ts';

/** `decided`: whatever became of it; `planned`: what has no outcome yet. */
export type OccurrenceFilter = Outcome | 'decided' | 'planned';

export interface OccurrenceQuery {
	/** Both inclusive. */
	from?: Instant;
	/** With `desc`, now unless given: a list without end has no last item. */
	to?: Instant;
	order: 'asc' | 'desc';
	outcome?: OccurrenceFilter;
	limit: number;
	cursor?: string;
}

export interface OccurrencePage {
	schedule: Schedule;
	items: (LedgerRow | PlannedOccurrence)[];
	nextCursor: string | null;
	/** By row of the ledger, the calendars in the versions by which it was decided. */
	decidedBy: ReadonlyMap<LedgerRow | PlannedOccurrence, Calendars>;
}

/** How many rows of the ledger one page reads at most, when a filter lets few of them through. */
const READ = 5000;
const READ_AT_ONCE = 200;

/**
 * The past from the ledger and the future from the plan, as one list. A position in it is a nominal instant,
 * so it stays where it is while occurrences are decided: one that gets its outcome between two pages is on
 * the first or the second, never on both. A page may hold fewer than `limit` although more follow.
 */
export async function listOccurrences(
	ctx: Context,
	actor: Actor,
	id: ScheduleId,
	query: OccurrenceQuery,
): Promise<OccurrencePage> {
	// First: what is decided from here on is in the ledger too, and the ledger goes before the plan.
	const schedule = await findSchedule(ctx, actor, id);
	const ahead = aheadOf(schedule, await calendarsOf(ctx, schedule));
	const range = rangeOf(query, ctx.clock.now());
	const list = new List(ctx, { schedule, ahead, query, range });
	await (query.order === 'asc' ? list.upwards() : list.downwards());
	const { items, nextCursor } = list;
	return { schedule, items, nextCursor, decidedBy: await decidedBy(ctx, schedule, items) };
}

async function decidedBy(
	ctx: Context,
	schedule: Schedule,
	items: readonly (LedgerRow | PlannedOccurrence)[],
): Promise<Map<LedgerRow | PlannedOccurrence, Calendars>> {
	const found = new Map<LedgerRow | PlannedOccurrence, Calendars>();
	if (calendarsIn(schedule.timing).length === 0) return found;
	for (const item of items) {
		if ('decidedAt' in item) found.set(item, await calendarsAt(ctx, schedule, item.decidedAt));
	}
	return found;
}

interface Range {
	low: Instant;
	high: Instant;
}

function rangeOf({ from, to, order, cursor }: OccurrenceQuery, now: Instant): Range {
	const position = cursor === undefined ? undefined : readCursor(cursor);
	const range = {
		low: from ?? MIN_INSTANT,
		high: to ?? (order === 'desc' ? now : MAX_INSTANT),
	};
	if (position === undefined) return range;
	if (order === 'asc') return { ...range, low: Math.max(range.low, position + 1) };
	// Without `to`, the first page was made at another "now".
	return { ...range, high: Math.min(to ?? MAX_INSTANT, position - 1) };
}

class List {
	readonly items: (LedgerRow | PlannedOccurrence)[] = [];
	nextCursor: string | null = null;
	readonly #ctx: Context;
	readonly #schedule: Schedule;
	readonly #ahead: Ahead;
	readonly #query: OccurrenceQuery;
	readonly #range: Range;

	constructor(
		ctx: Context,
		of: { schedule: Schedule; ahead: Ahead; query: OccurrenceQuery; range: Range },
	) {
		this.#ctx = ctx;
		this.#schedule = of.schedule;
		this.#ahead = of.ahead;
		this.#query = of.query;
		this.#range = of.range;
	}

	async upwards(): Promise<void> {
		const { low, high } = this.#range;
		const decided = await this.#readLedger({ low, high });
		if (!decided.complete) return;
		const after = Math.max(low - 1, decided.last ?? Number.NEGATIVE_INFINITY);
		for (let at = this.#ahead.next(after); this.#planned(at); at = this.#ahead.next(at)) {
			if (!this.#add(this.#ahead.at(at))) return;
		}
	}

	async downwards(): Promise<void> {
		const { low, high } = this.#range;
		let lowest = high + 1;
		for (
			let at = this.#ahead.previous(high + 1);
			this.#planned(at);
			at = this.#ahead.previous(at)
		) {
			if (!this.#add(this.#ahead.at(at))) return;
			lowest = at;
		}
		await this.#readLedger({ low, high: lowest - 1 });
	}

	#planned(at: Instant | undefined): at is Instant {
		const { outcome } = this.#query;
		if (at === undefined || (outcome !== undefined && outcome !== 'planned')) return false;
		return at >= this.#range.low && at <= this.#range.high;
	}

	/** @returns whether the range is read to its end, and its last row */
	async #readLedger({ low, high }: Range): Promise<{ complete: boolean; last?: Instant }> {
		const { order, outcome, limit } = this.#query;
		let last: Instant | undefined;
		let range = { from: low, to: high };
		for (let read = 0; outcome !== 'planned' && read < READ; read += READ_AT_ONCE) {
			const size = outcome === undefined || outcome === 'decided' ? limit : READ_AT_ONCE;
			const { id, tenant } = this.#schedule;
			const page = await this.#ctx.store.listOccurrences(
				tenant,
				id,
				{ ...range, order },
				{ limit: size },
			);
			for (const row of page.items) {
				last = row.nominalAt;
				const fits = outcome === undefined || outcome === 'decided' || row.outcome === outcome;
				if (fits && !this.#add(row)) return { complete: false };
			}
			if (page.nextCursor === null || last === undefined) {
				return { complete: true, ...(last === undefined ? {} : { last }) };
			}
			range = order === 'asc' ? { ...range, from: last + 1 } : { ...range, to: last - 1 };
		}
		if (last !== undefined) this.nextCursor = cursorOf(last);
		return { complete: outcome === 'planned' };
	}

	/** @returns false when the page is full: what was to be added is the first of the next one */
	#add(item: LedgerRow | PlannedOccurrence): boolean {
		const last = this.items.at(-1);
		if (this.items.length === this.#query.limit && last !== undefined) {
			this.nextCursor = cursorOf(last.nominalAt);
			return false;
		}
		this.items.push(item);
		return true;
	}
}

const cursorOf = (at: Instant): string => `n${at.toString(36)}`;

/** @throws CapError INVALID_REQUEST */
function readCursor(cursor: string): Instant {
	const at = /^n[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : Number.NaN;
	if (at >= MIN_INSTANT && at <= MAX_INSTANT) return at;
	throw inputError('INVALID_REQUEST', {
		path: 'cursor',
		expected: 'a cursor that an earlier page gave',
		received: cursor.slice(0, 40),
	});
}

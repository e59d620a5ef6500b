import type { Calendars } from '../../contract/calendar.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { toIso } from '../../contract/time.ts';
import type { Overrides, Timing } from '../../contract/timing.ts';
import { NO_OVERRIDES } from '../../contract/timing.ts';
import { ERA_DAYS } from './civil.ts';
import type { Skip } from './skip.ts';
import { delayOf } from './jitter.ts';
import { lastBefore } from './last-before.ts';
import { nextAfter, skipOf } from './timing.ts';

/**
 * When a schedule is due: its timing, the calendars that it names, and what people did to single
 * occurrences. Everything that asks about instants of a schedule asks here: the pass over what is due,
 * previews, `explain`, `simulate`.
 *
 * An occurrence is named by its nominal instant. Some are to be skipped: they are instants of the plan all
 * the same, and get their row in the ledger.
 */
export interface Plan {
	/** The first nominal instant after, to be skipped or not; `undefined` when the timing is over. */
	next(after: Instant): Instant | undefined;
	/** The last nominal instant before. */
	previous(before: Instant): Instant | undefined;
	/** Why the occurrence at this nominal instant is skipped; null when it is to be run. */
	skip(at: Instant): Skip | null;
	/** Where the occurrence was before somebody moved it here; null when nobody did. */
	movedFrom(at: Instant): Instant | null;
	/** The first after that is to be run; `undefined` when there is none, or none within SEARCHED instants or years. */
	nextLive(after: Instant): Instant | undefined;
	/** When the occurrence is due: its nominal instant and the jitter. Never at or past the next instant. */
	dueAt(at: Instant): Instant;
}

/** How many instants in a row may be skipped before a search for one to run gives up. */
export const SEARCHED = 100_000;
/** And for how long: the calendar repeats itself after 400 years. */
const SEARCHED_SPAN: Duration = ERA_DAYS * 86_400_000;

export interface PlanParts {
	timing: Timing;
	calendars: Calendars;
	overrides?: Overrides;
	/** What jitter depends on: the schedule's id. */
	seed: string;
}

export function planOf({ timing, calendars, overrides = NO_OVERRIDES, seed }: PlanParts): Plan {
	const { skipped, moved } = overrides;
	const moves = moved.map(({ to }) => to).sort((a, b) => a - b);

	function next(after: Instant): Instant | undefined {
		const byTiming = nextAfter(timing, after, calendars);
		const byMove = moves.find((to) => to > after);
		if (byMove === undefined) return byTiming;
		return byTiming === undefined ? byMove : Math.min(byTiming, byMove);
	}

	function skip(at: Instant): Skip | null {
		const act = skipped.find((each) => each.at === at);
		if (act !== undefined) {
			return { outcome: 'skipped_by_user', reason: `skipped by ${act.by}` };
		}
		if (moves.includes(at)) return null;
		const move = moved.find(({ from }) => from === at);
		if (move !== undefined) {
			const reason = `moved to ${toIso(move.to)} by ${move.by}`;
			return { outcome: 'skipped_by_user', reason, movedTo: move.to };
		}
		return skipOf(timing, at, calendars);
	}

	return {
		next,
		previous: (before) => lastBefore(next, before),
		skip,
		movedFrom: (at) => moved.find(({ to }) => to === at)?.from ?? null,
		nextLive(after) {
			let at = next(after);
			const end = (at ?? after) + SEARCHED_SPAN;
			for (let i = 0; at !== undefined && at <= end && i < SEARCHED; i++) {
				const skipped = skip(at);
				if (skipped === null) return at;
				// What was moved by hand may lie among what is skipped.
				const leap = Math.min(skipped.until ?? at + 1, ...moves.filter((to) => to > Number(at)));
				at = next(Math.max(at, leap - 1));
			}
			return undefined;
		},
		dueAt: (at) => at + delayOf(timing.jitter, { seed, at, next: () => next(at) }),
	};
}

export function planOfSchedule(schedule: Schedule, calendars: Calendars): Plan {
	const { timing, overrides, id } = schedule;
	return planOf({ timing, calendars, overrides, seed: id });
}

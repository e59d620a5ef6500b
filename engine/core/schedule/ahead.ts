import type { Calendars } from '../../contract/calendar.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import { MIN_INSTANT } from '../../contract/time.ts';
import { formatLocal } from './local-time.ts';
import { notesAt } from './notes.ts';
import type { Plan } from './plan.ts';
import { planOfSchedule } from './plan.ts';

/** An occurrence that has no outcome yet, as the timing and what is known of the schedule foretell it. */
export interface PlannedOccurrence {
	nominalAt: Instant;
	dueAt: Instant;
	planned: 'run' | 'skip';
	/** Why it is to be skipped. */
	reason: string | null;
	/** Where it was before somebody moved it; null when nobody did. */
	movedFrom: Instant | null;
	notes: string[];
}

/** The occurrences of a schedule that have no outcome yet. */
export interface Ahead {
	/** The first one; `undefined` when nothing is to come. */
	first: Instant | undefined;
	/** The first one after. */
	next(after: Instant): Instant | undefined;
	/** The last one before. */
	previous(before: Instant): Instant | undefined;
	at(nominalAt: Instant): PlannedOccurrence;
}

/**
 * How many occurrences are counted against `limit` at most. Beyond, the list goes on although the schedule
 * would be completed: counting a billion ahead would take minutes.
 */
const COUNTED = 10_000;

export function aheadOf(schedule: Schedule, calendars: Calendars): Ahead {
	const plan = planOfSchedule(schedule, calendars);
	const first = schedule.nextAt ?? undefined;
	const last = lastByLimit(schedule, plan);

	function within(at: Instant | undefined): Instant | undefined {
		return at === undefined || first === undefined || at < first || at > last ? undefined : at;
	}

	return {
		first,
		next(after) {
			if (first === undefined) return undefined;
			return within(after < first ? first : plan.next(after));
		},
		previous(before) {
			if (first === undefined || before <= first) return undefined;
			return within(plan.previous(Math.min(before, last + 1)));
		},
		at(nominalAt) {
			const dueAt = plan.dueAt(nominalAt);
			const reason = plan.skip(nominalAt)?.reason ?? pauseReason(schedule, dueAt);
			const movedFrom = plan.movedFrom(nominalAt);
			return {
				nominalAt,
				dueAt,
				planned: reason === null ? 'run' : 'skip',
				reason,
				movedFrom,
				notes:
					movedFrom === null
						? notesAt(schedule.timing, nominalAt, calendars)
						: [`moved from ${formatLocal(schedule.timing.timeZone, movedFrom)}`],
			};
		},
	};
}

/** Only what nothing but the passing of time can change; what overlap and catch-up will say is not known. */
function pauseReason({ pauses }: Schedule, dueAt: Instant): string | null {
	const pause = pauses.find(({ from, to }) => dueAt >= from && (to === null || dueAt < to));
	if (pause === undefined || (pause.backlog ?? 'skip') !== 'skip') return null;
	return pause.to === null ? 'the schedule is paused' : 'the schedule was paused';
}

/** The occurrence with which the schedule is completed, if every one that can run does. */
function lastByLimit({ timing: { limit }, runsMade, nextAt }: Schedule, plan: Plan): Instant {
	if (limit === undefined || nextAt === null) return Number.POSITIVE_INFINITY;
	const left = limit - runsMade;
	if (left <= 0) return MIN_INSTANT - 1;
	if (left > COUNTED) return Number.POSITIVE_INFINITY;
	let last = plan.nextLive(nextAt - 1);
	for (let count = 1; count < left && last !== undefined; count++) last = plan.nextLive(last);
	return last ?? Number.POSITIVE_INFINITY;
}

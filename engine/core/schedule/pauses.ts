import type { LedgerRow, Pause, Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import type { Jitter } from '../../contract/timing.ts';
import type { Plan } from './plan.ts';

/** What one occurrence becomes. */
export type Decided = Pick<LedgerRow, 'outcome' | 'reason' | 'trigger'> & { movedTo?: Instant };

export const PAUSED: Decided = {
	outcome: 'skipped_paused',
	reason: 'the schedule was paused',
	trigger: 'schedule',
};
/** Of what somebody asked for when the pause ended. */
export const BACKLOG_FIRED: Decided = { outcome: 'fired', reason: null, trigger: 'catch_up' };

/** The time of pause that an instant falls into. */
export function pauseAt({ pauses }: Schedule, at: Instant): Pause | undefined {
	return pauses.find(({ from, to }) => at >= from && (to === null || at < to));
}

/** The first look back from the end of a pause, in milliseconds. */
const LOOK_BACK = 60_000;

/**
 * The last occurrence due within a pause that can run. Looks back from the end in steps that double, since a
 * pause may hold millions.
 */
export function lastOfPause(
	plan: Plan,
	{ from, to }: Pause,
	jitter: Jitter | undefined,
): Instant | undefined {
	const end = to ?? from;
	const earliest = from - (jitter?.max ?? 0);
	for (let reach = LOOK_BACK; ; reach *= 2) {
		const begin = Math.max(earliest, end - reach);
		let found: Instant | undefined;
		let at = plan.next(begin - 1);
		while (at !== undefined && at < end) {
			const dueAt = plan.dueAt(at);
			if (dueAt >= from && dueAt < end && plan.skip(at) === null) found = at;
			at = plan.next(at);
		}
		if (found !== undefined || begin === earliest) return found;
	}
}

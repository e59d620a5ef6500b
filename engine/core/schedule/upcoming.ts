import type { Calendars } from '../../contract/calendar.ts';
import type { Instant } from '../../contract/time.ts';
import { toIso } from '../../contract/time.ts';
import type { Timing, UpcomingOccurrence } from '../../contract/timing.ts';
import { formatLocal } from './local-time.ts';
import { notesAt } from './notes.ts';
import type { Plan } from './plan.ts';

/** The first `count` occurrences at `from` or later that are to be run, as answers show them. */
export function describeUpcoming(
	{ timing, plan, calendars }: { timing: Timing; plan: Plan; calendars: Calendars },
	from: Instant,
	count: number,
): UpcomingOccurrence[] {
	const upcoming: UpcomingOccurrence[] = [];
	let at = plan.nextLive(from - 1);
	while (at !== undefined && upcoming.length < count) {
		const dueAt = plan.dueAt(at);
		const movedFrom = plan.movedFrom(at);
		upcoming.push({
			at: toIso(at),
			local: formatLocal(timing.timeZone, at),
			...(dueAt === at ? {} : { dueAt: toIso(dueAt) }),
			...(movedFrom === null ? {} : { movedFrom: toIso(movedFrom) }),
			notes:
				movedFrom === null
					? notesAt(timing, at, calendars)
					: [`moved from ${formatLocal(timing.timeZone, movedFrom)}`],
		});
		at = plan.nextLive(at);
	}
	return upcoming;
}

import type { Instant } from '../../contract/time.ts';
import { toIso } from '../../contract/time.ts';
import type { Timing, UpcomingOccurrence } from '../../contract/timing.ts';
import { clockNote } from './clock-notes.ts';
import { parseCron } from './cron-pattern.ts';
import { formatLocal } from './local-time.ts';
import type { Plan } from './plan.ts';

/** The first `count` occurrences at `from` or later that are to be run, as answers show them. */
export function describeUpcoming(
	{ timing, plan }: { timing: Timing; plan: Plan },
	from: Instant,
	count: number,
): UpcomingOccurrence[] {
	const upcoming: UpcomingOccurrence[] = [];
	let at = plan.nextLive(from - 1);
	while (at !== undefined && upcoming.length < count) {
		const note =
			timing.kind === 'cron' ? clockNote(parseCron(timing.cron), timing.timeZone, at) : undefined;
		const dueAt = plan.dueAt(at);
		upcoming.push({
			at: toIso(at),
			local: formatLocal(timing.timeZone, at),
			...(dueAt === at ? {} : { dueAt: toIso(dueAt) }),
			notes: note === undefined ? [] : [note],
		});
		at = plan.nextLive(at);
	}
	return upcoming;
}

import type { Instant } from '../../contract/time.ts';
import { toIso } from '../../contract/time.ts';
import type { Timing, UpcomingOccurrence } from '../../contract/timing.ts';
import { clockNote } from './clock-notes.ts';
import { parseCron } from './cron-pattern.ts';
import { formatLocal } from './local-time.ts';
import { firstFrom, nextAfter } from './timing.ts';

/** The first `count` occurrences at `from` or later, as answers show them. */
export function describeUpcoming(
	timing: Timing,
	from: Instant,
	count: number,
): UpcomingOccurrence[] {
	const upcoming: UpcomingOccurrence[] = [];
	let at = firstFrom(timing, from);
	while (at !== undefined && upcoming.length < count) {
		const note =
			timing.kind === 'cron' ? clockNote(parseCron(timing.cron), timing.timeZone, at) : undefined;
		upcoming.push({
			at: toIso(at),
			local: formatLocal(timing.timeZone, at),
			notes: note === undefined ? [] : [note],
		});
		at = nextAfter(timing, at);
	}
	return upcoming;
}

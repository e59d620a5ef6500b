import type { Calendars } from '../../contract/calendar.ts';
import { NO_CALENDARS } from '../../contract/calendar.ts';
import type { Instant } from '../../contract/time.ts';
import type { Timing } from '../../contract/timing.ts';
import { clockNote } from './clock-notes.ts';
import { parseCron } from './cron-pattern.ts';
import { formatLocal } from './local-time.ts';
import { movedFrom } from './timing.ts';

/** What is worth saying of one occurrence: what a clock change does to it, and from where it was moved. */
export function notesAt(
	timing: Timing,
	at: Instant,
	calendars: Calendars = NO_CALENDARS,
): string[] {
	const { timeZone, dst } = timing;
	const notes = movedFrom(timing, at, calendars).map(
		({ from, reason }) => `moved from ${formatLocal(timeZone, from)}: ${reason}`,
	);
	if (timing.kind !== 'cron' || notes.length > 0) return notes;
	const note = clockNote(parseCron(timing.cron, timing), timeZone, { at, dst });
	return note === undefined ? [] : [note];
}

import type { Instant } from '../../contract/time.ts';
import type { Timing } from '../../contract/timing.ts';
import { clockNote } from './clock-notes.ts';
import { parseCron } from './cron-pattern.ts';

/** What is worth saying of one occurrence: what a clock change does to it. */
export function notesAt(timing: Timing, at: Instant): string[] {
	if (timing.kind !== 'cron') return [];
	const note = clockNote(parseCron(timing.cron), timing.timeZone, at);
	return note === undefined ? [] : [note];
}

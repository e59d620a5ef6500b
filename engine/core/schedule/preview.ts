import type { Calendars } from '../../contract/calendar.ts';
import type { Instant } from '../../contract/time.ts';
import { toIso } from '../../contract/time.ts';
import type { Timing } from '../../contract/timing.ts';
import { formatLocal } from './local-time.ts';
import { notesAt } from './notes.ts';
import type { Plan } from './plan.ts';

/** One instant as a preview shows it. */
export interface PreviewedOccurrence {
	at: string;
	/** The wall-clock time in the schedule's zone. */
	local: string;
	/** The same instant on the viewer's clock, where a zone was given. */
	viewerLocal?: string;
	/** When it is due, where jitter delays it and is known. */
	dueAt?: string;
	planned: 'run' | 'skip';
	/** Why it is to be skipped. */
	reason: string | null;
	notes: string[];
}

export interface PreviewOptions {
	/** Instants after this one. */
	after: Instant;
	/** How many at most, with those that are skipped. */
	count: number;
	viewerTimeZone?: string | undefined;
}

/** The next instants of a plan; of `limit` only those that run count. */
export function previewOf(
	{ timing, plan, calendars }: { timing: Timing; plan: Plan; calendars: Calendars },
	{ after, count, viewerTimeZone }: PreviewOptions,
): PreviewedOccurrence[] {
	const found: PreviewedOccurrence[] = [];
	let left = timing.limit ?? Number.POSITIVE_INFINITY;
	for (let at = plan.next(after); at !== undefined && found.length < count; at = plan.next(at)) {
		const skip = plan.skip(at);
		const dueAt = plan.dueAt(at);
		found.push({
			at: toIso(at),
			local: formatLocal(timing.timeZone, at),
			...(viewerTimeZone === undefined ? {} : { viewerLocal: formatLocal(viewerTimeZone, at) }),
			...(dueAt === at ? {} : { dueAt: toIso(dueAt) }),
			planned: skip === null ? 'run' : 'skip',
			reason: skip?.reason ?? null,
			notes: notesAt(timing, at, calendars),
		});
		if (skip === null && --left === 0) break;
	}
	return found;
}

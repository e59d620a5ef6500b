import type { Calendars } from '../../contract/calendar.ts';
import type { RunSpec, Schedule } from '../../contract/schedule.ts';
import { destinationsOf } from '../../contract/destinations-of.ts';
import { namedOf } from './calendars.ts';
import type { Doc } from './documents.ts';
import { keyOf } from './documents.ts';
import { scheduleRows } from './rows.ts';

/** A new schedule, with what it is found by: its labels, the destinations and the calendars that it names. */
export function scheduleDoc(
	schedule: Schedule,
	{ spec, calendars }: { spec: RunSpec; calendars: Calendars | undefined },
): Doc {
	return {
		...scheduleRows.toDoc(schedule),
		tags: tagsOf(schedule),
		uses: [...destinationsOf(spec)],
		named: namedOf(schedule.timing, calendars),
	};
}

export function tagsOf({ labels }: Pick<Schedule, 'labels'>): string[] {
	return Object.entries(labels).map(([key, value]) => tagOf(key, value));
}

export function tagOf(key: string, value: string): string {
	return keyOf(String(key), String(value));
}

import type { Calendar, Calendars } from '../contract/calendar.ts';
import type { Retimed, RetimingDecision } from '../contract/change.ts';
import type { EventDraft } from '../contract/event.ts';
import type { CalendarId, ScheduleId } from '../contract/ids.ts';
import type { Instant } from '../contract/time.ts';
import type { IdempotencyRecord, Once, Page, PageRequest } from './shared.port.ts';

/** Calendars and their versions, and what a change of them does to schedules. A part of the store's port. */
export interface CalendarStore {
	/** The first version of one. */
	createCalendar(
		calendar: Calendar,
		events: EventDraft[],
		once?: IdempotencyRecord,
	): Promise<Once<Calendar> | 'name_taken'>;
	/** Adds a version; it must follow the one in force, and no other may be added in between. */
	replaceCalendar(
		calendar: Calendar,
		events: EventDraft[],
	): Promise<'replaced' | 'not_found' | 'version_differs' | 'name_taken'>;
	/** The version in force, by id or by name. */
	getCalendar(tenant: string, idOrName: string): Promise<Calendar | null>;
	/** The versions in force of those that are there, the deleted ones too: schedules that are over name them. */
	getCalendars(tenant: string, ids: readonly CalendarId[]): Promise<Calendars>;
	getCalendarVersion(tenant: string, id: CalendarId, version: number): Promise<Calendar | null>;
	/** The version that was in force at an instant, of a deleted calendar too; null before the first. */
	getCalendarAt(tenant: string, id: CalendarId, at: Instant): Promise<Calendar | null>;
	/** In force, the newest calendar first. */
	listCalendars(tenant: string, page: PageRequest): Promise<Page<Calendar>>;
	/** The newest version first. */
	listCalendarVersions(tenant: string, id: CalendarId, page: PageRequest): Promise<Page<Calendar>>;
	/** Calendars of all tenants whose days end before a date, for the step that extends them. */
	listCalendarsUntil(date: string, after: CalendarId | null, limit: number): Promise<Calendar[]>;
	/** Refused while schedules that are active or paused name it. Its versions stay. */
	deleteCalendar(
		tenant: string,
		id: CalendarId,
		options: { expected?: number; at: Instant; events: EventDraft[] },
	): Promise<'deleted' | 'not_found' | 'revision_differs' | { usedBy: ScheduleId[] }>;
	/**
	 * Takes up to `limit` schedules whose next instant was worked out with other versions of their calendars than
	 * those in force or, given `zoneData`, with other time zone data; asks `decide` for each, and writes what it
	 * says, all in one commit. @returns how many were taken
	 */
	retime(
		request: { limit: number; zoneData?: string },
		decide: (found: Retimed) => RetimingDecision,
	): Promise<number>;
}

import type { CalendarId } from './ids.ts';
import type { Instant } from './time.ts';

/** A local date, `2027-12-24`. */
export type LocalDate = string;

/** One day that is not as others, usually a holiday. */
export interface CalendarDay {
	date: LocalDate;
	/** For people: `Christmas Day`. */
	name: string;
}

/** Where the days of a calendar come from; kept so that it can be made anew for later years. */
export type CalendarSource =
	| { kind: 'days' }
	| { kind: 'ics'; text: string }
	| { kind: 'holidays'; country: string; region?: string; types: readonly string[] };

/**
 * Days that schedules leave out, keep to or move away from. A version is immutable: a change makes the next
 * one, and what was decided under an earlier one can still be explained.
 */
export interface Calendar {
	id: CalendarId;
	tenant: string;
	name: string;
	title: string | null;
	/** From 1 on; rises with every change. */
	version: number;
	/** Days of the week on which nobody works, Sunday is 0. Only rules about working days ask. */
	weekend: readonly number[];
	/** Ascending by date, each once. */
	days: readonly CalendarDay[];
	/** Inclusive: outside nothing is known, and a day counts as an ordinary one. */
	knownFrom: LocalDate;
	knownUntil: LocalDate;
	source: CalendarSource;
	/** When this version came into force. */
	createdAt: Instant;
}

/** The calendars that a timing names, by id, each in the version in force. */
export type Calendars = ReadonlyMap<string, Calendar>;

/** For timings that name none. */
export const NO_CALENDARS: Calendars = new Map();

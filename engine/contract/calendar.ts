import { z } from 'zod';

import type { CalendarId } from './ids.ts';
import { nameSchema, titleSchema } from './names.ts';
import type { Instant } from './time.ts';
import type { Timing, TimingInput } from './timing.ts';
import { localDateSchema, weekdaySchema } from './timing.ts';
import { listed } from './zod-words.ts';

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

/** Those that a user may have named by name or by id, by their ids alone. */
export function byId(named: ReadonlyMap<string, Calendar>): Calendars {
	return new Map([...named.values()].map((calendar) => [calendar.id, calendar]));
}

/** Each calendar that the timing names, once: by id in one that is kept, as users write it in what they send. */
export function calendarsIn(timing: Pick<Timing, 'exclude' | 'only'>): CalendarId[];
export function calendarsIn(timing: Pick<TimingInput, 'exclude' | 'only'>): string[];
export function calendarsIn({
	exclude = [],
	only = [],
}: Pick<TimingInput, 'exclude' | 'only'>): string[] {
	const named = [
		...exclude.map((each) => ('calendar' in each ? each.calendar : null)),
		...only.map((each) =>
			'calendar' in each ? each.calendar : 'workingDaysOf' in each ? each.workingDaysOf : null,
		),
	];
	return [...new Set(named.filter((calendar) => calendar !== null))];
}

/** Days of one calendar at most. */
export const MAX_CALENDAR_DAYS = 10_000;
/** Characters of iCalendar text at most. */
export const MAX_ICS = 1_000_000;

/** Kinds of public holidays, as `date-holidays` sorts them. */
export const HOLIDAY_TYPES = ['public', 'bank', 'school', 'optional', 'observance'] as const;

/** What a day is called that was given without a name. */
const UNNAMED = 'a day off';

const SOURCES = ['days', 'ics', 'holidays'] as const;

export const calendarInputSchema = z
	.strictObject({
		name: nameSchema.describe('Timings name it by this, or by its id.'),
		title: titleSchema.optional().describe('For people.'),
		weekend: z
			.array(weekdaySchema)
			.max(6)
			.default(['sat', 'sun'])
			.describe(
				'Days of the week on which nobody works; what moves to working days and `workingDaysOf` ask.',
			),
		days: z
			.array(
				z.strictObject({
					date: localDateSchema,
					name: titleSchema.default(UNNAMED).describe('For people: `Christmas Day`.'),
				}),
			)
			.max(MAX_CALENDAR_DAYS)
			.optional()
			.describe('The days by hand.'),
		ics: z
			.string()
			.min(1)
			.max(MAX_ICS)
			.optional()
			.describe(
				'The text of an iCalendar file (RFC 5545): its all-day events, those that recur until ten years ahead.',
			),
		holidays: z
			.strictObject({
				country: z
					.string()
					.min(1)
					.max(60)
					.describe('ISO 3166 code, see `GET /v1/holidays`.')
					.meta({ examples: ['DE'] }),
				region: z
					.string()
					.min(1)
					.max(60)
					.optional()
					.meta({ examples: ['BY'] }),
				types: z
					.array(z.enum(HOLIDAY_TYPES))
					.min(1)
					.max(HOLIDAY_TYPES.length)
					.default(['public'])
					.describe('Which kinds count.'),
			})
			.optional()
			.describe('The public holidays of a country or a region of it.'),
	})
	.superRefine((input, context) => {
		const sent = SOURCES.filter((source) => input[source] !== undefined);
		if (sent.length === 1) return;
		context.addIssue({
			code: 'custom',
			path: [],
			message: 'exactly one of "days", "ics" and "holidays"',
			params: { received: sent.length === 0 ? 'none' : listed(sent) },
		});
	})
	.meta({
		id: 'CalendarInput',
		oneOf: SOURCES.map((source) => ({ required: [source] })),
	});

export type CalendarInput = z.output<typeof calendarInputSchema>;

import { z } from 'zod';

import type { CalendarId } from './ids.ts';
import { durationSchema, instantSchema } from './time.ts';
import type { Duration, Instant } from './time.ts';

/*
 * The timing as a user writes it (zod schemas), and as the engine keeps it (types): resolved, checked, and a
 * pure function of itself and of the calendars that it names.
 */

export const DIALECTS = ['vixie', 'quartz'] as const;
export const DAY_MATCH = ['either', 'both'] as const;
export const MONTH_ENDS = ['clamp', 'skip'] as const;
export const GAP_POLICIES = ['shift', 'edge', 'skip'] as const;
export const FOLD_POLICIES = ['first', 'last', 'both'] as const;
export const HOLIDAY_RULES = ['skip', 'next_working_day', 'previous_working_day'] as const;

export type GapPolicy = (typeof GAP_POLICIES)[number];
export type FoldPolicy = (typeof FOLD_POLICIES)[number];
export type HolidayRule = (typeof HOLIDAY_RULES)[number];

const MAX_DATES = 1000;

const cronText = z
	.string()
	.min(1)
	.max(200)
	.meta({ examples: ['0 9 * * 1-5'] });

/** `1 month`, `P3M`, `2 years`: counted by the calendar, not by the clock. */
const periodText = z
	.string()
	.max(40)
	.regex(/^(?:P\d{1,4}[MY]|\s*\d{1,4}\s*(?:months?|years?|quarters?)\s*)$/i, {
		// Zod tells of this branch where neither fits.
		error:
			'a duration like "15m", "PT5M" or milliseconds, at most ten years, or a calendar period like "1 month", "P3M" or "1 year"',
	});

export const localDateSchema = z
	.string()
	.regex(/^\d{4}-\d{2}-\d{2}$/, 'a date like 2027-12-24')
	.refine(
		(text) => {
			const at = Date.parse(`${text}T00:00:00Z`);
			return Number.isFinite(at) && new Date(at).toISOString().startsWith(text);
		},
		{ error: 'a date that exists, like 2027-12-24' },
	)
	.meta({ id: 'LocalDate', examples: ['2027-12-24'] });

const clockTimeSchema = z
	.string()
	.regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a time of day like 09:00, at most 24:00')
	.meta({ id: 'ClockTime', examples: ['09:00'] });

export const weekdaySchema = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);
export type Weekday = z.output<typeof weekdaySchema>;

const calendarName = z.string().min(1).max(100).describe('A calendar, by name or id.');

const atSchema = z.string().min(1).max(40);

const ruleFields = {
	cron: cronText
		.optional()
		.describe(
			'5 fields, or 6 with seconds first; `L W # ~ ?` and `@daily` as `docs/timing.md` tells. 6 or 7 in the dialect `quartz`.',
		),
	dialect: z
		.enum(DIALECTS)
		.optional()
		.describe(
			'For `cron`: whose rules; `vixie` unless given. `quartz`: seconds first, year last, Sunday is 1.',
		),
	dayMatch: z
		.enum(DAY_MATCH)
		.optional()
		.describe(
			'For `cron` with day of month and day of week both set: a day that fits `either` (Vixie) or `both` (Quartz).',
		),
	every: z
		.union([durationSchema, periodText])
		.optional()
		.describe(
			'An anchored interval, so that it never drifts: a fixed length (`90m`), or months and years by the calendar (`1 month`).',
		),
	anchor: z
		.string()
		.min(1)
		.max(40)
		.optional()
		.describe(
			'For `every`: occurrences are `anchor + n * every`. An instant, or a local time in `timeZone`. Default `start`, else the instant of acceptance.',
		),
	phase: durationSchema.optional().describe('For `every`: added to the anchor.'),
	monthEnd: z
		.enum(MONTH_ENDS)
		.optional()
		.describe(
			'For `every` in months or years, where a month lacks the day of the anchor: the last day of the month (`clamp`, the default), or none (`skip`).',
		),
	at: z
		.union([atSchema, z.array(atSchema).min(1).max(MAX_DATES)])
		.optional()
		.describe(
			'An instant with offset, or a local time (`2027-01-31T09:00:00`) in `timeZone`; or a list of them.',
		),
	rrule: z
		.string()
		.min(1)
		.max(20_000)
		.optional()
		.meta({
			examples: ['DTSTART;TZID=Europe/Berlin:20270104T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TH'],
		})
		.describe(
			'RFC 5545: RRULE, RDATE, EXDATE and DTSTART, a line each; or only the value of RRULE.',
		),
};

/** One rule of a union. */
const unionRuleSchema = z.strictObject(ruleFields).meta({ id: 'TimingRuleInput' });

export const exclusionSchema = z
	.union(
		[
			z.strictObject({
				calendar: calendarName,
				rule: z
					.enum(HOLIDAY_RULES)
					.default('skip')
					.describe(
						'What becomes of an occurrence on a day of the calendar: dropped, or moved to the next or previous working day at the same local time.',
					),
			}),
			z.strictObject({ dates: z.array(localDateSchema).min(1).max(MAX_DATES) }),
			z.strictObject({
				from: localDateSchema.describe('The first day.'),
				to: localDateSchema.describe('The last day, inclusive.'),
			}),
			z.strictObject({ cron: cronText }),
		],
		{
			error: 'an object with "calendar" (and "rule"), "dates", "from" and "to", or "cron"',
		},
	)
	.meta({ id: 'TimingExclusion' });

export const restrictionSchema = z
	.union(
		[
			z.strictObject({
				weekdays: z.array(weekdaySchema).min(1).max(7).optional(),
				from: clockTimeSchema.optional().describe('Inclusive; 00:00 unless given.'),
				to: clockTimeSchema
					.optional()
					.describe('Exclusive; 24:00 unless given. Before `from`: over midnight.'),
			}),
			z.strictObject({
				workingDaysOf: calendarName.describe('Neither its weekend nor one of its days.'),
			}),
			z.strictObject({ calendar: calendarName.describe('Only its days.') }),
			z.strictObject({ dates: z.array(localDateSchema).min(1).max(MAX_DATES) }),
			z.strictObject({ cron: cronText }),
		],
		{
			error:
				'an object with "weekdays" (mon to sun), "from" and "to", or with one of "workingDaysOf", "calendar", "dates" and "cron"',
		},
	)
	.meta({ id: 'TimingRestriction' });

export const timingInputSchema = z
	.strictObject({
		...ruleFields,
		in: durationSchema.optional().describe('One shot, so long after acceptance.'),
		any: z
			.array(unionRuleSchema)
			.min(1)
			.max(20)
			.optional()
			.describe(
				'A union: due when any of the rules says so; an instant that two give counts once.',
			),
		timeZone: z
			.string()
			.min(1)
			.max(64)
			.optional()
			.meta({ examples: ['Europe/Berlin'] })
			.describe('IANA; `UTC` unless given.'),
		start: instantSchema.optional().describe('Nothing is due before.'),
		end: instantSchema.optional().describe('Nothing is due after.'),
		limit: z
			.number()
			.int()
			.min(1)
			.max(1_000_000_000)
			.optional()
			.describe('The number of runs after which the schedule is completed.'),
		exclude: z
			.array(exclusionSchema)
			.max(20)
			.optional()
			.describe('What is left out, each with a row in the ledger (`skipped_calendar`).'),
		only: z
			.array(restrictionSchema)
			.min(1)
			.max(20)
			.optional()
			.describe('Narrows the rule to what fits any of these; all else is no occurrence.'),
		jitter: z
			.union([
				durationSchema,
				z.strictObject({
					max: durationSchema,
					per: z.enum(['schedule', 'occurrence']).default('schedule'),
				}),
			])
			.optional()
			.describe(
				'Delays what is due by up to so much, never past the next instant: always alike for one schedule, or for each occurrence another.',
			),
		dst: z
			.strictObject({
				gap: z
					.enum(GAP_POLICIES)
					.optional()
					.describe(
						'A local time that does not exist: moved by the width of the gap (`shift`, the default), to the first instant after it (`edge`), or dropped with a row in the ledger (`skip`).',
					),
				fold: z
					.enum(FOLD_POLICIES)
					.optional()
					.describe(
						'A local time that comes twice; `first` unless given, but patterns of every hour go on through both.',
					),
			})
			.optional()
			.describe('What clock changes do.'),
	})
	.meta({ id: 'TimingInput' });

export type TimingInput = z.output<typeof timingInputSchema>;
export type RuleInput = z.output<typeof unionRuleSchema>;

/** The first rules of a timing, without bounds and filters. */
export type Rule =
	/** `~` is replaced by the values that it stands for. */
	| { kind: 'cron'; cron: string; dialect?: 'quartz'; dayMatch?: 'either' | 'both' }
	/** `anchor` has the phase in it. */
	| { kind: 'every'; every: Duration; anchor: Instant }
	/** `anchor` is a local time, `2027-01-31T09:00:00`, with the phase in it. */
	| { kind: 'months'; months: number; anchor: string; monthEnd: 'clamp' | 'skip' }
	| { kind: 'at'; at: Instant }
	/** Ascending, each once. */
	| { kind: 'dates'; dates: Instant[] }
	/** Canonical: lines `DTSTART:…` (local, or with Z in UTC), `RRULE:…`, `RDATE:…`, `EXDATE:…`. */
	| { kind: 'rrule'; rrule: string }
	| { kind: 'any'; rules: Rule[] };

export type Exclusion =
	| { calendar: CalendarId; rule: HolidayRule }
	| { dates: string[] }
	| { from: string; to: string }
	| { cron: string };

export type Restriction =
	| { weekdays?: Weekday[]; from?: string; to?: string }
	| { workingDaysOf: CalendarId }
	| { calendar: CalendarId }
	| { dates: string[] }
	| { cron: string };

export interface Jitter {
	max: Duration;
	per: 'schedule' | 'occurrence';
}

export interface DstPolicy {
	gap?: GapPolicy;
	fold?: FoldPolicy;
}

export interface TimingBounds {
	/** IANA; `UTC` unless given. */
	timeZone: string;
	/** The first instant that may be an occurrence (inclusive). */
	start?: Instant;
	/** The last instant that may be an occurrence (inclusive). */
	end?: Instant;
	/** How many runs the schedule makes at most. */
	limit?: number;
	exclude?: Exclusion[];
	only?: Restriction[];
	jitter?: Jitter;
	dst?: DstPolicy;
	/** What the user wrote, where it is not the rule itself: `every weekday at 09:00`, `~ 3 * * *`. */
	written?: string;
}

/** The timing as the engine keeps it. */
export type Timing = TimingBounds & Rule;

/** What people did to single occurrences of a schedule that have no outcome yet. */
export interface Overrides {
	/** These become `skipped_by_user`. */
	skipped: { at: Instant; by: string }[];
	/** `from` becomes `skipped_by_user`, `to` is an occurrence beside those of the timing. */
	moved: { from: Instant; to: Instant; by: string }[];
}

export const NO_OVERRIDES: Overrides = { skipped: [], moved: [] };

/** One coming occurrence as answers show it. */
export interface UpcomingOccurrence {
	/** The nominal instant. */
	at: string;
	/** The wall-clock time in the schedule's zone with offset: `2027-01-31T09:00:00+01:00[Europe/Berlin]`. */
	local: string;
	/** When it is due, where jitter delays it. */
	dueAt?: string;
	/** Where it was before somebody moved it. */
	movedFrom?: string;
	notes: string[];
}

import { z } from 'zod';

import { plannedFields } from './planned.ts';
import { durationSchema, instantSchema } from './time.ts';
import type { Duration, Instant } from './time.ts';

/** The timing as a user writes it. What is not built yet is no field here, and so is refused, by name where it is planned. */
export const timingInputSchema = z
	.strictObject({
		cron: z
			.string()
			.min(1)
			.max(200)
			.optional()
			.meta({ examples: ['0 9 * * 1-5'] })
			.describe('5 fields, or 6 with seconds first.'),
		every: durationSchema
			.optional()
			.describe('A fixed interval, anchored, so that it never drifts.'),
		anchor: instantSchema
			.optional()
			.describe(
				'For `every`: occurrences are `anchor + n * every`. Default `start`, else the instant of acceptance.',
			),
		at: z
			.string()
			.min(1)
			.max(40)
			.optional()
			.describe('An instant with offset, or a local time (`2027-01-31T09:00:00`) in `timeZone`.'),
		in: durationSchema.optional().describe('One shot, so long after acceptance.'),
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
	})
	.meta({ id: 'TimingInput' })
	.register(plannedFields, {
		planned: [
			...['jitter', 'exclude', 'only', 'rrule', 'any'],
			...['dst', 'dayMatch', 'phase', 'dialect'],
		],
	});

export type TimingInput = z.output<typeof timingInputSchema>;

interface TimingBounds {
	/** IANA; `UTC` unless given. */
	timeZone: string;
	/** The first instant that may be an occurrence (inclusive). */
	start?: Instant;
	/** The last instant that may be an occurrence (inclusive). */
	end?: Instant;
	/** How many runs the schedule makes at most. */
	limit?: number;
}

/** The timing as the engine keeps it: resolved, checked, and a pure function of itself. */
export type Timing = TimingBounds &
	(
		| { kind: 'cron'; cron: string }
		| { kind: 'every'; every: Duration; anchor: Instant }
		| { kind: 'at'; at: Instant }
	);

/** One coming occurrence as answers show it. */
export interface UpcomingOccurrence {
	at: string;
	/** The wall-clock time in the schedule's zone with offset: `2027-01-31T09:00:00+01:00[Europe/Berlin]`. */
	local: string;
	notes: string[];
}

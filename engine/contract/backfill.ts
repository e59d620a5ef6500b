import { z } from 'zod';

import type { BackfillId, ScheduleId } from './ids.ts';
import { jsonObjectSchema } from './json.ts';
import type { RunState } from './run.ts';
import type { Instant } from './time.ts';
import { instantSchema } from './time.ts';

/** How many occurrences one backfill may have: each is a row, and they are made in one commit. */
export const MOST_BACKFILLED = 5000;

export const BACKFILL_ORDERS = ['oldest_first', 'newest_first'] as const;
export const BACKFILL_CHOICES = ['not_fired', 'all'] as const;

/** `POST /v1/schedules/{id}/backfill`. */
export const backfillInputSchema = z
	.strictObject({
		from: instantSchema.describe(
			'The first instant, inclusive; may lie before the schedule was made.',
		),
		to: instantSchema.describe('The last instant, inclusive; not after now.'),
		concurrency: z
			.number()
			.int()
			.min(1)
			.max(100)
			.default(1)
			.describe('How many of its runs go at a time; 1 unless given.'),
		order: z.enum(BACKFILL_ORDERS).default('oldest_first').describe('Which runs go first.'),
		which: z
			.enum(BACKFILL_CHOICES)
			.default('not_fired')
			.describe(
				'`not_fired`: only occurrences without a run of their own, unless an earlier backfill runs or ran them well; `all`: those that have fired too.',
			),
		parameters: jsonObjectSchema
			.optional()
			.describe("Laid over the schedule's parameters, key by key."),
		dryRun: z.boolean().default(false).describe('Only tells what would be run; nothing is made.'),
	})
	.refine(({ from, to }) => from <= to, {
		path: ['to'],
		error: 'an instant not before "from"',
	})
	.meta({ id: 'BackfillInput' });

export type BackfillInput = z.output<typeof backfillInputSchema>;

/** `POST /v1/backfills/{id}/cancel`. */
export const cancelBackfillInputSchema = z
	.strictObject({
		abort: z
			.boolean()
			.default(false)
			.describe('Ends runs that have begun as well; without it they end as they will.'),
	})
	.meta({ id: 'CancelBackfillInput' });

/** `running -> completed`, `running -> cancelling -> cancelled`: over when the last of its runs is. */
export const BACKFILL_STATES = ['running', 'cancelling', 'completed', 'cancelled'] as const;
export type BackfillState = (typeof BACKFILL_STATES)[number];

export type RunCounts = Partial<Record<RunState, number>>;

/** Runs for a range of occurrences of the past, made by hand, beside the schedule's own. */
export interface Backfill {
	id: BackfillId;
	tenant: string;
	scheduleId: ScheduleId;
	capability: string;
	state: BackfillState;
	/** The range that was asked for, both ends inclusive. */
	fromAt: Instant;
	toAt: Instant;
	concurrency: number;
	ordering: (typeof BACKFILL_ORDERS)[number];
	which: (typeof BACKFILL_CHOICES)[number];
	/** How many runs it made. */
	total: number;
	/** How its runs ended; kept when it is over, because runs are not kept as long. Null until then. */
	counts: RunCounts | null;
	/** The key that asked for it. */
	createdBy: string;
	createdAt: Instant;
	endedAt: Instant | null;
}

import { z } from 'zod';

import { count, id, instant, text } from './answers-parts.ts';
import { BACKFILL_CHOICES, BACKFILL_ORDERS, BACKFILL_STATES } from './backfill.ts';

/* What the REST API answers about backfills and acts on many schedules. */

export const backfillSchema = z
	.looseObject({
		id: id('bkf'),
		scheduleId: id('sch'),
		state: z.enum(BACKFILL_STATES),
		from: instant,
		to: instant,
		concurrency: count,
		order: z.enum(BACKFILL_ORDERS),
		which: z.enum(BACKFILL_CHOICES),
		total: count.meta({ description: 'How many runs it made.' }),
		progress: z.looseObject({
			queued: count.meta({ description: 'Not begun, or waiting for another attempt.' }),
			running: count,
			succeeded: count,
			failed: count,
			cancelled: count,
		}),
		createdBy: id('key'),
		createdAt: instant,
		endedAt: instant.nullable(),
	})
	.meta({ id: 'Backfill' });

export const plannedBackfillSchema = z
	.looseObject({
		total: count,
		occurrences: z.array(
			z.looseObject({ at: instant, local: text, windowStart: instant.nullable() }),
		),
	})
	.meta({ id: 'PlannedBackfill' });

export const bulkSchema = z
	.looseObject({
		matched: count.meta({ description: 'Schedules of the selection, in whatever state.' }),
		changed: count,
		ids: z.array(id('sch')).meta({ description: 'Those that were changed.' }),
		failed: z.array(z.looseObject({ id: id('sch'), code: text, message: text })),
	})
	.meta({ id: 'BulkResult' });

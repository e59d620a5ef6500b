import { z } from 'zod';

import type { Duration } from './time.ts';
import { durationSchema } from './time.ts';

export const OVERLAP = ['skip', 'buffer_one', 'buffer_all', 'cancel_other', 'allow_all'] as const;
export const CATCH_UP_MODES = ['latest', 'all', 'none'] as const;
export const RETRY_REASONS = ['timeout', '5xx', '429', 'network'] as const;
export const ON_UNKNOWN = ['retry', 'fail', 'manual'] as const;

export type RetryReason = (typeof RETRY_REASONS)[number];

const hour = 3_600_000;

const keySchema = z
	.string()
	.regex(/^[\w.:/-]{1,100}$/, 'a key of 1 to 100 characters A-Z a-z 0-9 _ . : / -');

/** Given with a mode that never asks for it, a window would be a wish that nothing fulfils. */
const catchUpSchema = z
	.strictObject({
		mode: z
			.enum(CATCH_UP_MODES)
			.default('latest')
			.describe(
				'What became due while no engine ran: the last of it, all of it, or nothing is run.',
			),
		window: durationSchema
			.optional()
			.describe('Instants older than this are missed; 24h unless given.'),
	})
	.refine(({ mode, window }) => mode !== 'none' || window === undefined, {
		path: ['window'],
		error: 'no window with `mode: none`, under which nothing late is run',
	})
	.transform(({ mode, window }): { mode: (typeof CATCH_UP_MODES)[number]; window: Duration } => ({
		mode,
		window: window ?? 24 * hour,
	}));

export const retrySchema = z
	.strictObject({
		attempts: z
			.number()
			.int()
			.min(1)
			.max(50)
			.default(3)
			.describe('How many attempts in all; 1 means no retry.'),
		backoff: z
			.enum(['exponential', 'linear', 'fixed'])
			.default('exponential')
			.describe('How the waits grow from one attempt to the next.'),
		delay: durationSchema
			.default(10_000)
			.describe('The wait before the second attempt; 10s unless given.'),
		maxDelay: durationSchema.default(hour).describe('The longest wait; 1h unless given.'),
		jitter: z
			.boolean()
			.default(true)
			.describe('Spreads waits over the upper half of their length, stable per run and attempt.'),
		on: z
			.array(z.enum(RETRY_REASONS))
			.max(4)
			.default(['timeout', '5xx', '429', 'network'])
			.describe('Which failures are tried again.'),
	})
	.refine((retry) => retry.delay <= retry.maxDelay, {
		path: ['delay'],
		error: 'a delay of at most maxDelay',
	});

export const policiesSchema = z
	.strictObject({
		overlap: z
			.enum(OVERLAP)
			.default('skip')
			.describe(
				'What an occurrence becomes while a run of the same schedule is not over: dropped (`skip`), queued (the last one, or all), in place of the other, or beside it.',
			),
		catchUp: catchUpSchema
			.prefault({})
			.describe('What instants become that passed while no engine ran.'),
		retry: retrySchema.prefault({}).describe('How failed attempts are tried again.'),
		timeout: durationSchema
			.default(300_000)
			.refine((timeout) => timeout >= 100 && timeout <= 7 * 24 * hour, {
				error: 'a duration between 100ms and 7d',
			})
			.describe(
				'How long one attempt may take, asynchronous ones included; 100ms to 7d, 5m unless given.',
			),
		onUnknown: z
			.enum(ON_UNKNOWN)
			.default('retry')
			.describe('What becomes of a run whose engine was lost between the send and the reply.'),
		pauseOnFailure: z
			.union([z.boolean(), z.number().int().min(1).max(1000)])
			.default(false)
			.describe('Pauses the schedule after a failed run, or after that many failed runs in a row.'),
		heartbeat: durationSchema
			.refine((heartbeat) => heartbeat >= 100 && heartbeat < 7 * 24 * hour, {
				error: 'a duration from 100ms to less than 7d',
			})
			.optional()
			.describe(
				'An attempt that gives no sign of life for so long is timed out, whatever is left of `timeout`. Counted from the acceptance (202), or from the first sign of life of a capability that answers in the request; none unless given.',
			),
		priority: z
			.number()
			.int()
			.min(-100)
			.max(100)
			.optional()
			.describe(
				'Of the runs that are ready, those with the highest number go first; -100 to 100, 0 unless given.',
			),
		concurrencyKey: z
			.union([
				keySchema,
				z.strictObject({
					key: keySchema,
					limit: z
						.number()
						.int()
						.min(1)
						.max(1000)
						.default(1)
						.describe('How many runs with the key may go at once; 1 unless given.'),
				}),
			])
			.optional()
			.describe(
				'Runs with the same key, of any schedule of the tenant, go one at a time, or `limit` at once.',
			),
		sla: z
			.strictObject({
				deliveredWithin: durationSchema
					.refine((within) => within >= 1000 && within <= 366 * 24 * hour, {
						error: 'a duration between 1s and 366d',
					})
					.describe('From the instant at which the occurrence is due; 1s to 366d.'),
			})
			.optional()
			.describe(
				'By when the run must have succeeded and all its deliveries be delivered; what is not in time is told, once.',
			),
	})
	.meta({ id: 'PoliciesInput' });

export type Policies = z.output<typeof policiesSchema>;
export type RetryPolicy = Policies['retry'];

/** How many runs with the key of these policies may go at once; null when there is no key. */
export function concurrencyOf({
	concurrencyKey,
}: Pick<Policies, 'concurrencyKey'>): { key: string; limit: number } | null {
	if (concurrencyKey === undefined) return null;
	return typeof concurrencyKey === 'string' ? { key: concurrencyKey, limit: 1 } : concurrencyKey;
}

/** How late an occurrence may be and still count as on time, so that no catch-up policy applies to it. */
export const ON_TIME_WITHIN = 15_000;

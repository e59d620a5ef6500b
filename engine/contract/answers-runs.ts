import { z } from 'zod';

import { count, failureSchema, id, instant, secretsSchema, text } from './answers-parts.ts';
import { DELIVERY_STATES } from './delivery.ts';
import { TRIGGERS } from './envelope.ts';
import { jsonObjectSchema } from './json.ts';
import { NOTIFICATION_STATES, RUN_STATES, SLA_STATES } from './run.ts';

/* What the REST API answers about runs, and what comes of them. */

export const slaSchema = z
	.looseObject({
		dueAt: instant,
		state: z.enum(SLA_STATES),
		settledAt: instant.nullable().meta({ description: 'When it was known.' }),
	})
	.meta({ id: 'Sla', description: 'Whether the run was delivered in time (`policies.sla`).' });

export const runSchema = z
	.looseObject({
		id: id('run'),
		scheduleId: id('sch').nullable(),
		capability: text,
		action: text,
		state: z.enum(RUN_STATES),
		trigger: z.enum(TRIGGERS),
		nominalAt: instant.nullable(),
		movedFrom: instant
			.nullable()
			.meta({ description: 'Where the occurrence was before somebody moved it.' }),
		backfillId: id('bkf').nullable(),
		windowStart: instant.nullable(),
		createdAt: instant,
		readyAt: instant,
		startedAt: instant.nullable(),
		endedAt: instant.nullable(),
		attempt: count.meta({ description: 'Attempts begun so far.' }),
		epoch: count,
		deadlineAt: instant.nullable(),
		beatBy: instant
			.nullable()
			.meta({ description: 'By when the next sign of life must come (`policies.heartbeat`).' }),
		priority: z.number().int(),
		sla: slaSchema.nullable(),
		held: z.boolean().meta({ description: 'It waits for an operator after an unknown outcome.' }),
		resultId: id('res').nullable(),
		error: failureSchema.nullable(),
		progress: jsonObjectSchema.nullable(),
	})
	.meta({ id: 'Run' });

const attemptSchema = z
	.looseObject({
		attempt: count,
		epoch: count,
		startedAt: instant,
		endedAt: instant,
		outcome: text,
		error: failureSchema.nullable(),
	})
	.meta({ id: 'Attempt' });

export const resultSchema = z
	.looseObject({
		id: id('res'),
		contentType: text,
		encoding: z.enum(['ndjson', 'csv', 'json', 'bytes']),
		size: count,
		sha256: text,
		rows: count.nullable(),
		createdAt: instant,
	})
	.meta({ id: 'Result' });

export const linkSchema = z
	.looseObject({
		id: id('lnk'),
		runId: id('run'),
		format: text,
		anyFormat: z.boolean(),
		expiresAt: instant,
		maxUses: count.nullable(),
		uses: count,
		revokedAt: instant.nullable(),
		createdAt: instant,
	})
	.meta({ id: 'Link' });

export const deliverySchema = z
	.looseObject({
		id: id('dlv'),
		runId: id('run'),
		scheduleId: id('sch').nullable(),
		target: text.meta({ description: 'Its place in the list of targets: `0`, a fallback `0.1`.' }),
		destination: text.optional(),
		channel: text.optional(),
		format: text,
		state: z.enum(DELIVERY_STATES),
		attempt: count,
		dueAt: instant,
		createdAt: instant,
		endedAt: instant.nullable(),
		artifact: jsonObjectSchema.nullable(),
		receipt: jsonObjectSchema.nullable().meta({ description: 'What the channel confirmed.' }),
		error: failureSchema.nullable(),
		fallbacksLeft: count,
		priority: z.number().int(),
		deadlineAt: instant
			.nullable()
			.meta({ description: 'Until when it must have been delivered; then it is given up.' }),
	})
	.meta({ id: 'Delivery' });

export const deliveryDetailsSchema = z
	.looseObject({ ...deliverySchema.shape, attempts: z.array(attemptSchema) })
	.meta({ id: 'DeliveryDetails' });

export const notificationSchema = z
	.looseObject({
		id: id('ntf'),
		notify: text,
		state: z.enum(NOTIFICATION_STATES),
		attempt: count,
		dueAt: instant,
		endedAt: instant.nullable(),
		status: count.nullable().meta({ description: 'The HTTP status that the receiver answered.' }),
		error: failureSchema.nullable(),
	})
	.meta({ id: 'Notification' });

export const createdLinkSchema = z
	.looseObject({ link: linkSchema, url: text.meta({ description: 'Shown once.' }) })
	.meta({ id: 'CreatedLink' });

export const runDetailsSchema = z
	.looseObject({
		...runSchema.shape,
		parameters: jsonObjectSchema,
		attempts: z.array(attemptSchema),
		result: resultSchema.nullable(),
		deliveryState: z
			.enum(['none', 'pending', 'delivered', 'partial', 'dead'])
			.meta({ description: 'What became of all targets; `partial`: some got it, some did not.' }),
		deliveries: z.array(deliverySchema),
		notifications: z.array(notificationSchema),
		links: z.array(linkSchema),
		timeline: z.array(z.looseObject({ at: instant, what: text })),
	})
	.meta({ id: 'RunDetails' });

export const replayedSchema = z
	.looseObject({
		matched: count.meta({ description: 'How many the filter met, up to where this call ended.' }),
		replayed: z
			.array(id('dlv'))
			.meta({ description: 'Pending again; with a new target, the deliveries that were made.' }),
		failed: z.array(z.looseObject({ id: id('dlv'), code: text, message: text })),
		nextCursor: text.nullable().meta({ description: 'Null: there are no more.' }),
	})
	.meta({ id: 'ReplayedDeliveries' });

export const discardedSchema = z
	.looseObject({
		matched: count.meta({ description: 'How many the filter met, up to where this call ended.' }),
		discarded: z.array(id('dlv')),
		nextCursor: text.nullable().meta({ description: 'Null: there are no more.' }),
	})
	.meta({ id: 'DiscardedDeliveries' });

export const acknowledgedSchema = z
	.looseObject({ status: z.literal('accepted'), runId: id('run') })
	.meta({ id: 'Acknowledged' });

export const heartbeatSchema = z
	.looseObject({
		deadline: instant.nullable().meta({ description: 'By when the attempt must be completed.' }),
		beatBy: instant.nullable().meta({
			description: 'By when the next sign of life must come; null without `policies.heartbeat`.',
		}),
		cancelled: z.boolean().meta({ description: 'Stop: nobody waits for the result any more.' }),
	})
	.meta({ id: 'Heartbeat' });

export const deliveredSchema = z
	.looseObject({
		runId: id('run').meta({ description: 'Holds what was handed in.' }),
		state: z.enum(['pending', 'delivered', 'dead']).meta({
			description:
				'`delivered`: every target has it, or skipped it, if need be by a fallback; `dead`: all attempts are over and one target has it not.',
		}),
		result: resultSchema,
		deliveries: z.array(deliverySchema),
		link: createdLinkSchema.nullable().meta({ description: 'Where one was asked for.' }),
		secrets: secretsSchema.optional(),
	})
	.meta({ id: 'HandedIn' });

export const formatPreviewAnswerSchema = z
	.looseObject({ format: text, filename: text, contentType: text })
	.meta({ id: 'FormatPreview' });

const invoked = { secrets: secretsSchema.optional() };

export const invokedSchema = z
	.looseObject({ ...runSchema.shape, ...invoked })
	.meta({ id: 'InvokedRun' });

export const invokedDetailsSchema = z
	.looseObject({ ...runDetailsSchema.shape, ...invoked })
	.meta({ id: 'InvokedRunDetails' });

import { z } from 'zod';

import { SCOPES } from './access.ts';
import { actionSchema } from './capability.ts';
import { DELIVERY_STATES } from './delivery.ts';
import { TRIGGERS } from './envelope.ts';
import { jsonObjectSchema } from './json.ts';
import { NOTIFICATION_STATES, RUN_STATES } from './run.ts';
import { OUTCOMES, SCHEDULE_STATES } from './schedule.ts';

/*
 * What the REST API answers. Requests are strict; answers may gain fields, so clients must ignore those
 * that they do not know.
 */

const instant = z.string().meta({ format: 'date-time', examples: ['2027-01-31T08:00:00.000Z'] });
const id = (prefix: string) =>
	z.string().meta({ examples: [`${prefix}_01kbrj7v2x9m4c8d1e5f6g7h8j`] });
const count = z.number().int().nonnegative();
const text = z.string();

export const problemSchema = z
	.looseObject({
		type: text,
		title: text,
		status: z.number().int(),
		detail: text,
		code: text.meta({ description: 'Stable; made for programs.', examples: ['INVALID_REQUEST'] }),
		errors: z.array(z.looseObject({ path: text, expected: text, received: text.optional() })),
		requestId: id('req'),
	})
	.meta({
		id: 'Problem',
		description: 'RFC 9457. `errors` names each place in the input that is wrong.',
	});

const failureSchema = z
	.looseObject({ code: text, message: text, detail: text.optional() })
	.meta({ id: 'Failure' });

export const upcomingSchema = z
	.looseObject({ at: instant, local: text, notes: z.array(text) })
	.meta({ id: 'UpcomingOccurrence' });

const secretsSchema = z
	.record(z.string(), z.string())
	.meta({ description: 'Secrets that the engine made, by the field they are for. Shown once.' });

export const acceptedSchema = z
	.looseObject({
		scheduleId: id('sch'),
		status: z.enum(SCHEDULE_STATES),
		nextOccurrences: z.array(upcomingSchema),
		warnings: z.array(z.looseObject({ code: text, message: text })),
		links: z.record(z.string(), z.string()),
		secrets: secretsSchema.optional(),
	})
	.meta({ id: 'AcceptedSchedule' });

export const scheduleSchema = z
	.looseObject({
		id: id('sch'),
		name: text.nullable(),
		capability: text,
		action: text,
		status: z.enum(SCHEDULE_STATES),
		pauseReason: text
			.nullable()
			.meta({ description: '`by_user` or `on_failure`, while it is paused.' }),
		revision: count,
		timing: jsonObjectSchema,
		lastOccurrenceAt: instant.nullable(),
		nextOccurrenceAt: instant.nullable(),
		runsMade: count,
		labels: z.record(z.string(), z.string()),
		metadata: jsonObjectSchema,
		createdAt: instant,
		updatedAt: instant,
	})
	.meta({ id: 'Schedule' });

export const scheduleDetailsSchema = z
	.looseObject({
		...scheduleSchema.shape,
		parameters: jsonObjectSchema,
		policies: jsonObjectSchema,
		delivery: jsonObjectSchema.nullable(),
		notify: z.array(jsonObjectSchema),
		nextOccurrences: z.array(upcomingSchema),
		links: z.record(z.string(), z.string()),
	})
	.meta({ id: 'ScheduleDetails' });

export const occurrenceSchema = z
	.looseObject({
		nominalAt: instant,
		outcome: z.enum(OUTCOMES),
		decidedAt: instant,
		trigger: z.enum(TRIGGERS),
		runId: id('run').nullable(),
		reason: text.nullable(),
	})
	.meta({ id: 'Occurrence' });

export const runSchema = z
	.looseObject({
		id: id('run'),
		scheduleId: id('sch').nullable(),
		capability: text,
		action: text,
		state: z.enum(RUN_STATES),
		trigger: z.enum(TRIGGERS),
		nominalAt: instant.nullable(),
		windowStart: instant.nullable(),
		createdAt: instant,
		readyAt: instant,
		startedAt: instant.nullable(),
		endedAt: instant.nullable(),
		attempt: count.meta({ description: 'Attempts begun so far.' }),
		epoch: count,
		deadlineAt: instant.nullable(),
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

export const createdLinkSchema = z
	.looseObject({ link: linkSchema, url: text.meta({ description: 'Shown once.' }) })
	.meta({ id: 'CreatedLink' });

export const runDetailsSchema = z
	.looseObject({
		...runSchema.shape,
		parameters: jsonObjectSchema,
		attempts: z.array(attemptSchema),
		result: resultSchema.nullable(),
		deliveries: z.array(deliverySchema),
		notifications: z.array(notificationSchema),
		links: z.array(linkSchema),
		timeline: z.array(z.looseObject({ at: instant, what: text })),
	})
	.meta({ id: 'RunDetails' });

export const capabilitySchema = z
	.looseObject({
		name: text,
		revision: count,
		title: text.nullable(),
		description: text.nullable(),
		actions: z.record(z.string(), actionSchema),
		binding: jsonObjectSchema.meta({ description: 'Secrets are never shown.' }),
		createdAt: instant,
		updatedAt: instant,
		secrets: secretsSchema.optional(),
	})
	.meta({ id: 'Capability' });

export const destinationSchema = z
	.looseObject({
		id: id('dst'),
		name: text,
		channel: text,
		settings: jsonObjectSchema.meta({ description: 'Secrets are never shown.' }),
		enabled: z.boolean(),
		disabledReason: text.nullable(),
		revision: count,
		createdAt: instant,
		updatedAt: instant,
		secrets: secretsSchema.optional(),
	})
	.meta({ id: 'Destination' });

export const replayedSchema = z
	.looseObject({ replayed: z.array(id('dlv')) })
	.meta({ id: 'ReplayedDeliveries' });

const catalogued = {
	name: text,
	title: text,
	abilities: jsonObjectSchema,
	limits: z.record(z.string(), z.number()),
};
const jsonSchema = jsonObjectSchema.meta({ description: 'JSON Schema (2020-12).' });

export const formatSchema = z
	.looseObject({ ...catalogued, contentType: text, extension: text, options: jsonSchema })
	.meta({ id: 'Format' });

export const channelSchema = z
	.looseObject({ ...catalogued, settings: jsonSchema, secrets: z.array(text) })
	.meta({ id: 'Channel' });

export const bindingTypeSchema = z
	.looseObject({
		type: text,
		title: text,
		abilities: jsonObjectSchema,
		settings: jsonSchema,
		actionSettings: jsonSchema.nullable(),
		secrets: z.array(text),
	})
	.meta({ id: 'BindingType' });

export const eventSchema = z
	.looseObject({
		id: id('evt'),
		type: text.meta({ examples: ['run.succeeded'] }),
		at: instant,
		subject: z.record(z.string(), z.string()).meta({ description: 'Ids of what it is about.' }),
		data: jsonObjectSchema.optional(),
	})
	.meta({ id: 'Event' });

export const keySchema = z
	.looseObject({
		id: id('key'),
		tenant: text,
		name: text,
		scopes: z.array(z.enum(SCOPES)),
		capabilities: z.array(text).nullable(),
		createdAt: instant,
		expiresAt: instant.nullable(),
		revokedAt: instant.nullable(),
	})
	.meta({ id: 'Key' });

export const createdKeySchema = z
	.looseObject({ key: keySchema, token: text.meta({ description: 'Shown once.' }) })
	.meta({ id: 'CreatedKey' });

export const meSchema = z
	.looseObject({
		keyId: id('key'),
		tenant: text,
		scopes: z.array(z.enum(SCOPES)),
		capabilities: z.array(text).nullable().meta({ description: 'Null: all.' }),
	})
	.meta({ id: 'Me' });

export const acknowledgedSchema = z
	.looseObject({ status: z.literal('accepted'), runId: id('run') })
	.meta({ id: 'Acknowledged' });

export const heartbeatSchema = z
	.looseObject({
		deadline: instant.nullable().meta({ description: 'By when the attempt must be completed.' }),
		cancelled: z.boolean().meta({ description: 'Stop: nobody waits for the result any more.' }),
	})
	.meta({ id: 'Heartbeat' });

export const healthSchema = z.looseObject({ status: z.literal('ok') }).meta({ id: 'Health' });

export const readinessSchema = z
	.looseObject({ ready: z.boolean(), reasons: z.array(text) })
	.meta({ id: 'Readiness' });

/** A page of a list. */
export const pageOf = <T extends z.ZodType>(items: T) =>
	z.looseObject({
		items: z.array(items),
		nextCursor: z.string().nullable().meta({ description: 'For `?cursor=`; null at the end.' }),
	});

import { z } from 'zod';

import { SCOPES } from './access.ts';
import { count, id, instant, secretsSchema, text } from './answers-parts.ts';
import { actionSchema } from './capability.ts';
import { jsonObjectSchema } from './json.ts';
import { ROLES } from './roles.ts';

/*
 * What the REST API answers. Requests are strict; answers may gain fields, so clients must ignore those
 * that they do not know.
 */

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
		allow: jsonObjectSchema.nullable(),
		limits: jsonObjectSchema.nullable(),
		alerts: z.array(text).nullable(),
		revision: count,
		createdAt: instant,
		updatedAt: instant,
		usedBy: z
			.array(id('sch'))
			.optional()
			.meta({ description: 'The schedules that use it, 20 at most; only of one destination.' }),
		circuit: z
			.looseObject({
				state: z.enum(['closed', 'open', 'half_open']),
				failures: count,
				since: instant.nullable(),
				until: instant.nullable(),
				reason: jsonObjectSchema.nullable(),
			})
			.optional()
			.meta({
				description:
					'Closed: deliveries go. Open: it failed too often in a row, and none goes before `until`. Half open: one is tried.',
			}),
		secrets: secretsSchema.optional(),
	})
	.meta({ id: 'Destination' });

export const destinationTestSchema = z
	.looseObject({
		ok: z.boolean().meta({ description: 'Whether every step went well.' }),
		channel: text,
		steps: z.array(
			z.looseObject({
				step: text.meta({
					description:
						'`settings`, then those of `dns`, `connect`, `tls`, `login`, `write`, `read`, `delete` that the channel has, in this order.',
				}),
				ok: z.boolean(),
				ms: z.number().meta({ description: 'How long it took, milliseconds.' }),
				code: text.optional().meta({ description: 'Why it failed.' }),
				detail: text.optional(),
			}),
		),
		probed: z.boolean().meta({
			description: 'False: the channel has no test of its own, only the settings were checked.',
		}),
		ms: z.number(),
		at: instant,
	})
	.meta({ id: 'DestinationTest' });

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

export const engineSchema = z
	.looseObject({
		id: id('engine'),
		state: z.enum(['running', 'draining', 'stopped', 'lost']).meta({
			description: '`lost`: not heard of for 35 s; what it held is taken over as leases end.',
		}),
		version: text,
		roles: z.array(z.enum(ROLES)).meta({ description: 'What it does: `CAPSCHEDULER_ROLES`.' }),
		host: text,
		pid: count,
		url: text,
		startedAt: instant,
		seenAt: instant,
		clockAheadMs: z.number().nullable().meta({
			description: "How far the store's clock is ahead of the machine's; null: it is that.",
		}),
		inFlight: z.looseObject({ runs: count, deliveries: count, notifications: count }),
	})
	.meta({ id: 'Engine' });

export const healthSchema = z.looseObject({ status: z.literal('ok') }).meta({ id: 'Health' });

export const readinessSchema = z
	.looseObject({ ready: z.boolean(), reasons: z.array(text) })
	.meta({ id: 'Readiness' });

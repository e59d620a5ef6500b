import { z } from 'zod';

import { ALERT_KINDS } from './alert.ts';
import type { AlertKind } from './alert.ts';
import { ERROR_STATUS } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { jsonObjectSchema } from './json.ts';
import type { JsonObject } from './json.ts';
import type { NamedFile, PackageStep, Sidecars } from './packaging.ts';
import { packageSchema, sidecarsSchema } from './packaging.ts';
import type { FormatNotice } from './result.ts';
import type { Sealed } from './sealed.ts';
import { durationSchema } from './time.ts';

export const CONDITIONS = ['always', 'has_rows', 'no_rows', 'changed'] as const;
export type Condition = (typeof CONDITIONS)[number];

/** A logic-less template over fixed fields: `{{capability}}-{{nominalAt:yyyy-MM-dd}}.{{ext}}`. */
export const DEFAULT_FILENAME = '{{capability}}-{{action}}-{{nominalAt:yyyy-MM-dd-HHmmss}}.{{ext}}';

/** No format was named: rows and values become JSON, bytes pass through as they are. */
export const AUTO_FORMAT = 'auto';

const place = {
	destination: z.string().min(1).max(100).optional().describe("A destination's id or name."),
	channel: z
		.string()
		.min(1)
		.max(40)
		.optional()
		.describe("Inline: the channel's name; see `GET /v1/channels`."),
	settings: jsonObjectSchema.optional().describe('The settings of the channel.'),
};

const rendering = {
	format: z
		.string()
		.min(1)
		.max(40)
		.optional()
		.describe(
			'Of those in `GET /v1/formats`. Not given: rows and values become JSON, bytes pass through as they are.',
		),
	options: jsonObjectSchema.optional().describe('Options of the format.'),
	filename: z
		.string()
		.min(1)
		.max(255)
		.optional()
		.describe(
			'A template: `{{capability}}-{{nominalAt:yyyy-MM-dd}}.{{ext}}`. `{{name}}` is what the source calls its file.',
		),
	package: packageSchema.optional(),
	sidecars: sidecarsSchema.optional(),
};

const oneOf = (target: { destination?: unknown; channel?: unknown; settings?: unknown }): boolean =>
	(target.destination === undefined) !== (target.channel === undefined) &&
	(target.channel !== undefined || target.settings === undefined);
const oneOfMessage = { error: 'either "destination", or "channel" with "settings"' };
/** The same, as JSON Schema says it. */
const oneOfSchema = {
	oneOf: [{ required: ['destination'] }, { required: ['channel'] }],
	dependentRequired: { settings: ['channel'] },
};

export const fallbackInputSchema = z
	.strictObject({
		...place,
		...rendering,
		on: z
			.array(z.enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]]))
			.min(1)
			.max(20)
			.optional()
			.describe(
				'Only when what failed before it failed with one of these codes: `["TARGET_UNREACHABLE", "TIMEOUT"]`. Else the next in the list is asked.',
			),
		when: z.enum(CONDITIONS).default('always').describe('As of a target: `has_rows` and so on.'),
		within: durationSchema
			.refine((d) => d >= 1000 && d <= 30 * 86_400_000, { error: 'a duration between 1s and 30d' })
			.optional()
			.describe('How long it is tried, from when it took over.'),
	})
	.refine(oneOf, oneOfMessage)
	.meta(oneOfSchema);

export const targetInputSchema = z
	.strictObject({
		...place,
		...rendering,
		priority: z
			.number()
			.int()
			.min(-100)
			.max(100)
			.optional()
			.describe(
				'Of the deliveries that are due, the highest goes first; that of the run unless given.',
			),
		within: durationSchema
			.refine((d) => d >= 1000 && d <= 30 * 86_400_000, { error: 'a duration between 1s and 30d' })
			.optional()
			.describe(
				'How long after the end of the run it is tried; then it is given up, or its fallback takes over. Unless given, until its attempts are used up.',
			),
		when: z
			.enum(CONDITIONS)
			.default('always')
			.describe(
				'Sent always, or only when the result has rows, has none, or differs from the last one.',
			),
		fallback: z
			.array(fallbackInputSchema)
			.max(5)
			.default([])
			.describe('Where it goes when the target has failed for good, in this order.'),
	})
	.refine(oneOf, oneOfMessage)
	.meta(oneOfSchema);

export const linkOptionsSchema = z.strictObject({
	expiresIn: durationSchema
		.default(86_400_000)
		.refine((d) => d >= 1000 && d <= 7 * 86_400_000, { error: 'a duration between 1s and 7d' })
		.describe('Between 1s and 7d; 24h unless given.'),
	maxUses: z
		.number()
		.int()
		.min(1)
		.max(1_000_000)
		.optional()
		.describe('How many downloads; omitted: as many as one likes until it expires.'),
});

export const deliveryInputSchema = z
	.strictObject({
		mode: z
			.enum(['pull', 'push', 'both'])
			.optional()
			.describe('`pull`: a link; `push`: to the targets; `both`.'),
		format: z
			.string()
			.min(1)
			.max(40)
			.optional()
			.describe(
				'Of those in `GET /v1/formats`. Not given: rows and values become JSON, bytes pass through as they are.',
			),
		options: jsonObjectSchema.optional().describe('Options of the format.'),
		link: linkOptionsSchema.prefault({}).describe('Of the link in notifications.'),
		targets: z
			.array(targetInputSchema)
			.max(20)
			.default([])
			.describe('Where results are pushed to.'),
		alert: z
			.strictObject({
				destination: z.string().min(1).max(100).describe('Its id or name; any channel.'),
				on: z
					.array(z.enum(ALERT_KINDS))
					.min(1)
					.default([...ALERT_KINDS]),
			})
			.optional()
			.describe(
				"Who is told of trouble, in place of the tenant's alert destinations: deliveries that died, fallbacks that took over, destinations that are not tried for a while, links that end unused, runs that may be late.",
			),
	})
	.meta({ id: 'DeliveryInput' });

export type DeliveryInput = z.output<typeof deliveryInputSchema>;

export const notifyEvents = ['succeeded', 'failed', 'cancelled', 'expired'] as const;
export type NotifyEvent = (typeof notifyEvents)[number];
/** What a notification may be about: how a run ended, or, asked for by name only, that it was too late. */
const notifyOn = [...notifyEvents, 'sla_missed'] as const;
export type NotifyOn = (typeof notifyOn)[number];

export const notifyInputSchema = z
	.strictObject({
		url: z
			.url({ protocol: /^https?$/, error: 'an http or https URL' })
			.max(2048)
			.optional()
			.describe('Where the signed notification is posted to.'),
		secret: z
			.string()
			.max(120)
			.optional()
			.describe(
				'`whsec_` and base64 of 24 to 64 bytes; made by the engine and answered once when omitted.',
			),
		destination: z
			.string()
			.min(1)
			.max(100)
			.optional()
			.describe(
				'The name or id of a destination of any channel, which gives it the form that it has for messages.',
			),
		on: z
			.array(z.enum(notifyOn))
			.min(1)
			.default([...notifyEvents])
			.describe(
				'How the run must end; all ends unless given. `sla_missed` is told as soon as it is known, in a notification of its own.',
			),
	})
	.refine((notify) => (notify.url === undefined) !== (notify.destination === undefined), {
		error: 'either "url" or "destination"',
	})
	.refine((notify) => notify.secret === undefined || notify.url !== undefined, {
		path: ['secret'],
		error: 'a secret only together with "url"',
	})
	.meta({
		oneOf: [{ required: ['url'] }, { required: ['destination'] }],
		dependentRequired: { secret: ['url'] },
	});

/** Where something is pushed to, as kept: secrets in `settings` are moved to `sealed` by field name. */
export interface Place {
	/** Kept with what it names at the time of the run: a destination may change between. */
	destination?: string;
	channel?: string;
	settings?: JsonObject;
	sealed?: Record<string, Sealed>;
}

export interface Target extends Place {
	/** Position in the list, with fallbacks below it: `0`, `0.1`, `0.2`, `1`. Unique in a run. */
	key: string;
	format: string;
	options: JsonObject;
	filename: string;
	/** Absent: the file goes as it is. */
	package?: PackageStep[];
	/** Absent: the file comes alone. */
	sidecars?: Sidecars;
	when: Condition;
	/** Absent: that of the run. */
	priority?: number;
	/** How long it is tried, milliseconds; absent: until its attempts are used up. */
	within?: number;
	/** Of a fallback: the codes that it is for; absent: all. */
	on?: ErrorCode[];
}

/** The delivery part of a spec, as kept. */
export interface DeliverySpec {
	mode: 'pull' | 'push' | 'both';
	format: string;
	options: JsonObject;
	link: { expiresIn: number; maxUses?: number };
	/** Absent: the tenant's alert destinations are told. */
	alert?: { destination: string; on: AlertKind[] };
	/** Primary targets, each followed by its fallbacks in order. */
	targets: { primary: Target; fallbacks: Target[] }[];
}

export interface NotifySpec {
	/** Unique in a spec, and for ever that of its sealed secret: `0`, `1`. */
	key: string;
	url?: string;
	sealedSecret?: Sealed;
	destination?: string;
	/** It came as `callback`. */
	callback?: true;
	on: NotifyOn[];
}

/**
 * States of a delivery: `pending -> sending -> delivered | failed`, `failed -> sending | dead`;
 * `skipped` when its condition did not hold; `dead -> discarded` when nobody wants it any more.
 */
export const DELIVERY_STATES = [
	'pending',
	'sending',
	'delivered',
	'failed',
	'dead',
	'skipped',
	'discarded',
] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** What a channel confirmed of one file. */
export type FileReceipt = {
	/** Where it went, without secrets: a URL without query, a path. */
	location: string;
	size: number;
	sha256: string;
	/** The other side's own word for it: an ETag, a status line, an inode. */
	remote: JsonObject;
};

export const FILE_ROLES = ['data', 'checksum', 'manifest', 'done'] as const;
export type FileRole = (typeof FILE_ROLES)[number];

/** What a channel confirmed. Only written on the channel's own answer. */
export interface Receipt extends FileReceipt {
	channel: string;
	/** What the file is called there, of channels that keep files. */
	name?: string;
	/** All files of a delivery that has sidecars, the first of them the file itself. */
	files?: (FileReceipt & { name: string; role: FileRole })[];
	/** What is in the archive that was sent. */
	contents?: NamedFile[];
	/** What the file does not show of the result; absent: it shows all. */
	notices?: FormatNotice[];
	/** ISO 8601. */
	at: string;
}

import { z } from 'zod';

import { ALERT_KINDS } from './alert.ts';
import type { AlertKind } from './alert.ts';
import type { Sealed } from './sealed.ts';
import type { DestinationId } from './ids.ts';
import type { JsonObject } from './json.ts';
import { jsonObjectSchema } from './json.ts';
import { nameSchema } from './names.ts';
import type { Instant } from './time.ts';

const names = z.array(z.string().min(1).max(100)).min(1).max(200);

const allowSchema = z
	.strictObject({
		capabilities: names.optional().describe('Only results of these capabilities.'),
		formats: names.optional().describe('Only files of these formats.'),
		filenames: names
			.optional()
			.describe('Only files whose names begin with one of these: `["sales-"]`.'),
		folders: names
			.optional()
			.describe(
				'Of channels with folders: only these and those below them, whatever its settings become: `["incoming/sales"]`.',
			),
		recipients: z
			.array(z.string().min(3).max(254))
			.min(1)
			.max(1000)
			.optional()
			.describe(
				'Of mail: only these addresses, and all of a domain as `@example.org`, whatever its settings become.',
			),
	})
	.describe('What it may be used for; what is left out is not limited.');

const limitsSchema = z
	.strictObject({
		perMinute: z
			.number()
			.int()
			.min(1)
			.max(100_000)
			.optional()
			.describe('Sends in a minute at most, evenly spread, over all engines.'),
		parallel: z
			.number()
			.int()
			.min(1)
			.max(1000)
			.optional()
			.describe('Sends at once at most, over all engines.'),
	})
	.describe('What it is spared. Deliveries beyond wait for their turn; none fails for it.');

const alertsSchema = z
	.array(z.enum(ALERT_KINDS))
	.max(ALERT_KINDS.length)
	.describe(
		"It gets the tenant's alerts of these kinds, from schedules that name no `alert` of their own.",
	);

export const destinationInputSchema = z
	.strictObject({
		name: nameSchema.describe('Targets can name it.'),
		channel: z.string().min(1).max(40).describe('See `GET /v1/channels`.'),
		settings: jsonObjectSchema.describe('The settings of the channel; secrets are sealed.'),
		enabled: z
			.boolean()
			.default(true)
			.describe('Deliveries to a disabled destination fail, or fall back.'),
		allow: allowSchema.optional(),
		limits: limitsSchema.optional(),
		alerts: alertsSchema.optional(),
	})
	.meta({ id: 'DestinationInput' });

export type DestinationInput = z.output<typeof destinationInputSchema>;

export const destinationPatchSchema = z
	.strictObject({
		name: nameSchema.optional(),
		enabled: z
			.boolean()
			.optional()
			.describe('True takes one back into use that the engine disabled.'),
		settings: jsonObjectSchema
			.optional()
			.describe('Those that are sent replace what was there, null takes one out; the rest stays.'),
		allow: allowSchema.nullable().optional(),
		limits: limitsSchema.nullable().optional(),
		alerts: alertsSchema.nullable().optional(),
	})
	.meta({ id: 'DestinationPatch' });

export type DestinationPatch = z.output<typeof destinationPatchSchema>;

/** As kept. */
export interface DestinationRules {
	allow?: {
		capabilities?: string[];
		formats?: string[];
		filenames?: string[];
		folders?: string[];
		recipients?: string[];
	};
	limits?: { perMinute?: number; parallel?: number };
	alerts?: AlertKind[];
	/** The secret before this one signs too until then; see `rotateSecret`. */
	previousUntil?: Instant;
}

/** Tries settings out that no destination has yet. */
export const placeTestInputSchema = z
	.strictObject({
		channel: z.string().min(1).max(40).describe('See `GET /v1/channels`.'),
		settings: jsonObjectSchema.describe('The settings of the channel.'),
	})
	.meta({ id: 'PlaceTestInput' });

export type PlaceTestInput = z.output<typeof placeTestInputSchema>;

/** The same in the place of those that a destination has. */
export const destinationTestInputSchema = z
	.strictObject({
		settings: jsonObjectSchema
			.optional()
			.describe(
				'Settings to be tried out before they are saved; secrets that are left out are those that the destination has.',
			),
	})
	.meta({ id: 'DestinationTestInput' });

export type DestinationTestInput = z.output<typeof destinationTestInputSchema>;

export interface Destination {
	id: DestinationId;
	tenant: string;
	name: string;
	channel: string;
	settings: JsonObject;
	sealed: Record<string, Sealed>;
	enabled: boolean;
	/** Why the engine disabled it: `410 from the endpoint`. */
	disabledReason: string | null;
	/** What it may be used for, and how much of it; absent: for all, without bounds. */
	rules?: DestinationRules;
	revision: number;
	createdAt: Instant;
	updatedAt: Instant;
}

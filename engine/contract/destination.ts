import { z } from 'zod';

import type { Sealed } from './delivery.ts';
import type { DestinationId } from './ids.ts';
import type { JsonObject } from './json.ts';
import { jsonObjectSchema } from './json.ts';
import { nameSchema } from './names.ts';
import type { Instant } from './time.ts';

export const destinationInputSchema = z
	.strictObject({
		name: nameSchema.describe('Targets can name it.'),
		channel: z.string().min(1).max(40).describe('See `GET /v1/channels`.'),
		settings: jsonObjectSchema.describe('The settings of the channel; secrets are sealed.'),
		enabled: z
			.boolean()
			.default(true)
			.describe('Deliveries to a disabled destination fail, or fall back.'),
	})
	.meta({ id: 'DestinationInput' });

export type DestinationInput = z.output<typeof destinationInputSchema>;

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
	revision: number;
	createdAt: Instant;
	updatedAt: Instant;
}

import { z } from 'zod';

import { jsonObjectSchema } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Sealed } from './sealed.ts';
import type { Instant } from './time.ts';
import { capabilityNameSchema, nameSchema, titleSchema } from './names.ts';

export const actionSchema = z.strictObject({
	title: titleSchema.optional().describe('For people.'),
	description: z
		.string()
		.max(2000)
		.optional()
		.describe('For people, and for machines that choose.'),
	parameters: jsonObjectSchema
		.optional()
		.describe(
			'JSON Schema (2020-12) of the parameters; checked when something is scheduled or invoked.',
		),
	result: jsonObjectSchema.optional().describe('JSON Schema of the result, or of one row of it.'),
	binding: jsonObjectSchema
		.optional()
		.describe('How it is reached: `type` and the settings of that type; see `GET /v1/bindings`.'),
});

/** How a capability is reached: the name of a session adapter and its settings. */
export const bindingSchema = z.looseObject({ type: z.string().min(1).max(40) });

/** `PUT /v1/capabilities/{name}`. */
export const capabilityInputSchema = z
	.strictObject({
		name: capabilityNameSchema.optional().describe('If sent, the same as in the path.'),
		title: titleSchema.optional().describe('For people.'),
		description: z
			.string()
			.max(2000)
			.optional()
			.describe('For people, and for machines that choose.'),
		actions: z
			.record(nameSchema, actionSchema)
			.refine((actions) => Object.keys(actions).length > 0, { error: 'at least one action' })
			.refine((actions) => Object.keys(actions).length <= 200, { error: 'at most 200 actions' })
			.meta({ minProperties: 1, maxProperties: 200, description: 'By name.' }),
		binding: bindingSchema.describe(
			'How it is reached: `type` and the settings of that type; see `GET /v1/bindings`.',
		),
	})
	.meta({ id: 'CapabilityInput' });

export type CapabilityInput = z.output<typeof capabilityInputSchema>;
export type ActionManifest = z.output<typeof actionSchema>;

/** A registered capability as kept. */
export interface Capability {
	tenant: string;
	name: string;
	revision: number;
	title?: string;
	description?: string;
	actions: Record<string, ActionManifest>;
	/** Binding type and its settings, parsed by the session adapter; secrets are in `sealed`. */
	binding: { type: string; settings: JsonObject; sealed: Record<string, Sealed> };
	createdAt: Instant;
	updatedAt: Instant;
}

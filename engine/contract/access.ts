import { z } from 'zod';

import type { KeyId } from './ids.ts';
import type { Instant } from './time.ts';
import { tenantSchema, titleSchema } from './names.ts';

export const SCOPES = [
	'capabilities:write',
	'schedules:read',
	'schedules:write',
	'runs:read',
	'runs:execute',
	'results:read',
	'destinations:write',
	'audit:read',
	'admin',
] as const;
export type Scope = (typeof SCOPES)[number];

/** Who makes a request: a key of a tenant. */
export interface Actor {
	keyId: KeyId;
	tenant: string;
	scopes: ReadonlySet<Scope>;
	/** Capabilities that the key may use; undefined means all. */
	capabilities?: ReadonlySet<string>;
}

export interface KeyRecord {
	id: KeyId;
	tenant: string;
	name: string;
	/** HMAC-SHA-256 of the secret with the pepper, hexadecimal. */
	hash: string;
	scopes: Scope[];
	capabilities?: string[];
	createdAt: Instant;
	expiresAt?: Instant;
	revokedAt?: Instant;
}

export const keyInputSchema = z
	.strictObject({
		name: titleSchema.describe('For people.'),
		scopes: z
			.array(z.enum(SCOPES))
			.min(1)
			.max(SCOPES.length)
			.describe('What it may do; `admin` may do all.'),
		tenant: tenantSchema
			.optional()
			.describe('Only an admin key of the tenant `default` may make keys of other tenants.'),
		capabilities: z
			.array(z.string().max(63))
			.max(200)
			.optional()
			.describe('The capabilities that it may use; omitted: all.'),
		expiresIn: z
			.string()
			.max(40)
			.optional()
			.describe('A duration like `90d`; omitted: it does not expire.'),
	})
	.meta({ id: 'KeyInput' });

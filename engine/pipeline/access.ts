import type { z } from 'zod';

import type { Actor, KeyRecord, Scope, keyInputSchema } from '../contract/access.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { KeyId } from '../contract/ids.ts';
import { parseDuration } from '../contract/time.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';

/** Who a bearer token stands for; null when it is wrong, revoked or expired. */
export async function authenticate(ctx: Context, token: string): Promise<Actor | null> {
	const read = ctx.tokens.readApiKey(token);
	if (read === null) return null;
	const key = await ctx.store.getKey(read.keyId as KeyId);
	if (key === null || !ctx.tokens.equal(key.hash, read.hash)) return null;
	if (key.revokedAt !== undefined) return null;
	if (key.expiresAt !== undefined && key.expiresAt <= ctx.clock.now()) return null;
	return actorOf(key);
}

export function actorOf(key: KeyRecord): Actor {
	return {
		keyId: key.id,
		tenant: key.tenant,
		scopes: new Set(key.scopes),
		...(key.capabilities === undefined ? {} : { capabilities: new Set(key.capabilities) }),
	};
}

export function hasScope(actor: Actor, scope: Scope): boolean {
	return actor.scopes.has(scope) || actor.scopes.has('admin');
}

/** A capability that the key may not use looks like one that is not there. */
export function mayUse(actor: Actor, capability: string): boolean {
	return actor.capabilities === undefined || actor.capabilities.has(capability);
}

export type KeyInput = z.output<typeof keyInputSchema>;

export interface CreatedKey {
	key: KeyRecord;
	/** Shown once. */
	token: string;
}

export async function createKey(
	ctx: Context,
	actor: Actor,
	input: KeyInput,
	once?: OnceRequest<CreatedKey>,
): Promise<Answered<CreatedKey>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const tenant = input.tenant ?? actor.tenant;
	if (tenant !== actor.tenant && actor.tenant !== 'default') {
		throw new CapError(
			'FORBIDDEN',
			'only an admin key of the tenant "default" makes keys of other tenants',
		);
	}
	const created = newKey(ctx, { ...input, tenant });
	const stored = await ctx.store.putKey(
		created.key,
		[keyEvent(ctx, 'key.created', tenant, created.key.id)],
		onceRecord(ctx, actor, once, created),
	);
	if (stored.replayed && once !== undefined) {
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	return { kind: 'done', answer: created };
}

/** A key that is not stored yet. */
export function newKey(
	ctx: Pick<Context, 'clock' | 'newId' | 'tokens'>,
	input: KeyInput & { tenant: string },
): CreatedKey {
	const id = ctx.newId('key');
	const { token, hash } = ctx.tokens.newApiKey(id);
	const now = ctx.clock.now();
	const expiresAt = input.expiresIn === undefined ? undefined : now + lifeOf(input.expiresIn);
	const key: KeyRecord = {
		id,
		tenant: input.tenant,
		name: input.name,
		hash,
		scopes: [...new Set(input.scopes)],
		createdAt: now,
		...(input.capabilities === undefined ? {} : { capabilities: input.capabilities }),
		...(expiresAt === undefined ? {} : { expiresAt }),
	};
	return { key, token };
}

function lifeOf(text: string): number {
	const life = parseDuration(text);
	if (life === undefined || life === 0) {
		throw inputError('INVALID_REQUEST', {
			path: 'expiresIn',
			expected: 'a duration like "90d"',
			received: JSON.stringify(text),
		});
	}
	return life;
}

export async function revokeKey(ctx: Context, actor: Actor, id: KeyId): Promise<void> {
	const revoked = await ctx.store.revokeKey(actor.tenant, id, ctx.clock.now(), [
		keyEvent(ctx, 'key.revoked', actor.tenant, id),
	]);
	if (!revoked) throw new CapError('NOT_FOUND', `no key ${id} that is not revoked`);
}

function keyEvent(
	ctx: Context,
	type: 'key.created' | 'key.revoked',
	tenant: string,
	keyId: KeyId,
): { type: typeof type; tenant: string; at: number; subject: { keyId: string } } {
	return { type, tenant, at: ctx.clock.now(), subject: { keyId } };
}

import type { Actor } from '../contract/access.ts';
import { CapError } from '../contract/errors.ts';
import type { IdempotencyRecord } from '../stores/store.port.ts';
import type { Answered, Context, OnceRequest, StoredResponse } from './context.ts';

const KEPT_FOR = 86_400_000;

function binding(
	tenant: string,
	key: string,
): { tenant: string; type: string; id: string; field: string } {
	// a client's key may hold the character that separates the parts of a binding
	return { tenant, type: 'idempotency', id: encodeURIComponent(key), field: 'response' };
}

/** The record that is committed together with the write it guards. Answers may hold secrets, so it is sealed. */
export function onceRecord<T>(
	ctx: Context,
	actor: Actor,
	once: OnceRequest<T> | undefined,
	answer: T,
): IdempotencyRecord | undefined {
	if (once === undefined) return undefined;
	const response = JSON.stringify(once.respond(answer));
	return {
		tenant: actor.tenant,
		key: once.key,
		fingerprint: once.fingerprint,
		expiresAt: ctx.clock.now() + KEPT_FOR,
		response: ctx.sealing.seal(response, binding(actor.tenant, once.key)),
	};
}

/**
 * The answer that was given before.
 * @throws CapError IDEMPOTENCY_MISMATCH when the key was used for another request
 */
export function earlierResponse(
	ctx: Context,
	once: Pick<OnceRequest<never>, 'fingerprint'>,
	earlier: IdempotencyRecord,
): StoredResponse {
	if (earlier.fingerprint !== once.fingerprint) {
		throw new CapError(
			'IDEMPOTENCY_MISMATCH',
			'Idempotency-Key: expected a new key for a new request, got one that was used with another path or body',
		);
	}
	return JSON.parse(
		ctx.sealing.open(earlier.response, binding(earlier.tenant, earlier.key)),
	) as StoredResponse;
}

/** Looks before anything is checked, so that a repeat is answered even when the world has changed since. */
export async function findEarlier<T>(
	ctx: Context,
	actor: Actor,
	once: OnceRequest<T> | undefined,
): Promise<StoredResponse | null> {
	if (once === undefined) return null;
	const earlier = await ctx.store.findIdempotent(actor.tenant, once.key, ctx.clock.now());
	return earlier === null ? null : earlierResponse(ctx, once, earlier);
}

/** Does what may be done again, and keeps the answer: repeats get it as long as the key is known. */
export async function answerOnce<T>(
	ctx: Context,
	actor: Actor,
	once: OnceRequest<T> | undefined,
	act: () => Promise<T>,
): Promise<Answered<T>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const answer = await act();
	const record = onceRecord(ctx, actor, once, answer);
	if (record === undefined || once === undefined) return { kind: 'done', answer };
	const stored = await ctx.store.keepAnswer(record);
	if (!stored.replayed) return { kind: 'done', answer };
	return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
}

import type { KeyRecord } from '../contract/access.ts';
import { CapError } from '../contract/errors.ts';
import type { IdempotencyRecord, Once } from '../stores/store.port.ts';
import { newKey } from './access.ts';
import type { Context } from './context.ts';

/** The first start of a store makes an admin key, or takes the one that the operator gave. */
export async function ensureFirstKey(
	context: Context,
	given: string | null,
): Promise<string | null> {
	const input = { name: 'first admin key', scopes: ['admin' as const], tenant: 'default' };
	if (given !== null) {
		const read = context.tokens.readApiKey(given);
		if (read === null) {
			throw new CapError(
				'INVALID_REQUEST',
				'CAPSCHEDULER_ADMIN_KEY: expected a key as the engine makes them',
			);
		}
		const id = read.keyId as KeyRecord['id'];
		const known = await context.store.getKey(id);
		if (known === null)
			await putKey(context, { ...newKey(context, input).key, id, hash: read.hash });
		return null;
	}
	if ((await context.store.countKeys()) > 0) return null;
	const { key, token } = newKey(context, input);
	// Of engines that start at the same time on a new store, one makes it. No request can bring such a key.
	const made = await putKey(context, key, {
		tenant: key.tenant,
		key: 'the first\nadmin key',
		fingerprint: '',
		expiresAt: key.createdAt + FIRST_KEY_WITHIN,
		response: '',
	});
	return made.replayed ? null : token;
}

/** Engines that start later than this after another find its key. */
const FIRST_KEY_WITHIN = 60_000;

function putKey(
	context: Context,
	key: KeyRecord,
	once?: IdempotencyRecord,
): Promise<Once<KeyRecord>> {
	const { tenant, createdAt: at, id: keyId } = key;
	return context.store.putKey(key, [{ type: 'key.created', tenant, at, subject: { keyId } }], once);
}

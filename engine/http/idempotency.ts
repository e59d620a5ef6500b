import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { CapError, inputError } from '../contract/errors.ts';

/**
 * The client's Idempotency-Key, if it sent one: 1 to 200 visible ASCII characters.
 * @throws CapError INVALID_REQUEST
 */
export function idempotencyKey(request: IncomingMessage): string | undefined {
	const key = request.headers['idempotency-key'];
	if (key === undefined) return undefined;
	if (typeof key === 'string' && /^[\x21-\x7e]{1,200}$/.test(key)) return key;
	throw inputError('INVALID_REQUEST', {
		path: 'header Idempotency-Key',
		expected: '1 to 200 visible ASCII characters',
		received: typeof key === 'string' ? `${key.length} characters` : 'several',
	});
}

/** What must be the same for a repeat: method, path with query, and the inflated body. */
export function fingerprint(
	request: { method: string; originalUrl: string },
	body: Uint8Array,
): string {
	return createHash('sha256')
		.update(`${request.method}\n${request.originalUrl}\n`)
		.update(body)
		.digest('hex');
}

/** The keys that this process works on at the moment. Across processes the store's unique index decides. */
export class InFlight {
	private readonly fingerprints = new Map<string, string>();

	/**
	 * Holds the key while the work lasts.
	 * @throws CapError IDEMPOTENCY_IN_FLIGHT, or IDEMPOTENCY_MISMATCH for another request under the same key
	 */
	async hold<T>(
		owner: { tenant: string; key: string; fingerprint: string },
		work: () => Promise<T>,
	): Promise<T> {
		const name = `${owner.tenant}\n${owner.key}`;
		const other = this.fingerprints.get(name);
		if (other !== undefined && other !== owner.fingerprint) {
			throw new CapError(
				'IDEMPOTENCY_MISMATCH',
				'header Idempotency-Key: used for another request',
			);
		}
		if (other !== undefined) {
			throw new CapError(
				'IDEMPOTENCY_IN_FLIGHT',
				'the first request with this Idempotency-Key is under way',
				{
					retry: 'later',
					retryAfter: 1000,
				},
			);
		}
		this.fingerprints.set(name, owner.fingerprint);
		try {
			return await work();
		} finally {
			this.fingerprints.delete(name);
		}
	}
}

import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import type { Hmac, KeyObject } from 'node:crypto';

import { createMac } from './mac.ts';
import type { Mac } from './mac.ts';
import type { Signer } from './security.port.ts';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;
const MIN_BYTES = 24;
const MAX_BYTES = 64;
/** Making a key costs five times what signing does; the oldest of more than this many are made anew. */
const KEPT_KEYS = 1000;

interface Key {
	/** For bytes and streams. */
	object: KeyObject;
	/** For text. */
	mac: Mac;
}

/**
 * Signatures of Standard Webhooks 1.0: HMAC-SHA256 over the bytes of `id.timestamp.body`, base64, `v1,`.
 * Our own, as the library of that name signs strings only: a file is not text. While a secret is being
 * rotated it is two, separated by a space, and so is the signature.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function createSigner(): Signer {
	const kept = new Map<string, Key>();

	function keyFor(secret: string): Key {
		const known = kept.get(secret);
		if (known) return known;
		const bytes = keyOf(secret);
		if (!bytes) throw new Error('a webhook secret is malformed');
		const object = createSecretKey(bytes);
		const key = { object, mac: createMac(object) };
		const [oldest] = kept.keys();
		if (kept.size >= KEPT_KEYS && oldest !== undefined) kept.delete(oldest);
		kept.set(secret, key);
		return key;
	}

	function begin(secret: string, start: string): Hmac[] {
		return secret.split(' ').map((one) => createHmac('sha256', keyFor(one).object).update(start));
	}

	return {
		generateSecret: () => PREFIX + randomBytes(SECRET_BYTES).toString('base64'),
		isSecret: (text) => keyOf(text) !== null,
		sign(secret, { id, timestamp, body }) {
			const start = startOf(id, timestamp);
			if (typeof body === 'string') {
				const text = start + body;
				const macs = secret.split(' ').map((one) => keyFor(one).mac(text, 'base64'));
				return headers(macs, id, timestamp);
			}
			const hmacs = begin(secret, start);
			for (const hmac of hmacs) hmac.update(body);
			return headers(digests(hmacs), id, timestamp);
		},
		async signStream(secret, { id, timestamp, body }) {
			const hmacs = begin(secret, startOf(id, timestamp));
			for await (const chunk of body) {
				for (const hmac of hmacs) hmac.update(chunk);
			}
			return headers(digests(hmacs), id, timestamp);
		},
	};
}

function keyOf(secret: string): Buffer | null {
	const base64 = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
	const key = Buffer.from(base64, 'base64');
	// decoding skips what is no base64; only the canonical spelling comes back the same
	if (key.toString('base64') !== base64) return null;
	return key.length >= MIN_BYTES && key.length <= MAX_BYTES ? key : null;
}

/** What is signed before the body. The dot separates: an id with one could pass for another message. */
function startOf(id: string, timestamp: number): string {
	if (id.includes('.')) throw new Error('a webhook id contains a dot');
	return `${id}.${timestamp}.`;
}

function digests(hmacs: readonly Hmac[]): string[] {
	return hmacs.map((hmac) => hmac.digest('base64'));
}

function headers(
	macs: readonly string[],
	id: string,
	timestamp: number,
): ReturnType<Signer['sign']> {
	return {
		'webhook-id': id,
		'webhook-timestamp': String(timestamp),
		'webhook-signature': macs.map((mac) => `v1,${mac}`).join(' '),
	};
}

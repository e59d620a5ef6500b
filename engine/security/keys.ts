import { createHmac, createSecretKey, hkdfSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { inputError } from '../contract/errors.ts';
import type { KeyRing } from './security.port.ts';

/** A key-encryption key and the name under which sealed secrets refer to it. */
export interface SealingKey {
	kid: string;
	key: KeyObject;
}

/** Keys of the engine for other purposes than sealing. */
export interface DerivedKeys {
	/** Peppers the hashes of API keys. */
	pepper: KeyObject;
	/** Makes the tokens of attempts. */
	session: KeyObject;
}

export const KEY_BYTES = 32;

/**
 * Reads `kid:base64,kid:base64`: 32 bytes each, the first is the one that seals. A key may come twice, as the same: so the
 * one that is first may be the last, too, while there is another between.
 * @throws CapError INVALID_REQUEST; the message never contains a key
 */
export function parseKeys(text: string): SealingKey[] {
	const seen = new Map<string, Buffer>();
	return text.split(',').map((entry, index) => {
		const [, kid = '', base64 = ''] =
			/^\s*([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]{43}=?)\s*$/.exec(entry) ?? [];
		const bytes = Buffer.from(base64, 'base64');
		const before = seen.get(kid);
		const another = before !== undefined && !before.equals(bytes);
		if (bytes.length !== KEY_BYTES || another) {
			throw inputError('INVALID_REQUEST', {
				path: `CAPSCHEDULER_KEYS[${index}]`,
				expected: another
					? `another key id, since "${kid}" came before with another key`
					: '"<key id>:<base64 of 32 bytes>"',
			});
		}
		seen.set(kid, bytes);
		return { kid, key: createSecretKey(bytes) };
	});
}

/**
 * Derived from the last key of the list, so that a new key put in front changes none of them. The last
 * key may be dropped only together with every API key: their hashes are peppered by it.
 */
export function deriveKeys(keys: readonly SealingKey[]): DerivedKeys {
	const root = keys.at(-1);
	if (!root) throw new Error('no key to derive from');
	const derive = (purpose: string): KeyObject =>
		createSecretKey(
			Buffer.from(hkdfSync('sha256', root.key, '', `capscheduler/v1/${purpose}`, KEY_BYTES)),
		);
	return { pepper: derive('pepper'), session: derive('session') };
}

/**
 * What a store remembers of the keys that its secrets hang on: enough to tell one key from another, and nothing to
 * open anything with (64 bits of an HMAC under the key).
 */
export function fingerprintsOf(keys: readonly SealingKey[]): KeyRing {
	const [active] = keys;
	const root = keys.at(-1);
	if (!active || !root) throw new Error('no key to tell of');
	const of = (key: KeyObject): string =>
		createHmac('sha256', key).update('capscheduler/v1/fingerprint').digest('hex').slice(0, 16);
	return {
		active: active.kid,
		known: Object.fromEntries(keys.map(({ kid, key }) => [kid, of(key)])),
		root: of(root.key),
	};
}

import {
	createCipheriv,
	createDecipheriv,
	createSecretKey,
	randomBytes,
	scryptSync,
} from 'node:crypto';

import { CapError } from '../contract/errors.ts';
import type { SealingKey } from './keys.ts';
import { KEY_BYTES } from './keys.ts';

/** A key under a passphrase: scrypt (RFC 7914) makes the key that wraps it, by AES-256-GCM. */
export interface LockedKey {
	kdf: { name: 'scrypt'; N: number; r: number; p: number; salt: string };
	/** Nonce, ciphertext and tag, in base64. */
	key: string;
}

/** Costs about half a second and 128 MB. */
const COST = { N: 131_072, r: 8, p: 1 };
/** More than that is no export of ours. */
const MOST_COST = 1_048_576;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KID = 'export';

/** A new key, and the form in which it can lie beside what it seals. */
export function lockedKey(passphrase: string): { key: SealingKey; locked: LockedKey } {
	const bytes = randomBytes(KEY_BYTES);
	const salt = randomBytes(16).toString('base64');
	const kdf = { name: 'scrypt' as const, ...COST, salt };
	const nonce = randomBytes(NONCE_BYTES);
	const cipher = createCipheriv('aes-256-gcm', derive(passphrase, kdf), nonce);
	const wrapped = Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
	return {
		key: { kid: KID, key: createSecretKey(bytes) },
		locked: { kdf, key: wrapped.toString('base64') },
	};
}

/** @throws CapError INVALID_REQUEST when the passphrase is another one */
export function unlockKey({ kdf, key }: LockedKey, passphrase: string): SealingKey {
	if (kdf.N > MOST_COST || kdf.r > 32 || kdf.p > 16) {
		throw new CapError('INVALID_REQUEST', 'the export asks for more work than any of ours');
	}
	const wrapped = Buffer.from(key, 'base64');
	const nonce = wrapped.subarray(0, NONCE_BYTES);
	const decipher = createDecipheriv('aes-256-gcm', derive(passphrase, kdf), nonce);
	decipher.setAuthTag(wrapped.subarray(-TAG_BYTES));
	try {
		const bytes = decipher.update(wrapped.subarray(NONCE_BYTES, -TAG_BYTES));
		return { kid: KID, key: createSecretKey(Buffer.concat([bytes, decipher.final()])) };
	} catch (cause) {
		throw new CapError('INVALID_REQUEST', 'the passphrase is not that of the export', { cause });
	}
}

function derive(passphrase: string, { N, r, p, salt }: LockedKey['kdf']): Buffer {
	const options = { N, r, p, maxmem: 256 * N * r };
	return scryptSync(passphrase.normalize('NFC'), Buffer.from(salt, 'base64'), KEY_BYTES, options);
}

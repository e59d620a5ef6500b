import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import type { Sealed } from '../contract/sealed.ts';
import { CapError } from '../contract/errors.ts';
import type { SealingKey } from './keys.ts';
import type { SealBinding, Sealing } from './security.port.ts';

/** Sealing that can also move a secret under the active key without touching what it says. */
export interface RotatableSealing extends Sealing {
	/** The same secret with its data key wrapped by the active key; the same text when it is already. */
	rewrap(sealed: Sealed): Sealed;
}

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DATA_KEY_BYTES = 32;
/** Secrets that stay open in memory, where whoever can read it finds the keys too. */
const MOST_KEPT = 256;
/** Characters of one, with what names it. */
const LARGEST_KEPT = 16_384;

/**
 * `v1.<kid>.<wrapped key>.<nonce>.<ciphertext>`, the last three in base64url; the wrapped key begins with
 * its own nonce, and both ciphertexts end with their tag. The secret is bound to
 * `v1|tenant|type|id|field`, the wrapped key to its kid.
 */
export function createSealing({ keys }: { keys: readonly SealingKey[] }): RotatableSealing {
	const [active] = keys;
	if (!active) throw new Error('sealing needs a key');
	const byId = new Map(keys.map(({ kid, key }) => [kid, key]));

	const wrap = (dataKey: Buffer, nonce: Buffer): string => {
		const wrapped = encrypt(active.key, nonce, wrapLabel(active.kid), dataKey);
		return `v1.${active.kid}.${Buffer.concat([nonce, wrapped]).toString('base64url')}`;
	};

	const unwrap = ({ kid, wrapped }: Parts): Buffer => {
		const key = byId.get(kid);
		if (!key) throw unopenable(`its key "${kid}" is not configured`);
		return decrypt(
			key,
			wrapped.subarray(0, NONCE_BYTES),
			wrapLabel(kid),
			wrapped.subarray(NONCE_BYTES),
		);
	};

	const opened = new Map<string, string>();

	/** Every delivery of a schedule opens the same secrets. The oldest goes first. */
	function keep(name: string, plain: string): void {
		opened.set(name, plain);
		for (const oldest of opened.keys()) {
			if (opened.size <= MOST_KEPT) break;
			opened.delete(oldest);
		}
	}

	return {
		seal(plain, binding) {
			// one call for all three: a call costs more than its bytes
			const random = randomBytes(DATA_KEY_BYTES + 2 * NONCE_BYTES);
			const dataKey = random.subarray(0, DATA_KEY_BYTES);
			const nonce = random.subarray(DATA_KEY_BYTES, -NONCE_BYTES);
			const wrapNonce = random.subarray(-NONCE_BYTES);
			const text = encrypt(createSecretKey(dataKey), nonce, label(binding), Buffer.from(plain));
			return `${wrap(dataKey, wrapNonce)}.${nonce.toString('base64url')}.${text.toString('base64url')}`;
		},
		open(sealed, binding) {
			const bound = label(binding);
			const name = `${sealed}|${bound.toString()}`;
			const known = opened.get(name);
			if (known !== undefined) return known;
			const parts = read(sealed);
			const key = createSecretKey(unwrap(parts));
			const plain = decrypt(key, parts.nonce, bound, parts.text).toString('utf8');
			if (name.length + plain.length <= LARGEST_KEPT) keep(name, plain);
			return plain;
		},
		rewrap(sealed) {
			const parts = read(sealed);
			if (parts.kid === active.kid) return sealed;
			const tail = sealed.split('.').slice(3).join('.');
			return `${wrap(unwrap(parts), randomBytes(NONCE_BYTES))}.${tail}`;
		},
	};
}

interface Parts {
	kid: string;
	wrapped: Buffer;
	nonce: Buffer;
	text: Buffer;
}

function read(sealed: Sealed): Parts {
	const [version, kid = '', wrapped = '', nonce = '', text = '', ...rest] = sealed.split('.');
	const parts = {
		kid,
		wrapped: Buffer.from(wrapped, 'base64url'),
		nonce: Buffer.from(nonce, 'base64url'),
		text: Buffer.from(text, 'base64url'),
	};
	const wellFormed =
		version === 'v1' &&
		rest.length === 0 &&
		parts.wrapped.length === NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES &&
		parts.nonce.length === NONCE_BYTES &&
		parts.text.length >= TAG_BYTES;
	if (!wellFormed) throw unopenable('it is malformed');
	return parts;
}

function wrapLabel(kid: string): Buffer {
	return Buffer.from(`v1|key|${kid}`);
}

/** Only the last part may contain the separator, so no two bindings read the same. */
function label({ tenant, type, id, field }: SealBinding): Buffer {
	if ([tenant, type, id].some((part) => part.includes('|'))) {
		throw new Error('a binding of sealed secrets contains "|"');
	}
	return Buffer.from(`v1|${tenant}|${type}|${id}|${field}`);
}

function encrypt(key: KeyObject, nonce: Buffer, bound: Buffer, plain: Buffer): Buffer {
	const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
	cipher.setAAD(bound);
	return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: KeyObject, nonce: Buffer, bound: Buffer, sealed: Buffer): Buffer {
	const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
	decipher.setAAD(bound);
	decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
	const plain = decipher.update(sealed.subarray(0, -TAG_BYTES));
	try {
		return Buffer.concat([plain, decipher.final()]);
	} catch (cause) {
		throw unopenable('it was changed or moved', cause);
	}
}

function unopenable(why: string, cause?: unknown): CapError {
	return new CapError('INTERNAL', `a sealed secret cannot be opened: ${why}`, { cause });
}

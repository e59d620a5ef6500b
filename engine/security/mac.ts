import type { KeyObject } from 'node:crypto';
import { createHmac, hash } from 'node:crypto';

/** Of SHA-256, in bytes. */
const BLOCK = 64;
const DIGEST = 32;
/** A UTF-16 unit takes at most so many bytes in UTF-8. */
const WIDEST = 3;
/** Longer texts are hashed by Node's Hmac: what it costs beside hashing does not count there. */
const TEXT_AT_MOST = 8_192;

/** What is hashed: the inner pad and behind it the text. Nobody gives way while it is in use. */
const inner = Buffer.allocUnsafeSlow(BLOCK + TEXT_AT_MOST * WIDEST);

/** HMAC-SHA256 of a text in UTF-8, under one key. */
export type Mac = (text: string, encoding: 'base64' | 'base64url') => string;

/**
 * HMAC (RFC 2104) by two one-shot hashes. Node's Hmac is an object of its own for each text, with native memory that
 * the garbage collector has to look after: making it takes longer than hashing what engines sign, 1.9 µs for a token
 * and 2.4 µs for an envelope of 600 bytes, against 1.0 and 1.4 (and each run has one of both).
 * @param key at most 64 bytes long
 */
export function createMac(key: KeyObject): Mac {
	const bytes = key.export();
	if (bytes.length > BLOCK) throw new Error(`a key of ${bytes.length} bytes: expected at most 64`);
	const innerPad = padded(bytes, 0x36);
	const outer = Buffer.concat([padded(bytes, 0x5c), Buffer.alloc(DIGEST)]);

	return (text, encoding) => {
		if (text.length > TEXT_AT_MOST) return createHmac('sha256', key).update(text).digest(encoding);
		inner.set(innerPad);
		const end = BLOCK + inner.write(text, BLOCK, 'utf8');
		outer.write(hash('sha256', inner.subarray(0, end), 'hex'), BLOCK, 'hex');
		return hash('sha256', outer, encoding);
	};
}

function padded(key: Uint8Array, byte: number): Buffer {
	const pad = Buffer.alloc(BLOCK, byte);
	for (const [i, of] of key.entries()) pad[i] = byte ^ of;
	return pad;
}

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

import type { DerivedKeys } from './keys.ts';
import { createMac } from './mac.ts';
import type { Tokens } from './security.port.ts';

const CHECKSUM_LENGTH = 6;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const API_KEY = /^csk_([A-Za-z0-9_]{1,64})_([A-Za-z0-9_-]{43})([A-Za-z0-9]{6})$/;
/** Epochs without leading zeros: one epoch, one spelling. */
const SESSION_TOKEN = /^cst_([A-Za-z0-9_]{1,64})\.(0|[1-9]\d{0,14})\.([A-Za-z0-9_-]{43})$/;

/** Opaque tokens. What can be derived is not stored, and what is stored is a hash. */
export function createTokens({ pepper, session }: DerivedKeys): Tokens {
	const randomSecret = (): string => randomBytes(32).toString('base64url');
	const peppered = (secret: string): string =>
		createHmac('sha256', pepper).update(secret).digest('hex');
	const sessionMac = createMac(session);
	const proof = (runId: string, epoch: number): string =>
		sessionMac(`session|${runId}|${epoch}`, 'base64url');

	return {
		randomSecret,
		hash: (secret) => createHash('sha256').update(secret).digest('hex'),
		sessionToken: (runId, epoch) => `cst_${runId}.${epoch}.${proof(runId, epoch)}`,
		readSessionToken(token) {
			const [, runId, epochText, given = ''] = SESSION_TOKEN.exec(token) ?? [];
			if (runId === undefined || epochText === undefined) return null;
			const epoch = Number(epochText);
			return equal(given, proof(runId, epoch)) ? { runId, epoch } : null;
		},
		newApiKey(keyId) {
			const secret = randomSecret();
			const body = `csk_${keyId}_${secret}`;
			return { token: body + checksum(body), hash: peppered(secret) };
		},
		readApiKey(token) {
			const [, keyId, secret, sum] = API_KEY.exec(token) ?? [];
			if (keyId === undefined || secret === undefined || sum === undefined) return null;
			if (checksum(token.slice(0, -CHECKSUM_LENGTH)) !== sum) return null;
			return { keyId, hash: peppered(secret) };
		},
		equal,
	};
}

function equal(a: string, b: string): boolean {
	const left = Buffer.from(a);
	const right = Buffer.from(b);
	return left.length === right.length && timingSafeEqual(left, right);
}

/** CRC-32 of everything before it, so that a mistyped key is known without asking the store. */
function checksum(text: string): string {
	let rest = crc32(text);
	let digits = '';
	for (let i = 0; i < CHECKSUM_LENGTH; i++) {
		digits = (BASE62[rest % 62] ?? '') + digits;
		rest = Math.floor(rest / 62);
	}
	return digits;
}

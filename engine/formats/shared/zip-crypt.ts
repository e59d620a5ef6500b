import { createCipheriv, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

/*
 * WinZip's AE-2 with AES-256 (https://www.winzip.com/en/support/aes-encryption/), which 7-Zip, libarchive and
 * pyzipper read: 16 bytes of salt, 2 that tell a wrong password, the bytes in counter mode, and 10 bytes of
 * HMAC-SHA1 over them. The iterations are the format's: a password must be long to be worth something.
 */

const SALT = 16;
const KEY = 32;
const CHECK = 2;
const SEAL = 10;
const ITERATIONS = 1000;
const BLOCK = 16;
/** Blocks of key stream that are made at a time. */
const BLOCKS = 2048;

const derive = promisify(pbkdf2);

export async function* encrypted(
	source: AsyncIterable<Uint8Array>,
	password: string,
): AsyncGenerator<Uint8Array> {
	const salt = randomBytes(SALT);
	const keys = await derive(password, salt, ITERATIONS, 2 * KEY + CHECK, 'sha1');
	const mac = createHmac('sha1', keys.subarray(KEY, 2 * KEY));
	const mask = keyStream(keys.subarray(0, KEY));
	yield Buffer.concat([salt, keys.subarray(2 * KEY)]);
	for await (const chunk of source) {
		const hidden = mask(chunk);
		mac.update(hidden);
		yield hidden;
	}
	yield mac.digest().subarray(0, SEAL);
}

/** Counter mode whose counter counts from 1, its lowest byte first: OpenSSL's has the highest first. */
function keyStream(key: Uint8Array): (chunk: Uint8Array) => Uint8Array {
	const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
	const counters = Buffer.alloc(BLOCKS * BLOCK);
	let counter = 1n;
	let stream = Buffer.alloc(0);
	let used = 0;
	const more = (): void => {
		for (let at = 0; at < counters.length; at += BLOCK) counters.writeBigUInt64LE(counter++, at);
		stream = cipher.update(counters);
		used = 0;
	};
	return (chunk) => {
		const out = new Uint8Array(chunk.length);
		for (let at = 0; at < chunk.length; at++) {
			if (used === stream.length) more();
			out[at] = chunk[at]! ^ stream[used++]!;
		}
		return out;
	};
}

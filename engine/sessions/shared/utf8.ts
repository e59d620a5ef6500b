import { isUtf8 } from 'node:buffer';

import { CapError } from '../../contract/errors.ts';

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** How many bytes at the end belong to a character that has not come in whole. */
function openTail(bytes: Uint8Array): number {
	for (let back = 1; back <= Math.min(3, bytes.length); back++) {
		const byte = bytes[bytes.length - back] ?? 0;
		if (byte < 0x80) return 0;
		if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
	}
	return 0;
}

function notUtf8(): CapError {
	return new CapError('RESULT_INVALID', 'the result is not UTF-8');
}

/**
 * Passes bytes on as long as they are UTF-8, without a byte order mark.
 * @throws CapError RESULT_INVALID
 */
export async function* onlyUtf8(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
	let carry: Buffer = Buffer.alloc(0);
	let first = true;
	for await (const chunk of source) {
		let bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
		if (first) {
			if (bytes.length < 3) {
				carry = bytes;
				continue;
			}
			first = false;
			bytes = withoutBom(bytes);
		}
		const whole = bytes.length - openTail(bytes);
		carry = bytes.subarray(whole);
		const passed = bytes.subarray(0, whole);
		if (!isUtf8(passed)) throw notUtf8();
		if (whole > 0) yield passed;
	}
	if (carry.length === 0) return;
	if (!isUtf8(carry)) throw notUtf8();
	yield carry;
}

export function withoutBom(bytes: Buffer): Buffer {
	return bytes.length >= 3 && bytes.subarray(0, 3).equals(BOM) ? bytes.subarray(3) : bytes;
}

/** @throws CapError RESULT_INVALID */
export function readUtf8(bytes: Buffer): string {
	if (!isUtf8(bytes)) throw notUtf8();
	return withoutBom(bytes).toString('utf8');
}

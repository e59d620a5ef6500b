import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHmac, createSecretKey } from 'node:crypto';

import { createMac } from '../../../engine/security/mac.ts';

describe('a code of a text', () => {
	it.each([
		// RFC 4231, test cases 1 and 2
		[Buffer.alloc(20, 0x0b), 'Hi There', 'sDRMYdjbOFNcqK/OrwvxK4gdwgDJgz2nJuk3bC4yz/c='],
		[
			Buffer.from('Jefe'),
			'what do ya want for nothing?',
			'W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=',
		],
	])('is the HMAC of the standard', (key, text, code) => {
		expect(createMac(createSecretKey(key))(text, 'base64')).toBe(code);
	});

	it("is that of Node's own HMAC, for every key, text and length", () => {
		const text = fc.oneof(
			fc.string({ unit: 'binary' }),
			fc
				.tuple(fc.constantFrom('a', 'ä', '€', '🙂'), fc.integer({ min: 8_180, max: 8_200 }))
				.map(([unit, length]) => unit.repeat(length).slice(0, length)),
		);
		fc.assert(
			fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), text, (bytes, message) => {
				const key = createSecretKey(bytes);
				const mac = createMac(key);
				for (const encoding of ['base64', 'base64url'] as const) {
					const expected = createHmac('sha256', key).update(message).digest(encoding);
					expect(mac(message, encoding)).toBe(expected);
				}
			}),
		);
	});

	it('takes no key that would have to be hashed first', () => {
		expect(() => createMac(createSecretKey(Buffer.alloc(65)))).toThrow('65 bytes');
	});
});

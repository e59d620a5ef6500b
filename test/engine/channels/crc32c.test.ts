import { describe, expect, it } from '@jest/globals';

import { crc32c, crc32cText } from '../../../engine/channels/shared/crc32c.ts';

const rising = Uint8Array.from({ length: 32 }, (_, at) => at);

describe('CRC-32C', () => {
	// RFC 3720, B.4
	it.each([
		['zeros', new Uint8Array(32), 0x8a9136aa],
		['ones', new Uint8Array(32).fill(255), 0x62a8ab43],
		['rising bytes', rising, 0x46dd794e],
		['falling bytes', rising.toReversed(), 0x113fdb5c],
		['"123456789"', Buffer.from('123456789'), 0xe3069283],
	])('of %s is what the standard says, in whatever pieces they come', (_what, bytes, sum) => {
		for (let cut = 0; cut <= bytes.length; cut++) {
			expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(sum);
		}
	});

	it('is written as Google writes it', () => {
		expect(crc32cText(0xe3069283)).toBe('4waSgw==');
	});
});

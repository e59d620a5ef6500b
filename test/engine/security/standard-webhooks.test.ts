import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';

import { createSigner } from '../../../engine/security/standard-webhooks.ts';

const signer = createSigner();
const now = (): number => Math.floor(Date.now() / 1000);

describe('signatures', () => {
	it('satisfy the standardwebhooks package, for any text', () => {
		const secret = signer.generateSecret();
		fc.assert(
			fc.property(fc.string({ unit: 'grapheme' }), (text) => {
				const body = JSON.stringify({ text });
				const headers = signer.sign(secret, { id: 'ntf_1', timestamp: now(), body });
				expect(new Webhook(secret).verify(body, headers)).toEqual({ text });
			}),
		);
	});

	it('are the same for bytes, text and streams', async () => {
		const secret = signer.generateSecret();
		const message = { id: 'dlv_1', timestamp: 1_800_000_000 };
		const body = Buffer.from('{"ä":1}');
		async function* pieces() {
			for (const byte of body) yield await Promise.resolve(Buffer.of(byte));
		}
		const expected = signer.sign(secret, { ...message, body: '{"ä":1}' });
		expect(signer.sign(secret, { ...message, body })).toEqual(expected);
		expect(await signer.signStream(secret, { ...message, body: pieces() })).toEqual(expected);
	});

	it.each(['body', 'id', 'timestamp', 'secret'])('fail when the %s is another', (what) => {
		const secret = signer.generateSecret();
		const timestamp = now();
		const headers = signer.sign(secret, { id: 'ntf_1', timestamp, body: '{}' });
		const verifier = new Webhook(what === 'secret' ? signer.generateSecret() : secret);
		const changed = {
			...headers,
			...(what === 'id' ? { 'webhook-id': 'ntf_2' } : {}),
			...(what === 'timestamp' ? { 'webhook-timestamp': String(timestamp + 1) } : {}),
		};
		expect(() => verifier.verify(what === 'body' ? '[]' : '{}', changed)).toThrow();
	});

	it('are two while a secret is rotated: old and new receivers verify', () => {
		const [fresh, old] = [signer.generateSecret(), signer.generateSecret()];
		const headers = signer.sign(`${fresh} ${old}`, { id: 'ntf_1', timestamp: now(), body: '{}' });
		expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
		for (const secret of [fresh, old])
			expect(new Webhook(secret).verify('{}', headers)).toEqual({});
	});

	it('are right still when more secrets than are kept have been used', () => {
		const first = signer.generateSecret();
		const message = { id: 'ntf_1', timestamp: 1, body: 'x' };
		const before = signer.sign(first, message);
		for (let i = 0; i < 1100; i++) signer.sign(signer.generateSecret(), message);
		expect(signer.sign(first, message)).toEqual(before);
	});

	it('refuse ids that could pass for another message', () => {
		const secret = signer.generateSecret();
		expect(() => signer.sign(secret, { id: 'a.1', timestamp: 1, body: '' })).toThrow('dot');
	});
});

describe('secrets', () => {
	it.each([
		[signer.generateSecret(), true],
		[`whsec_${Buffer.alloc(24).toString('base64')}`, true],
		[`whsec_${Buffer.alloc(64).toString('base64')}`, true],
		[`whsec_${Buffer.alloc(23).toString('base64')}`, false],
		[`whsec_${Buffer.alloc(65).toString('base64')}`, false],
		[Buffer.alloc(32).toString('base64'), false],
		[`whsec_${Buffer.alloc(32).toString('base64')} `, false],
		[`whsec_!${Buffer.alloc(32).toString('base64')}`, false],
		['whsec_', false],
		['', false],
	])('%j: %s', (text, fine) => {
		expect(signer.isSecret(text)).toBe(fine);
	});
});

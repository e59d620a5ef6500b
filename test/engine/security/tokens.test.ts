import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash, randomBytes } from 'node:crypto';

import { deriveKeys, parseKeys } from '../../../engine/security/keys.ts';
import { createTokens } from '../../../engine/security/tokens.ts';

const make = () => createTokens(deriveKeys(parseKeys(`k:${randomBytes(32).toString('base64')}`)));
const tokens = make();
const KEY_ID = 'key_01jabcdefghjkmnpqrstvwxyz0';

describe('link secrets', () => {
	it('are 43 base64url characters, never the same, kept as SHA-256', () => {
		const secrets = new Set(Array.from({ length: 100 }, () => tokens.randomSecret()));
		expect(secrets.size).toBe(100);
		for (const secret of secrets) expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
		expect(tokens.hash('abc')).toBe(createHash('sha256').update('abc').digest('hex'));
	});
});

describe('session tokens', () => {
	it('are good for their run and tell their epoch', () => {
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 1e9 }), (epoch) => {
				const read = tokens.readSessionToken(tokens.sessionToken('run_1', epoch));
				expect(read).toEqual({ runId: 'run_1', epoch });
			}),
		);
	});

	it('are no good for another run, epoch or engine key', () => {
		const token = tokens.sessionToken('run_1', 3);
		expect(tokens.readSessionToken(token.replace('run_1', 'run_2'))).toBeNull();
		expect(tokens.readSessionToken(token.replace('.3.', '.4.'))).toBeNull();
		expect(make().readSessionToken(token)).toBeNull();
	});

	it('have one spelling', () => {
		const token = tokens.sessionToken('run_1', 3);
		for (const other of [
			'',
			'cst_',
			token.slice(0, -1),
			`${token}A`,
			token.replace('.3.', '.03.'),
			` ${token}`,
		]) {
			expect(tokens.readSessionToken(other)).toBeNull();
		}
	});
});

describe('API keys', () => {
	it('are csk_, id, secret and checksum, and lead to the stored hash', () => {
		const { token, hash } = tokens.newApiKey(KEY_ID);
		expect(token).toMatch(new RegExp(`^csk_${KEY_ID}_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}$`));
		expect(tokens.readApiKey(token)).toEqual({ keyId: KEY_ID, hash });
		expect(hash).toMatch(/^[0-9a-f]{64}$/);
	});

	it('are read back whatever the secret looks like', () => {
		for (let i = 0; i < 500; i++) {
			const { token, hash } = tokens.newApiKey(KEY_ID);
			expect(tokens.readApiKey(token)).toEqual({ keyId: KEY_ID, hash });
		}
	});

	it('are refused with any one character changed', () => {
		const { token } = tokens.newApiKey(KEY_ID);
		for (let i = 0; i < token.length; i++) {
			const changed = `${token.slice(0, i)}${token[i] === 'x' ? 'y' : 'x'}${token.slice(i + 1)}`;
			expect(tokens.readApiKey(changed)).toBeNull();
		}
	});

	it.each(['', 'csk_', 'csk__', 'Bearer x', `csk_${'a'.repeat(5000)}`, 'csk_a_b'])(
		'are never %j',
		(text) => {
			expect(tokens.readApiKey(text)).toBeNull();
		},
	);

	it('hash differently under another pepper', () => {
		const { token, hash } = tokens.newApiKey(KEY_ID);
		expect(make().readApiKey(token)?.hash).not.toBe(hash);
	});
});

describe('equal', () => {
	it.each([
		['a', 'a', true],
		['', '', true],
		['a', 'b', false],
		['a', 'aa', false],
		['ä', 'a', false],
	])('%j and %j: %s', (a, b, same) => {
		expect(tokens.equal(a, b)).toBe(same);
	});
});

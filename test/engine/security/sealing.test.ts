import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { randomBytes } from 'node:crypto';

import { deriveKeys, parseKeys } from '../../../engine/security/keys.ts';
import { createSealing } from '../../../engine/security/sealing.ts';

const line = (kid: string): string => `${kid}:${randomBytes(32).toString('base64')}`;
const binding = { tenant: 'default', type: 'destination', id: 'dst_1', field: 'secret' };
const refused = { code: 'INTERNAL', retry: 'never' };

describe('sealed secrets', () => {
	const sealing = createSealing({ keys: parseKeys(line('a')) });

	it('open to what was sealed, whatever it is', () => {
		fc.assert(
			fc.property(fc.string({ unit: 'grapheme' }), (plain) => {
				expect(sealing.open(sealing.seal(plain, binding), binding)).toBe(plain);
			}),
		);
	});

	it('never look the same twice and never show the secret', () => {
		const secrets = new Set(Array.from({ length: 50 }, () => sealing.seal('canary', binding)));
		expect(secrets.size).toBe(50);
		for (const sealed of secrets) {
			expect(sealed).toMatch(/^v1\.a\.[\w-]+\.[\w-]{16}\.[\w-]+$/);
			expect(Buffer.from(sealed.split('.')[4] ?? '', 'base64url').toString()).not.toContain(
				'canary',
			);
		}
	});

	it.each(['tenant', 'type', 'id', 'field'] as const)('do not open for another %s', (part) => {
		const sealed = sealing.seal('x', binding);
		const elsewhere = { ...binding, [part]: 'other' };
		expect(() => sealing.open(sealed, elsewhere)).toThrow(expect.objectContaining(refused));
		// what was opened stays open, for its own place
		for (const _ of [1, 2]) expect(sealing.open(sealed, binding)).toBe('x');
		expect(() => sealing.open(sealed, elsewhere)).toThrow(expect.objectContaining(refused));
	});

	it('do not open after any change of any byte', () => {
		const sealed = sealing.seal('a secret', binding);
		for (let i = 0; i < sealed.length; i++) {
			const changed = `${sealed.slice(0, i)}${sealed[i] === 'A' ? 'B' : 'A'}${sealed.slice(i + 1)}`;
			let opened: string | undefined;
			try {
				opened = sealing.open(changed, binding);
			} catch (error) {
				expect(error).toMatchObject(refused);
			}
			// the last character of base64url may hold bits that mean nothing
			if (opened !== undefined) expect(opened).toBe('a secret');
		}
	});

	it.each(['', 'v1', 'v2.a.b.c.d', 'v1.a...', 'whsec_plain'])('refuse %j', (text) => {
		expect(() => sealing.open(text, binding)).toThrow(expect.objectContaining(refused));
	});

	it('refuse a binding that could be read as another', () => {
		expect(() => sealing.seal('x', { ...binding, tenant: 'a|b' })).toThrow('"|"');
	});
});

describe('rotation', () => {
	const [a, b] = [line('a'), line('b')];
	const before = createSealing({ keys: parseKeys(a) });
	const during = createSealing({ keys: parseKeys(`${b},${a}`) });
	const after = createSealing({ keys: parseKeys(b) });

	it('seals with the first key and opens with any', () => {
		expect(during.seal('x', binding)).toMatch(/^v1\.b\./);
		expect(during.open(before.seal('old', binding), binding)).toBe('old');
		expect(() => before.open(during.seal('x', binding), binding)).toThrow('"b" is not configured');
	});

	it('rewraps data keys without touching what they seal', () => {
		const old = before.seal('kept', binding);
		const rewrapped = during.rewrap(old);
		expect(rewrapped.split('.').slice(3)).toEqual(old.split('.').slice(3));
		expect(after.open(rewrapped, binding)).toBe('kept');
		expect(during.rewrap(rewrapped)).toBe(rewrapped);
	});

	it('changes no derived key while the last key stays', () => {
		const one = deriveKeys(parseKeys(a));
		const two = deriveKeys(parseKeys(`${b},${a}`));
		expect(two.pepper.equals(one.pepper)).toBe(true);
		expect(two.session.equals(one.session)).toBe(true);
		expect(one.pepper.equals(one.session)).toBe(false);
	});
});

describe('CAPSCHEDULER_KEYS', () => {
	it('is read in order', () => {
		expect(parseKeys(`${line('new')}, ${line('old')}`).map(({ kid }) => kid)).toEqual([
			'new',
			'old',
		]);
	});

	it.each([
		['nothing', ''],
		['no kid', randomBytes(32).toString('base64')],
		['a kid with a dot', line('a.b')],
		['a short key', `a:${randomBytes(31).toString('base64')}`],
		['a long key', `a:${randomBytes(33).toString('base64')}`],
		['a kid twice', `${line('a')},${line('a')}`],
		['an empty entry', `${line('a')},`],
	])('is refused with %s, without telling the key', (_case, text) => {
		let message = '';
		try {
			parseKeys(text);
		} catch (error) {
			message = (error as Error).message;
		}
		expect(message).toContain('CAPSCHEDULER_KEYS[');
		const key = text.split(':').at(-1) ?? '';
		if (key.length > 20) expect(message).not.toContain(key);
	});
});

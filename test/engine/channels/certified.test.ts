import { describe, expect, it } from '@jest/globals';
import type { Dispatcher } from 'undici';

import { CertifiedDispatchers } from '../../../engine/channels/shared/certified.ts';

/** Dispatchers that tell what became of them. */
function bench() {
	const ends: string[] = [];
	let made = 0;
	const withCertificates = ({ ca = '' }): Dispatcher => {
		made += 1;
		const end = (how: string) => async () => {
			ends.push(`${how} ${ca}`);
			return Promise.resolve();
		};
		return { close: end('close'), destroy: end('destroy') } as unknown as Dispatcher;
	};
	return { dispatchers: new CertifiedDispatchers({ withCertificates }), ends, made: () => made };
}

describe('ways out with certificates of their own', () => {
	it('are shared by those of the same certificates, and none is made without', () => {
		const { dispatchers, made } = bench();
		expect(dispatchers.of({})).toBeUndefined();
		expect(dispatchers.of({ ca: 'a' })).toBe(dispatchers.of({ ca: 'a' }));
		expect(dispatchers.of({ ca: 'a' })).not.toBe(dispatchers.of({ ca: 'a', cert: 'c', key: 'k' }));
		expect(made()).toBe(2);
	});

	it('are fifty at most: the one longest out of use ends what it has under way, and goes', async () => {
		const { dispatchers, ends } = bench();
		for (let at = 1; at <= 50; at++) dispatchers.of({ ca: `${at}` });
		dispatchers.of({ ca: '1' });
		expect(ends).toEqual([]);
		dispatchers.of({ ca: '51' });
		expect(ends).toEqual(['close 2']);
		await dispatchers.close();
		expect(ends).toHaveLength(51);
		expect(ends).not.toContain('destroy 2');
	});
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { shareOut } from '../../../../engine/core/run/shares.ts';
import type { ShareState } from '../../../../engine/core/run/shares.ts';
import { createShares } from '../../../../engine/pipeline/shares.ts';

const NOBODY = new Map<string, number>();

function state(changes: Partial<ShareState> & { weights?: Record<string, number> }): ShareState {
	const { weights = {}, ...rest } = changes;
	return {
		capacity: 100,
		weightOf: (tenant) => weights[tenant] ?? 1,
		inHand: NOBODY,
		had: NOBODY,
		floor: 0,
		...rest,
	};
}

function out(of: ShareState, tenants: string[], limit: number): Record<string, number> {
	return Object.fromEntries(shareOut(of, { tenants, limit, taken: NOBODY }));
}

describe('free hands', () => {
	it('are shared evenly by default, and by weight where there are weights', () => {
		expect(out(state({}), ['a', 'b', 'c'], 90)).toEqual({ a: 30, b: 30, c: 30 });
		expect(out(state({ weights: { a: 3 } }), ['a', 'b'], 100)).toEqual({ a: 75, b: 25 });
		expect(out(state({ weights: { a: 0.5 } }), ['a', 'b'], 90)).toEqual({ a: 30, b: 60 });
	});

	it('go to who has fewer in hand than its share, whatever it has had', () => {
		const inHand = new Map([['long', 90]]);
		const had = new Map([['short', 50]]);
		expect(out(state({ inHand, had }), ['long', 'short'], 10)).toEqual({ long: 0, short: 10 });
	});

	it('stay free for nobody while one has work', () => {
		expect(out(state({ inHand: new Map([['a', 60]]) }), ['a'], 40)).toEqual({ a: 40 });
	});

	it('come in turn where there are fewer of them than tenants', () => {
		const shares = createShares({ capacity: 1, weights: new Map([['b', 2]]) });
		const order: string[] = [];
		for (let n = 0; n < 12; n++) {
			const got = shares.share({ tenants: ['a', 'b', 'c'], limit: 1, taken: NOBODY });
			const [tenant = ''] = [...got].find(([, count]) => count === 1) ?? [];
			shares.claimed([tenant]);
			shares.done(tenant);
			order.push(tenant);
		}
		const count = (of: string): number => order.filter((one) => one === of).length;
		expect([count('a'), count('b'), count('c')]).toEqual([3, 6, 3]);
	});

	it('are not saved up by who had nothing to do', () => {
		const shares = createShares({ capacity: 10, weights: NOBODY });
		for (let n = 0; n < 50; n++) {
			shares.claimed(['busy']);
			shares.done('busy');
		}
		const tenants = ['busy', 'idle'];
		let idle = 0;
		for (let n = 0; n < 20; n++) {
			const got = shares.share({ tenants, limit: 1, taken: NOBODY });
			const [tenant = ''] = [...got].find(([, count]) => count === 1) ?? [];
			shares.claimed([tenant]);
			shares.done(tenant);
			if (tenant === 'idle') idle++;
		}
		expect(idle).toBeGreaterThanOrEqual(10);
		expect(idle).toBeLessThanOrEqual(11);
	});

	it('are all handed out, none twice, and within one of the exact share', () => {
		fc.assert(
			fc.property(
				fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 }),
				fc.integer({ min: 1, max: 300 }),
				(weights, limit) => {
					const tenants = weights.map((_, n) => `t${n}`);
					const named = Object.fromEntries(weights.map((weight, n) => [`t${n}`, weight]));
					const given = out(state({ capacity: limit, weights: named }), tenants, limit);
					const sum = weights.reduce((all, one) => all + one, 0);
					expect(Object.values(given).reduce((all, one) => all + one, 0)).toBe(limit);
					for (const [n, weight] of weights.entries()) {
						const exact = (limit * weight) / sum;
						expect(Math.abs((given[`t${n}`] ?? 0) - exact)).toBeLessThanOrEqual(1.000001);
					}
				},
			),
		);
	});
});

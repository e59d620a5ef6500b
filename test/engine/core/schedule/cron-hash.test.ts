import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { resolveHashes } from '../../../../engine/core/schedule/cron-hash.ts';
import { resolveCron } from '../../../../engine/core/schedule/resolve-rule.ts';

const resolve = (text: string, seed: string, dialect?: 'quartz'): string =>
	resolveHashes(text, { seed, dialect });

function refusal(text: string, dialect?: 'quartz'): string {
	try {
		resolveCron(text, { path: 'cron', seed: 'sch_1', smallestInterval: 1000 }, { dialect });
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
	return 'accepted';
}

describe('"~" in a pattern', () => {
	it('is the same for one seed, and spreads over the whole field for many', () => {
		expect(resolve('~ ~ ~ * *', 'sch_1')).toBe(resolve('~ ~ ~ * *', 'sch_1'));
		const minutes = Array.from({ length: 6000 }, (_, i) =>
			Number(resolve('~ 3 * * *', `sch_${i}`).split(' ')[0]),
		);
		for (let minute = 0; minute < 60; minute++) {
			const times = minutes.filter((each) => each === minute).length;
			expect(times).toBeGreaterThan(50);
			expect(times).toBeLessThan(160);
		}
	});

	it('keeps to its range, and to days that every month has', () => {
		fc.assert(
			fc.property(fc.string(), fc.nat(59), fc.nat(59), (seed, a, b) => {
				const [low, high] = [Math.min(a, b), Math.max(a, b)];
				const [minute, , day] = resolve(`${low}~${high} 3 ~ * *`, seed).split(' ').map(Number);
				expect(minute).toBeGreaterThanOrEqual(low);
				expect(minute).toBeLessThanOrEqual(high);
				expect(day).toBeGreaterThanOrEqual(1);
				expect(day).toBeLessThanOrEqual(28);
			}),
		);
	});

	it('with a step gives an offset below the step', () => {
		for (let i = 0; i < 100; i++) {
			const [field = ''] = resolve('~/15 * * * *', `sch_${i}`).split(' ');
			expect(field).toMatch(/^(?:\d|1[0-4])-59\/15$/);
		}
	});

	it.each([
		['~~ * * * *', 'cron: expected minute with "~" alone, between two values of 0-59'],
		['~/x * * * *', 'got "~/x" at position 1'],
		['0 5~ * * *', 'got "5~" at position 3'],
		['0 0 10~5 * *', 'got "10~5" at position 5'],
		['~/61 * * * *', 'got "~/61" at position 1'],
		// Positions are those of what was written, not of what it became.
		['0~10 9~17 32 * *', 'got 32 at position 11'],
		['~ ~ * 13 *', 'got 13 at position 7'],
		// Not by luck of the seed: the highest day of the range must exist.
		['0 0 28~31 2 *', 'never fires: no day 31 in FEB'],
	])('is refused in %s', (text, words) => {
		expect(refusal(text)).toContain(words);
	});

	it('chooses no year', () => {
		expect(refusal('0 0 12 1 1 ? ~', 'quartz')).toContain(
			'year with no "~", got "~" at position 14',
		);
	});
});

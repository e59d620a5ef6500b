import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { MAX_INSTANT } from '../../../../engine/contract/time.ts';
import type { Timing } from '../../../../engine/contract/timing.ts';
import { beginning, firstFrom, nextAfter } from '../../../../engine/core/schedule/timing.ts';

const firstOf = (timing: Timing, acceptedAt: number): number | undefined =>
	nextAfter(timing, beginning(timing, acceptedAt));

const at = (iso: string): number => Date.parse(iso);
const cron = (text: string, timeZone = 'UTC'): Timing => ({ kind: 'cron', cron: text, timeZone });

function isoAfter(timing: Timing, after: string, count: number): string[] {
	const list: string[] = [];
	let next = nextAfter(timing, at(after));
	while (next !== undefined && list.length < count) {
		list.push(new Date(next).toISOString().replace(':00.000Z', 'Z'));
		next = nextAfter(timing, next);
	}
	return list;
}

describe('cron', () => {
	it('keeps the local time through the year', () => {
		const timing = cron('0 9 * * 1-5', 'Europe/Berlin');
		expect(isoAfter(timing, '2027-03-25T12:00:00Z', 3)).toEqual([
			'2027-03-26T08:00Z',
			'2027-03-29T07:00Z',
			'2027-03-30T07:00Z',
		]);
	});

	it('shifts a local time that does not exist by the width of the gap', () => {
		expect(isoAfter(cron('30 2 * * *', 'Europe/Berlin'), '2027-03-27T12:00:00Z', 2)).toEqual([
			'2027-03-28T01:30Z',
			'2027-03-29T00:30Z',
		]);
	});

	it('does not double an instant that the rule gives anyway', () => {
		expect(isoAfter(cron('30 2,3 * * *', 'Europe/Berlin'), '2027-03-27T12:00:00Z', 3)).toEqual([
			'2027-03-28T01:30Z',
			'2027-03-29T00:30Z',
			'2027-03-29T01:30Z',
		]);
	});

	it('fires once, the first time, at a local time that comes twice', () => {
		expect(isoAfter(cron('30 2 * * *', 'Europe/Berlin'), '2027-10-30T12:00:00Z', 2)).toEqual([
			'2027-10-31T00:30Z',
			'2027-11-01T01:30Z',
		]);
	});

	it.each(['*/30 * * * *', '*/30 0-23 * * *'])('goes on through both hours with %s', (text) => {
		expect(isoAfter(cron(text, 'Europe/Berlin'), '2027-10-30T23:45:00Z', 5)).toEqual([
			'2027-10-31T00:00Z',
			'2027-10-31T00:30Z',
			'2027-10-31T01:00Z',
			'2027-10-31T01:30Z',
			'2027-10-31T02:00Z',
		]);
	});

	it('moves the day that Samoa lost to the day after', () => {
		const timing = cron('0 9 30 12 *', 'Pacific/Apia');
		// 09:00 on the 31st, when the 30th had no 09:00
		expect(isoAfter(timing, '2011-12-01T00:00:00Z', 2)).toEqual([
			'2011-12-30T19:00Z',
			'2012-12-29T19:00Z',
		]);
		expect(isoAfter(cron('0 9 * * *', 'Pacific/Apia'), '2011-12-28T20:00:00Z', 3)).toEqual([
			'2011-12-29T19:00Z',
			'2011-12-30T19:00Z',
			'2011-12-31T19:00Z',
		]);
	});

	it('knows 29 February in leap years only, over a century that is none', () => {
		expect(isoAfter(cron('0 0 29 2 *'), '2092-03-01T00:00:00Z', 2)).toEqual([
			'2096-02-29T00:00Z',
			'2104-02-29T00:00Z',
		]);
	});

	it('finds the leap day on one weekday 40 years ahead', () => {
		// "*/7" is Sunday and starts with "*", so both day fields must fit
		expect(isoAfter(cron('0 0 29 2 */7'), '2088-03-01T00:00:00Z', 1)).toEqual([
			'2128-02-29T00:00Z',
		]);
	});

	it('fires on days that fit either day field', () => {
		expect(isoAfter(cron('0 0 13 * 5'), '2027-08-01T00:00:00Z', 4)).toEqual([
			'2027-08-06T00:00Z',
			'2027-08-13T00:00Z',
			'2027-08-20T00:00Z',
			'2027-08-27T00:00Z',
		]);
	});

	it('is over at the end of the years that the engine accepts', () => {
		expect(nextAfter(cron('* * * * *', 'Asia/Tokyo'), MAX_INSTANT)).toBeUndefined();
		expect(nextAfter(cron('0 0 1 1 *'), at('9999-06-01T00:00:00Z'))).toBeUndefined();
	});
});

describe('every', () => {
	it('is anchored: any instant has the next one on the same grid, and never one in between', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 10 * 366 * 86_400_000 }),
				fc.integer({ min: 0, max: 4e12 }),
				fc.integer({ min: 0, max: 4e12 }),
				(every, anchor, after) => {
					const next =
						nextAfter({ kind: 'every', every, anchor, timeZone: 'UTC' }, after) ?? Number.NaN;
					expect(next).toBeGreaterThan(after);
					expect(next - after).toBeLessThanOrEqual(every);
					expect(Math.abs((next - anchor) % every)).toBe(0);
				},
			),
		);
	});

	it('does not care about clock changes', () => {
		const anchor = at('2027-03-27T09:00:00+01:00');
		const timing: Timing = { kind: 'every', every: 86_400_000, anchor, timeZone: 'Europe/Berlin' };
		expect(isoAfter(timing, '2027-03-27T08:00:00Z', 2)).toEqual([
			'2027-03-28T08:00Z',
			'2027-03-29T08:00Z',
		]);
	});
});

describe('bounds', () => {
	const bounded: Timing = {
		...cron('0 * * * *'),
		start: at('2027-01-01T01:00:00Z'),
		end: at('2027-01-01T03:00:00Z'),
	};

	it('include start and end', () => {
		expect(isoAfter(bounded, '2026-01-01T00:00:00Z', 9)).toEqual([
			'2027-01-01T01:00Z',
			'2027-01-01T02:00Z',
			'2027-01-01T03:00Z',
		]);
	});

	it('leave a single instant alone or drop it', () => {
		const timing: Timing = { kind: 'at', at: 5000, timeZone: 'UTC' };
		expect(nextAfter(timing, 4999)).toBe(5000);
		expect(nextAfter(timing, 5000)).toBeUndefined();
		expect(firstFrom(timing, 5000)).toBe(5000);
		expect(nextAfter({ ...timing, end: 4999 }, 0)).toBeUndefined();
	});

	it('make the start the first occurrence, and without one the first comes after acceptance', () => {
		const every: Timing = { kind: 'every', every: 1000, anchor: 5000, timeZone: 'UTC' };
		expect(firstOf(every, 5000)).toBe(6000);
		expect(firstOf({ ...every, start: 5000 }, 5000)).toBe(5000);
		expect(firstOf({ ...every, start: 5000 }, 1)).toBe(5000);
		expect(firstOf({ ...every, start: 5000 }, 7200)).toBe(8000);
	});
});

describe('rules and "only" that never meet', () => {
	it('are given up after a bounded number of looks, fewer where a look asks more', () => {
		/** How often `only` is asked until the search is given up; without an end, it would be for 41 years. */
		const asked = (restrictions: number): number => {
			let count = 0;
			const restriction = {
				get cron() {
					if (++count > 200_000) throw new Error('it goes on');
					return '1 * * * * *';
				},
			};
			const only = Array.from({ length: restrictions }, () => restriction);
			expect(nextAfter({ ...cron('*/2 * * * * *'), only }, 0)).toBeUndefined();
			return count;
		};
		expect(asked(1)).toBeLessThanOrEqual(100_000);
		expect(asked(20) / 20).toBeLessThanOrEqual(10_000);
	});

	it('are found where they meet late', () => {
		const seconds: Timing = { kind: 'every', every: 3_599_000, anchor: 1000, timeZone: 'UTC' };
		const timing: Timing = { ...seconds, only: [{ cron: '0 0 * * * *' }] };
		expect(nextAfter(timing, 3_600_000)).toBe(1000 + 3601 * 3_599_000);
		const rare: Timing = { ...cron('0 0 29 2 *'), only: [{ cron: '* * * * 1' }] };
		expect(nextAfter(rare, at('2016-03-01T00:00:00Z'))).toBe(at('2044-02-29T00:00:00Z'));
	});
});

import { describe, expect, it } from '@jest/globals';

import type { Timing } from '../../../../engine/contract/timing.ts';
import { timingInputSchema } from '../../../../engine/contract/timing.ts';
import { lintMonthEnd } from '../../../../engine/core/schedule/lint-timing.ts';
import { formatLocal } from '../../../../engine/core/schedule/local-time.ts';
import { resolveTiming } from '../../../../engine/core/schedule/resolve-timing.ts';
import { nextAfter } from '../../../../engine/core/schedule/timing.ts';

const acceptedAt = Date.parse('2027-01-31T08:00:00Z');

function resolved(input: Record<string, unknown>): Timing {
	const timing = timingInputSchema.parse(input);
	return resolveTiming({ timing }, { acceptedAt, smallestInterval: 1000 });
}

function dates(timing: Timing, after: string, count: number): string[] {
	const list: string[] = [];
	let at: number | undefined = Date.parse(after);
	while (list.length < count && at !== undefined) {
		at = nextAfter(timing, at);
		if (at !== undefined) list.push(formatLocal(timing.timeZone, at).slice(0, 22));
	}
	return list;
}

describe('every, by the calendar', () => {
	it('counts each from the anchor: 31 January, 28 February, 31 March', () => {
		const timing = resolved({
			every: '1 month',
			anchor: '2027-01-31T09:00:00',
			timeZone: 'Europe/Berlin',
		});
		expect(timing).toMatchObject({
			kind: 'months',
			months: 1,
			anchor: '2027-01-31T09:00:00',
			monthEnd: 'clamp',
		});
		expect(dates(timing, '2027-01-01T00:00:00Z', 4)).toEqual([
			'2027-01-31T09:00:00+01',
			'2027-02-28T09:00:00+01',
			'2027-03-31T09:00:00+02',
			'2027-04-30T09:00:00+02',
		]);
	});

	it('leaves months out that lack the day, when told so', () => {
		const timing = resolved({ every: 'P1M', anchor: '2027-01-31T09:00:00', monthEnd: 'skip' });
		expect(dates(timing, '2027-02-01T00:00:00Z', 3)).toEqual([
			'2027-03-31T09:00:00+00',
			'2027-05-31T09:00:00+00',
			'2027-07-31T09:00:00+00',
		]);
	});

	it.each<[string, number]>([
		['1 month', 1],
		['P3M', 3],
		['2 quarters', 6],
		['1 year', 12],
		['P2Y', 24],
	])('understands %s', (every, months) => {
		expect(resolved({ every })).toMatchObject({ kind: 'months', months });
	});

	it('begins at the start, else at acceptance, at the local time there, with the phase', () => {
		const timing = resolved({ every: '1 year', timeZone: 'Asia/Tokyo', phase: '1d' });
		expect(timing).toMatchObject({ anchor: '2027-02-01T17:00:00' });
		const later = resolved({
			every: '1 month',
			start: '2027-06-01T00:00:00Z',
			timeZone: 'Asia/Tokyo',
		});
		expect(later).toMatchObject({ anchor: '2027-06-01T09:00:00' });
	});

	it('keeps 29 February of leap years, clamped between them', () => {
		const timing = resolved({ every: '1 year', anchor: '2024-02-29T00:00:00' });
		expect(dates(timing, '2027-03-01T00:00:00Z', 2)).toEqual([
			'2028-02-29T00:00:00+00',
			'2029-02-28T00:00:00+00',
		]);
	});

	it('warns when months lack the day and nobody said what then', () => {
		const lint = (input: Record<string, unknown>): unknown[] =>
			lintMonthEnd(timingInputSchema.parse(input), resolved(input));
		expect(lint({ every: '1 month' })).toMatchObject([{ code: 'MONTH_END' }]);
		expect(lint({ every: '1 month', monthEnd: 'clamp' })).toEqual([]);
		expect(lint({ every: '1 month', anchor: '2027-01-28T00:00:00Z' })).toEqual([]);
		expect(lint({ every: '1 year' })).toEqual([]);
	});

	it('refuses no months, a bad anchor, and monthEnd for fixed lengths', () => {
		expect(() => resolved({ every: '0 months' })).toThrow('at least one month');
		expect(() => resolved({ every: '1 month', anchor: 'soon' })).toThrow('timing.anchor');
		expect(() => resolved({ every: '1d', monthEnd: 'skip' })).toThrow('timing.monthEnd');
	});
});

import { describe, expect, it } from '@jest/globals';

import { lintLocalAt } from '../../../../engine/core/schedule/lint-timing.ts';
import { resolveTiming } from '../../../../engine/core/schedule/resolve-timing.ts';

const acceptedAt = Date.parse('2026-11-01T00:00:00Z');

function warningsOf(at: string, timeZone = 'Europe/Berlin'): string[] {
	const timing = resolveTiming(
		{ timing: { at, timeZone } },
		{ acceptedAt, smallestInterval: 1000 },
	);
	return lintLocalAt(at, timing).map(({ code, message }) => `${code} ${message}`);
}

describe('a local time at a clock change', () => {
	it.each([
		[
			'2027-03-28T02:30:00',
			'AT_SHIFTED clocks change on 2027-03-28 in Europe/Berlin: 02:30 does not exist on this day, shifted to 03:30',
		],
		[
			'2027-10-31T02:30:00',
			'AT_AMBIGUOUS clocks change on 2027-10-31 in Europe/Berlin: 02:30 comes twice on this day, fires the first time',
		],
	])('%s: warns', (at, warning) => {
		expect(warningsOf(at)).toEqual([warning]);
	});

	it.each([
		'2027-03-28T01:59:59',
		'2027-03-28T03:00:00',
		'2027-10-31T01:59:59',
		'2027-10-31T03:00:00',
		'2027-12-31T23:59:00',
		'2027-03-28T02:30:00+01:00',
		'2027-10-31T02:30:00+02:00',
	])('%s: has nothing to say', (at) => {
		expect(warningsOf(at)).toEqual([]);
	});

	it('UTC never changes', () => {
		expect(warningsOf('2027-03-28T02:30:00', 'UTC')).toEqual([]);
	});
});

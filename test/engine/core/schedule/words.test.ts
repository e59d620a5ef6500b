import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Timing } from '../../../../engine/contract/timing.ts';
import { resolveTiming } from '../../../../engine/core/schedule/resolve-timing.ts';
import { describeTiming } from '../../../../engine/core/schedule/words.ts';
import { aCalendar } from '../../../support/core-records.ts';
import { cronPattern } from '../../../support/cron-arbitrary.ts';

const NOW = Date.UTC(2027, 0, 1, 8);
const holidays = aCalendar({ name: 'holidays-de' });
const calendars = new Map([['cal_1', holidays]]);

function words(request: Parameters<typeof resolveTiming>[0]): string {
	const named = new Map([['holidays-de', holidays]]);
	const context = { acceptedAt: NOW, smallestInterval: 1000, seed: 'sch_1', calendars: named };
	return describeTiming(resolveTiming(request, context), calendars);
}

describe('a timing in words', () => {
	it.each([
		['0 9 * * 1-5', 'at 09:00 on Monday to Friday'],
		['* * * * *', 'every minute'],
		['0 * * * *', 'every hour at :00'],
		['15,45 * * * *', 'every 30 minutes from minute 15 on'],
		['*/15 9-17 * * 1-5', 'every 15 minutes from 09:00 to 17:59 on Monday to Friday'],
		['*/10 * * * * *', 'every 10 seconds'],
		['0 */6 * * *', 'at 00:00, 06:00, 12:00 and 18:00'],
		['10 1/2 * * *', 'at :10 of every second hour from 01:00 on'],
		['0 0 L * *', 'at 00:00 on the last day of every month'],
		['0 0 L-2 * *', 'at 00:00 on the third last day of every month'],
		['0 9 LW * *', 'at 09:00 on the last working day of every month'],
		['0 9 15W 1,7 *', 'at 09:00 on the working day nearest to the 15th of January and July'],
		['30 17 * * 5L', 'at 17:30 on the last Friday of every month'],
		['0 9 * * MON#2', 'at 09:00 on the second Monday of every month'],
		['0 0 13 * 5', 'at 00:00 on the 13th or Friday of every month'],
		['0 0 * 6-8 *', 'at 00:00 in June to August'],
		['@yearly', 'at 00:00 on the 1st of January'],
	])('%s is %s', (cron, expected) => {
		expect(words({ timing: { cron } })).toBe(`${expected}, UTC`);
	});

	it.each<[object, string]>([
		[{ every: 82_800_000 }, 'every 23 hours, counted from 2027-01-01 08:00, UTC'],
		[
			{ every: '1 month', anchor: '2027-01-31T09:00:00', timeZone: 'Europe/Berlin' },
			'every month, counted from 2027-01-31 09:00, on the last day where a month is too short, Europe/Berlin',
		],
		[
			{ at: '2027-01-31T09:00:00', timeZone: 'America/New_York' },
			'once, at 2027-01-31 09:00, America/New_York',
		],
		[
			{ rrule: 'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;BYHOUR=10;BYMINUTE=0' },
			'every 2 weeks on Tuesday and Thursday at 10:00, from 2027-01-01 08:00 on, UTC',
		],
		[
			{ any: [{ cron: '0 9 * * 1' }, { cron: '0 17 * * 5' }], limit: 10, jitter: 300_000 },
			'at 09:00 on Monday; and at 17:00 on Friday, UTC, 10 times at most, delayed by up to 5m',
		],
		[
			{
				cron: '0 9 * * *',
				only: [{ weekdays: ['mon', 'tue'], from: '09:00', to: '17:00' }],
				exclude: [{ calendar: 'holidays-de', rule: 'skip' }, { dates: ['2027-12-24'] }],
			},
			'at 09:00, UTC, only on Monday and Tuesday from 09:00 to 17:00, not on days of holidays-de, not on 2027-12-24',
		],
		[
			{ cron: '0 9 1 * *', exclude: [{ calendar: 'holidays-de', rule: 'next_working_day' }] },
			'at 09:00 on the 1st of every month, UTC, moved to the next working day of holidays-de',
		],
	])('tells what else is asked for', (timing, expected) => {
		expect(words({ timing: timing })).toBe(expected);
	});

	it('finds words for whatever can be asked for', () => {
		fc.assert(
			fc.property(cronPattern({ day: 28, withSeconds: true }), ({ text }) => {
				const timing: Timing = { kind: 'cron', cron: text, timeZone: 'UTC' };
				expect(describeTiming(timing, calendars)).toMatch(/^(?:at|every) [ -~]+, UTC$/);
				expect(describeTiming(timing, calendars)).not.toMatch(/undefined|NaN| {2}/);
			}),
		);
	});
});

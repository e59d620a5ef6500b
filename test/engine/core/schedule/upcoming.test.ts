import { describe, expect, it } from '@jest/globals';

import { NO_CALENDARS } from '../../../../engine/contract/calendar.ts';
import type { Timing, UpcomingOccurrence } from '../../../../engine/contract/timing.ts';
import { lintTiming } from '../../../../engine/core/schedule/lint-timing.ts';
import { formatLocal } from '../../../../engine/core/schedule/local-time.ts';
import { planOf } from '../../../../engine/core/schedule/plan.ts';
import { describeUpcoming } from '../../../../engine/core/schedule/upcoming.ts';

function upcomingOf(timing: Timing, from: number, count: number): UpcomingOccurrence[] {
	const plan = planOf({ timing, calendars: NO_CALENDARS, seed: 'sch_1' });
	return describeUpcoming({ timing, plan, calendars: NO_CALENDARS }, from, count);
}

const at = (iso: string): number => Date.parse(iso);
const cron = (text: string, timeZone = 'UTC'): Timing => ({ kind: 'cron', cron: text, timeZone });

describe('upcoming occurrences', () => {
	it('are told in the wall-clock time of the zone, with what a clock change did', () => {
		const from = at('2027-03-27T00:00:00Z');
		expect(upcomingOf(cron('30 2 * * *', 'Europe/Berlin'), from, 3)).toEqual([
			{
				at: '2027-03-27T01:30:00.000Z',
				local: '2027-03-27T02:30:00+01:00[Europe/Berlin]',
				notes: [],
			},
			{
				at: '2027-03-28T01:30:00.000Z',
				local: '2027-03-28T03:30:00+02:00[Europe/Berlin]',
				notes: ['clock change: 02:30 does not exist on this day, shifted to 03:30'],
			},
			{
				at: '2027-03-29T00:30:00.000Z',
				local: '2027-03-29T02:30:00+02:00[Europe/Berlin]',
				notes: [],
			},
		]);
	});

	it.each([
		['30 2 * * *', ['02:30 comes twice on this day, fires the first time only']],
		[
			'30 * * * *',
			[
				'02:30 comes twice on this day, this is the first time',
				'02:30 comes twice on this day, this is the second time',
			],
		],
	])('tell of the hour that comes twice for %s', (text, words) => {
		const upcoming = upcomingOf(cron(text, 'Europe/Berlin'), at('2027-10-31T00:00:00Z'), 2);
		expect(upcoming.flatMap(({ notes }) => notes)).toEqual(
			words.map((word) => `clock change: ${word}`),
		);
	});

	it('say nothing when the rule gives the instant anyway', () => {
		const upcoming = upcomingOf(
			cron('30 2,3 * * *', 'Europe/Berlin'),
			at('2027-03-28T00:00:00Z'),
			1,
		);
		expect(upcoming[0]).toMatchObject({ at: '2027-03-28T01:30:00.000Z', notes: [] });
	});

	it('name the days where a whole one was lost', () => {
		const [upcoming] = upcomingOf(
			cron('0 9 30 12 *', 'Pacific/Apia'),
			at('2011-12-01T00:00:00Z'),
			1,
		);
		expect(upcoming?.notes).toEqual([
			'clock change: 2011-12-30 09:00 does not exist, shifted to 2011-12-31 09:00',
		]);
	});

	it('stop where the timing does', () => {
		expect(upcomingOf({ kind: 'at', at: 1500, timeZone: 'UTC' }, 0, 5)).toEqual([
			{ at: '1970-01-01T00:00:01.500Z', local: '1970-01-01T00:00:01.500+00:00[UTC]', notes: [] },
		]);
	});

	it.each([
		['Africa/Monrovia', '1970-01-01T00:00:00Z', '1969-12-31T23:15:30-00:44:30[Africa/Monrovia]'],
		['Asia/Kathmandu', '2027-01-01T00:00:00Z', '2027-01-01T05:45:00+05:45[Asia/Kathmandu]'],
		['America/St_Johns', '2027-01-01T00:00:00Z', '2026-12-31T20:30:00-03:30[America/St_Johns]'],
	])('write odd offsets of %s', (zone, instant, text) => {
		expect(formatLocal(zone, at(instant))).toBe(text);
	});
});

describe('warnings', () => {
	const from = at('2027-01-10T12:00:00Z');
	const lint = (timing: Timing): string[] =>
		lintTiming(timing, from).map(({ code, message }) => `${code} ${message}`);

	it.each<[Timing, string[]]>([
		[cron('0 9 * * *'), []],
		[cron('*/15 * * * *', 'Europe/Berlin'), []],
		[
			cron('0 9 31 * *'),
			['SKIPS_MONTHS there is no day 31 in February, April, June, September, November: skipped'],
		],
		[
			cron('0 9 29 2,3 *'),
			['SKIPS_MONTHS there is no day 29 in February outside leap years: skipped'],
		],
		[cron('0 9 28-31 * *'), []],
		[
			cron('0 9 13 * 5'),
			[
				'EITHER_DAY day of month and day of week are both set: fires on days that fit either, not only on those that fit both',
			],
		],
		[cron('*/45 * * * *'), ['UNEVEN_STEP a step of 45 starts again at 0: fires at minute 0, 45']],
		[
			cron('0 0 29 2 */7'),
			[
				'FAR_FUTURE fires for the first time at 2032-02-29T00:00:00.000Z',
				'SKIPS_MONTHS there is no day 29 in February outside leap years: skipped',
			],
		],
		[
			cron('30 2 * * *', 'Europe/Berlin'),
			[
				'CLOCK_CHANGE_GAP clocks change on 2027-03-28 in Europe/Berlin: 02:30 does not exist on this day, shifted to 03:30',
				'CLOCK_CHANGE_FOLD clocks change on 2027-10-31 in Europe/Berlin: 02:30 comes twice on this day, fires the first time only',
			],
		],
		[{ kind: 'every', every: 86_400_000, anchor: 0, timeZone: 'UTC' }, []],
		[
			{ ...cron('*/5 * * * *'), exclude: [{ cron: '* * * * *' }] },
			[
				'ALL_LEFT_OUT every occurrence that was looked at (100,000, or 400 years) is left out: it never runs',
			],
		],
		[
			{ ...cron('0 9 * * *'), exclude: [{ from: '2027-01-01', to: '2039-12-31' }] },
			['FAR_FUTURE fires for the first time at 2040-01-01T09:00:00.000Z'],
		],
		[{ ...cron('0 9 * * *'), exclude: [{ from: '2027-01-01', to: '2027-12-31' }] }, []],
		[
			{ kind: 'every', every: 86_400_000, anchor: 0, timeZone: 'Europe/Berlin' },
			[
				'DRIFTS_FROM_CLOCK "every" counts days of 24 hours, so the local time moves when clocks change in Europe/Berlin on 2027-03-28; use "cron" to keep it',
			],
		],
		[{ kind: 'at', at: at('2090-01-01T00:00:00Z'), timeZone: 'UTC' }, []],
	])('%j', (timing, warnings) => {
		expect(lint(timing)).toEqual(warnings);
	});
});

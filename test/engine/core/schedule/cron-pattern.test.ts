import { describe, expect, it } from '@jest/globals';

import { CapError } from '../../../../engine/contract/errors.ts';
import { smallestGap } from '../../../../engine/core/schedule/cron-calendar.ts';
import { parseCron } from '../../../../engine/core/schedule/cron-pattern.ts';

const bits = (mask: number): number[] =>
	Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (mask >>> bit) & 1);

/** Between the times of a day that fit, found one after another. */
function walkedGap(text: string): number {
	const { hours, minutes, seconds } = parseCron(text);
	const times = hours.values.flatMap((hour) =>
		minutes.values.flatMap((minute) =>
			seconds.values.map((second) => hour * 3600 + minute * 60 + second),
		),
	);
	return times.slice(1).reduce((gap, time, i) => Math.min(gap, time - (times[i] ?? 0)), Infinity);
}

describe('a cron pattern', () => {
	it.each([
		'* * * * * *',
		'*/25 * * * * *',
		'10,50 */7 * * * *',
		'59 0,59 * * * *',
		'0 5,58 1,2,9 * * *',
		'30 */50 */5 * * *',
		'0 0,1 0 * * *',
		'1 2 3,5,22 * * *',
	])('tells how close the times of %s are, as the walk of a day does', (text) => {
		expect(smallestGap(parseCron(text), 1)).toBe(walkedGap(text));
	});

	it('has five fields, or six with seconds first', () => {
		const five = parseCron('1 2 3 4 5');
		expect([five.seconds.values, five.minutes.values, five.hours.values]).toEqual([[0], [1], [2]]);
		expect([bits(five.days), bits(five.months), bits(five.weekdays)]).toEqual([[3], [4], [5]]);
		const six = parseCron('*/20 1 2 3 4 5');
		expect([six.seconds.values, six.minutes.values]).toEqual([[0, 20, 40], [1]]);
	});

	it('knows lists, ranges, steps and names in any case', () => {
		const pattern = parseCron('0,30-32,50/5 9-17/4 * jan,Mar-MAY mon-FRI');
		expect(pattern.minutes.values).toEqual([0, 30, 31, 32, 50, 55]);
		expect(pattern.hours.values).toEqual([9, 13, 17]);
		expect(bits(pattern.months)).toEqual([1, 3, 4, 5]);
		expect(bits(pattern.weekdays)).toEqual([1, 2, 3, 4, 5]);
	});

	it.each(['7', '0', 'sun', '0,7'])('takes %s as Sunday', (field) => {
		expect(bits(parseCron(`0 0 * * ${field}`).weekdays)).toEqual([0]);
	});

	it('lets a range of weekdays end on Sunday', () => {
		expect(bits(parseCron('0 0 * * FRI-SUN').weekdays)).toEqual([0, 5, 6]);
		expect(bits(parseCron('0 0 * * 5-7').weekdays)).toEqual([0, 5, 6]);
	});

	it.each([
		['@yearly', '0 0 1 1 *'],
		['@annually', '0 0 1 1 *'],
		['@monthly', '0 0 1 * *'],
		['@weekly', '0 0 * * 0'],
		['@daily', '0 0 * * *'],
		['@midnight', '0 0 * * *'],
		[' @Hourly ', '0 * * * *'],
	])('reads %s as %s', (macro, pattern) => {
		expect({ ...parseCron(macro), text: '' }).toEqual({ ...parseCron(pattern), text: '' });
	});

	it.each([
		['0 0 32 * *', 'field 3 (day of month) within 1-31, got 32 at position 5'],
		['60 0 * * *', 'field 1 (minute) within 0-59, got 60 at position 1'],
		['0  0 1,0 * *', 'field 3 (day of month) within 1-31, got 0 at position 8'],
		['0 0 0 1 13 *', 'field 5 (month) within 1-12, got 13 at position 9'],
		['0 24 * * *', 'field 2 (hour) within 0-23, got 24 at position 3'],
		['0 0 * * 8', 'field 5 (day of week) within 0-7, got 8 at position 9'],
		[
			'0 0 * * MOO',
			'field 5 (day of week) within 0-7 or one of SUN MON TUE WED THU FRI SAT, got "MOO" at position 9',
		],
		[
			'0 0 * 1,,2 *',
			'field 4 (month) within 1-12 or one of JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC, got nothing at position 9',
		],
		['0 0 -1 * *', 'field 3 (day of month) within 1-31, got nothing at position 5'],
		['0 1.5 * * *', 'field 2 (hour) within 0-23, got "1.5" at position 3'],
		['*/0 * * * *', 'field 1 (minute) to have a step within 1-60, got "0" at position 3'],
		['*/90 * * * *', 'field 1 (minute) to have a step within 1-60, got "90" at position 3'],
		['*/ * * * *', 'field 1 (minute) to have a step within 1-60, got none at position 3'],
		['0 22-2 * * *', 'field 2 (hour) to have a range that goes up, got "22-2" at position 3'],
		['0 0 L-31 * *', 'field 3 (day of month) with "L-1" to "L-30", got "L-31" at position 5'],
		['0 0 32W * *', 'field 3 (day of month) within 1-31, got 32 at position 5'],
		['0 0 * * 5#6', 'field 5 (day of week) to have 1-5 after "#", got "6" at position 11'],
		['0 0 * * MON#', 'field 5 (day of week) to have 1-5 after "#", got nothing at position 13'],
		[
			'0 0 * * L',
			'field 5 (day of week) with a day before "L", like "5L" or "FRIL" for the last Friday, got "L" at position 9',
		],
		[
			'0 L * * *',
			'field 2 (hour) within 0-23; "L" (last) belongs to day of month and day of week, got "L" at position 3',
		],
		[
			'0 0 * * 5W',
			'field 5 (day of week) within 0-7 or one of SUN MON TUE WED THU FRI SAT; "W" (nearest working day) belongs to day of month, got "5W" at position 9',
		],
		[
			'? 0 * * *',
			'field 1 (minute) within 0-59; "?" (any) belongs to day of month and day of week, got "?" at position 1',
		],
		[
			'0 0 31W 2,4 *',
			'a date that exists, got "0 0 31W 2,4 *", which never fires: no such day in FEB, APR',
		],
		[
			'0 0 L-30 2 *',
			'a date that exists, got "0 0 L-30 2 *", which never fires: no such day in FEB',
		],
		[
			'0 0 0 1 1 * 2027',
			'5 fields, or 6 with seconds first; a year as the 7th needs "dialect": "quartz", got 7 in "0 0 0 1 1 * 2027"',
		],
		[
			'* * *',
			'5 fields (minute hour day-of-month month day-of-week), or 6 with seconds first, got 3 in "* * *"',
		],
		[
			'',
			'5 fields (minute hour day-of-month month day-of-week), or 6 with seconds first, got 0 in ""',
		],
		[
			'@reboot',
			'one of @yearly @annually @monthly @weekly @daily @midnight @hourly, got "@reboot"',
		],
		['0 0 31 2 *', 'a date that exists, got "0 0 31 2 *", which never fires: no day 31 in FEB'],
		['0 0 30 2 *', 'a date that exists, got "0 0 30 2 *", which never fires: no day 30 in FEB'],
		[
			'0 0 31 2,4,6 *',
			'a date that exists, got "0 0 31 2,4,6 *", which never fires: no day 31 in FEB, APR, JUN',
		],
		['*'.repeat(201), 'at most 200 characters, got 201 characters'],
	])('refuses %j and says where and why', (text, message) => {
		const attempt = (): unknown => parseCron(text);
		expect(attempt).toThrow(CapError);
		expect(attempt).toThrow(
			expect.objectContaining({
				code: 'INVALID_TIMING',
				message: `timing.cron: expected ${message}`,
			}),
		);
	});

	it('names the path that it was given', () => {
		expect(() => parseCron('nonsense', {}, 'frequency')).toThrow(/^frequency: expected 5 fields/);
	});

	it('means either day when both day fields are restricted, and both when one starts with "*"', () => {
		expect(parseCron('0 0 13 * 5').eitherDay).toBe(true);
		expect(parseCron('0 0 31 2 1').eitherDay).toBe(true);
		expect(parseCron('0 0 */2 * 5').eitherDay).toBe(false);
		expect(parseCron('0 0 13 * *').eitherDay).toBe(false);
	});

	it.each([
		['* * * * * *', 1],
		['0,59 * * * * *', 1],
		['*/7 * * * * *', 4],
		['* * * * *', 60],
		['*/45 * * * *', 900],
		['59,0 0,23 * * *', 60],
		['30 0,23 * * *', 3600],
		['30 0,23 1 * *', 23 * 3600],
		['0 0 * * *', 86_400],
		['0 0 * * 1,4', 3 * 86_400],
	])('fires with %j at smallest %i seconds apart', (text, seconds) => {
		expect(smallestGap(parseCron(text), Number.POSITIVE_INFINITY)).toBe(seconds);
	});
});

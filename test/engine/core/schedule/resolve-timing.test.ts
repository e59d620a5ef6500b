import { describe, expect, it } from '@jest/globals';

import type { Timing } from '../../../../engine/contract/timing.ts';
import { timingInputSchema } from '../../../../engine/contract/timing.ts';
import { resolveTiming } from '../../../../engine/core/schedule/resolve-timing.ts';
import { isZone, nearestZones, zoneNamed } from '../../../../engine/core/schedule/zone.ts';

const acceptedAt = Date.parse('2027-01-10T12:00:00Z');
const context = { acceptedAt, smallestInterval: 10_000 };
const at = (iso: string): number => Date.parse(iso);

const timing = (input: Record<string, unknown>): Timing =>
	resolveTiming({ timing: timingInputSchema.parse(input) }, context);
const time = (text: string): Timing => resolveTiming({ time: text }, context);
const frequency = (text: string): Timing => resolveTiming({ frequency: text }, context);

describe('a timing that is written wrong', () => {
	it.each([
		[{ every: '-5m' }, 'every', 'a duration like "15m"'],
		[{ cron: '@daily', exclude: [{ calender: 'x' }] }, 'exclude.0', 'with "calendar"'],
		[{ cron: '@daily', only: [{ weekdays: ['monday'] }] }, 'only.0', 'mon to sun'],
		[{ cron: '@daily', only: [{ cron: '@daily', dayMatch: 'both' }] }, 'only.0', '"workingDaysOf"'],
	])('%j is told what would be right', (input, path, expected) => {
		const [issue] = timingInputSchema.safeParse(input).error?.issues ?? [];
		expect(issue?.path.join('.')).toBe(path);
		expect(issue?.message).toContain(expected);
	});
});

describe('resolving a timing', () => {
	it.each<[Record<string, unknown>, Timing]>([
		[{ cron: ' 0 9 * * 1-5 ' }, { kind: 'cron', cron: '0 9 * * 1-5', timeZone: 'UTC' }],
		[
			{ cron: '@daily', timeZone: 'europe/berlin', limit: 3 },
			{ kind: 'cron', cron: '@daily', timeZone: 'Europe/Berlin', limit: 3 },
		],
		[{ every: '15m' }, { kind: 'every', every: 900_000, anchor: acceptedAt, timeZone: 'UTC' }],
		[
			{ every: '15m', start: '2027-02-01T00:00:00Z', end: '2027-02-01T00:00:00Z' },
			{
				kind: 'every',
				every: 900_000,
				anchor: at('2027-02-01T00:00:00Z'),
				start: at('2027-02-01T00:00:00Z'),
				end: at('2027-02-01T00:00:00Z'),
				timeZone: 'UTC',
			},
		],
		[
			{ every: '1d', anchor: '2020-01-01T00:00:00Z' },
			{ kind: 'every', every: 86_400_000, anchor: at('2020-01-01T00:00:00Z'), timeZone: 'UTC' },
		],
		[{ in: '90s' }, { kind: 'at', at: acceptedAt + 90_000, timeZone: 'UTC' }],
		[
			{ at: '2027-01-31T09:00:00+01:00' },
			{ kind: 'at', at: at('2027-01-31T08:00:00Z'), timeZone: 'UTC' },
		],
		[
			{ at: '2027-07-31T09:00', timeZone: 'Europe/Berlin' },
			{ kind: 'at', at: at('2027-07-31T07:00:00Z'), timeZone: 'Europe/Berlin' },
		],
		[
			// does not exist: shifted to 03:30
			{ at: '2027-03-28T02:30:00', timeZone: 'Europe/Berlin' },
			{ kind: 'at', at: at('2027-03-28T01:30:00Z'), timeZone: 'Europe/Berlin' },
		],
		[
			// comes twice: the first
			{ at: '2027-10-31T02:30:00.250', timeZone: 'Europe/Berlin' },
			{ kind: 'at', at: at('2027-10-31T00:30:00.250Z'), timeZone: 'Europe/Berlin' },
		],
	])('%j', (input, expected) => {
		expect(timing(input)).toEqual(expected);
	});

	it.each(['in 10m', 'IN 10 minutes', 'in 600 s', 'in PT10M', ' in  10 min '])(
		'time: %j',
		(text) => {
			expect(time(text)).toEqual({ kind: 'at', at: acceptedAt + 600_000, timeZone: 'UTC' });
		},
	);

	it('time: an instant', () => {
		expect(time('2027-01-31T09:00:00+01:00')).toEqual(timing({ at: '2027-01-31T08:00:00Z' }));
	});

	it.each([
		['every 15m', 900_000],
		['every 2 hours', 7_200_000],
		['every minute', 60_000],
		['Every Hour', 3_600_000],
		['every day', 86_400_000],
		['every 2 weeks', 1_209_600_000],
		['every 1h30m', 5_400_000],
	])('frequency: %j', (text, every) => {
		expect(frequency(text)).toEqual({ kind: 'every', every, anchor: acceptedAt, timeZone: 'UTC' });
	});

	it.each(['@daily', '*/5 * * * *'])('frequency: %j', (text) => {
		expect(frequency(text)).toEqual({ kind: 'cron', cron: text, timeZone: 'UTC' });
	});
});

describe('a timing is refused', () => {
	const now = '2027-01-10T12:00:00.000Z';
	it.each<[Record<string, unknown>, string]>([
		[
			{ timeZone: 'Europe/Berlin' },
			'timing: expected exactly one of "cron", "every", "at", "in", "rrule" and "any", got none',
		],
		[
			{ cron: '@daily', in: '5m' },
			'timing: expected exactly one of "cron", "every", "at", "in", "rrule" and "any", got "cron" and "in"',
		],
		[
			{ cron: '@daily', anchor: '2027-01-01T00:00:00Z' },
			'timing.anchor: expected "anchor" only together with "every", got "cron"',
		],
		[
			{ cron: '0 9 31 2 *' },
			'timing.cron: expected a date that exists, got "0 9 31 2 *", which never fires: no day 31 in FEB',
		],
		[
			{ cron: '@daily', timeZone: 'Berlin' },
			'timing.timeZone: expected an IANA time zone (nearest: Europe/Berlin), got "Berlin"',
		],
		[
			{ cron: '@daily', timeZone: '+01:00' },
			'timing.timeZone: expected an IANA time zone such as Europe/Berlin, got "+01:00"',
		],
		[{ every: 0 }, 'timing.every: expected a duration longer than 0, got 0s'],
		[{ in: '0s' }, 'timing.in: expected a duration longer than 0, got 0s'],
		[
			{ at: '2027-02-30T09:00:00' },
			'timing.at: expected a date and time that exist, like 2027-01-31T09:00:00+01:00, or 2027-01-31T09:00:00 in "timeZone", got "2027-02-30T09:00:00"',
		],
		[
			{ at: '2027-02-29T09:00:00Z' },
			'timing.at: expected a date and time that exist, like 2027-01-31T09:00:00+01:00, or 2027-01-31T09:00:00 in "timeZone", got "2027-02-29T09:00:00Z"',
		],
		[
			{ at: '2027-01-10T24:00:00' },
			'timing.at: expected a date and time that exist, like 2027-01-31T09:00:00+01:00, or 2027-01-31T09:00:00 in "timeZone", got "2027-01-10T24:00:00"',
		],
		[{ at: now }, `timing.at: expected an instant after now (${now}), got ${now}`],
		[
			{ at: '2026-01-10T12:00:00Z' },
			`timing.at: expected an instant after now (${now}), got 2026-01-10T12:00:00.000Z`,
		],
		[
			{ every: '1h', end: '2027-01-09T00:00:00Z' },
			`timing.end: expected an instant after now (${now}), got 2027-01-09T00:00:00.000Z`,
		],
		[
			{ every: '1h', start: '2027-03-01T00:00:00Z', end: '2027-02-01T00:00:00Z' },
			'timing.end: expected an instant not before "start" (2027-03-01T00:00:00.000Z), got 2027-02-01T00:00:00.000Z',
		],
		[
			{ cron: '0 0 1 6 *', end: '2027-05-01T00:00:00Z' },
			'timing.end: expected at least one occurrence between "start" (or now) and "end", got none',
		],
		[
			{ at: '2027-02-01T00:00:00Z', start: '2027-03-01T00:00:00Z' },
			'timing: expected at least one occurrence between "start" (or now) and "end", got none',
		],
	])('%j', (input, message) => {
		expect(() => timing(input)).toThrow(
			expect.objectContaining({ code: 'INVALID_TIMING', message }),
		);
	});

	it.each<[() => Timing, string]>([
		[
			() => timing({ every: '9s' }),
			'timing.every: expected at least 10s between occurrences, got 9s',
		],
		[
			() => timing({ cron: '*/7 * * * * *' }),
			'timing.cron: expected at least 10s between occurrences, got 4s',
		],
		[
			() => frequency('every second'),
			'frequency: expected at least 10s between occurrences, got 1s',
		],
		[
			() => frequency('* * * * * *'),
			'frequency: expected at least 10s between occurrences, got 1s',
		],
	])('when it fires too often (%#)', (attempt, message) => {
		expect(attempt).toThrow(expect.objectContaining({ code: 'INTERVAL_TOO_SMALL', message }));
	});

	it.each<[() => Timing, string]>([
		[
			() => time('tomorrow'),
			'time: expected an instant with offset like 2027-01-31T09:00:00+01:00, or "in 10m", got "tomorrow"',
		],
		[
			() => time('2027-01-31T09:00:00'),
			'time: expected an instant with offset like 2027-01-31T09:00:00+01:00, or "in 10m", got "2027-01-31T09:00:00"',
		],
		[() => time('in 0s'), 'time: expected a duration longer than 0, got 0s'],
		[
			() => frequency('every'),
			'frequency: expected English like "every weekday at 09:00" (docs/timing-english.md), "every 15m", "@daily" or a cron pattern; stopped at nothing more, got "every"',
		],
		[
			() => frequency('every constructor'),
			'frequency: expected English like "every weekday at 09:00" (docs/timing-english.md), "every 15m", "@daily" or a cron pattern; stopped at "constructor", got "every constructor"',
		],
		[
			() => frequency('constructor at 9:00'),
			'frequency: expected English like "every weekday at 09:00" (docs/timing-english.md), "every 15m", "@daily" or a cron pattern; stopped at "constructor", got "constructor at 9:00"',
		],
		[
			() => frequency('0 0 * * L'),
			'frequency: expected field 5 (day of week) with a day before "L", like "5L" or "FRIL" for the last Friday, got "L" at position 9',
		],
		[
			() => resolveTiming({}, context),
			'timing: expected exactly one of "timing", "time" and "frequency", got none',
		],
		[
			() => resolveTiming({ time: 'in 1m', frequency: '@daily' }, context),
			'timing: expected exactly one of "timing", "time" and "frequency", got "time" and "frequency"',
		],
	])('in its short form (%#)', (attempt, message) => {
		expect(attempt).toThrow(expect.objectContaining({ code: 'INVALID_TIMING', message }));
	});
});

describe('zones', () => {
	it.each([
		'UTC',
		'Europe/Berlin',
		'Europe/Kyiv',
		'Asia/Kolkata',
		'US/Pacific',
		'Etc/GMT+5',
		'EST5EDT',
		'GB',
	])('%s is one', (name) => {
		expect(isZone(name)).toBe(true);
		expect(zoneNamed(name)).toBe(name);
	});

	it.each([
		'',
		'Berlin',
		'BST',
		'IST',
		'ECT',
		'PST',
		'+01:00',
		'GMT+1',
		'SystemV/EST5',
		'Etc/Unknown',
		'Europe/Berlin ',
		'../etc/passwd',
		'x'.repeat(999),
	])('%j is none', (name) => {
		expect(isZone(name)).toBe(false);
	});

	it('finds names that were meant', () => {
		expect(nearestZones('new york')).toContain('America/New_York');
		expect(nearestZones('Europe/Berlni')[0]).toBe('Europe/Berlin');
		expect(nearestZones('Europe/New_York')).toContain('America/New_York');
		expect(nearestZones('qqqqqqqq')).toEqual([]);
	});
});

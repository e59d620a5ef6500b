import { describe, expect, test } from '@jest/globals';

import { timingInputSchema } from '../../engine/contract/timing.ts';
import { resolveTiming } from '../../engine/core/schedule/resolve-timing.ts';
import { nextAfter } from '../../engine/core/schedule/timing.ts';
import { compiled } from './support/n8n.ts';

/** A rule of the canvas, and the options beside it, as the nodes' fields give them. */
interface Rule {
	field: string;
	[field: string]: unknown;
}
type Options = Record<string, unknown>;

const { buildTiming } = compiled('nodes/shared/timing.js') as {
	buildTiming(rules: readonly Rule[], options: Options, refuse: (why: string) => Error): object;
};

const BERLIN = 'Europe/Berlin';
const NOW = Date.parse('2027-01-01T00:00:00Z');
const SHOWN = 4;

const built = (rules: readonly Rule[], options: Options = {}) =>
	timingInputSchema.parse(
		buildTiming(rules, { timeZone: BERLIN, ...options }, (message) => new Error(message)),
	);

/** What the engine makes of the rules: the next instants, on the clock in Berlin. */
function due(...rules: readonly Rule[]): string[] {
	const context = { acceptedAt: NOW, smallestInterval: 2000 };
	const timing = resolveTiming({ timing: built(rules) }, context);
	const list: string[] = [];
	let next = nextAfter(timing, NOW);
	while (next !== undefined && list.length < SHOWN) {
		list.push(new Date(next).toLocaleString('sv', { timeZone: BERLIN }).slice(0, 16));
		next = nextAfter(timing, next);
	}
	return list;
}

const hours = (...clock: string[]) => clock.map((time) => `2027-01-01 ${time}`);
const nine = (...days: string[]) => days.map((day) => `2027-${day} 09:00`);

describe('the engine takes every rule of the canvas, and is due when the canvas says', () => {
	test.each<[string, Rule, string[]]>([
		[
			'15 minutes',
			{ field: 'minutes', minutesInterval: 15 },
			hours('01:15', '01:30', '01:45', '02:00'),
		],
		[
			'7 minutes, counted through the hours',
			{ field: 'minutes', minutesInterval: 7 },
			hours('01:04', '01:11', '01:18', '01:25'),
		],
		[
			'60 minutes',
			{ field: 'minutes', minutesInterval: 60 },
			hours('02:00', '03:00', '04:00', '05:00'),
		],
		['an hour', { field: 'hours', minute: 30 }, hours('01:30', '02:30', '03:30', '04:30')],
		[
			'5 hours, counted through the days',
			{ field: 'hours', hoursInterval: 5, minute: 30 },
			hours('01:30', '06:30', '11:30', '16:30'),
		],
		['a day', { field: 'days', hour: 9 }, nine('01-01', '01-02', '01-03', '01-04')],
		[
			'3 days, counted through the months',
			{ field: 'days', daysInterval: 3, hour: 9 },
			nine('01-03', '01-06', '01-09', '01-12'),
		],
		[
			'a week',
			{ field: 'weeks', weekdays: ['SU', 'MO'], hour: 9 },
			nine('01-03', '01-04', '01-10', '01-11'),
		],
		[
			'2 weeks, each from Monday to Sunday',
			{ field: 'weeks', weeksInterval: 2, weekdays: ['SU', 'MO'], hour: 9 },
			nine('01-03', '01-11', '01-17', '01-25'),
		],
		[
			'the 15th',
			{ field: 'months', dayOfMonth: '15', hour: 9 },
			nine('01-15', '02-15', '03-15', '04-15'),
		],
		[
			'the 31st, or the last day of a shorter month',
			{ field: 'months', dayOfMonth: '31', hour: 9 },
			nine('01-31', '02-28', '03-31', '04-30'),
		],
		[
			'the last day',
			{ field: 'months', dayOfMonth: 'L', hour: 9 },
			nine('01-31', '02-28', '03-31', '04-30'),
		],
		[
			'2 months',
			{ field: 'months', monthsInterval: 2, dayOfMonth: '30', hour: 9 },
			nine('01-30', '03-30', '05-30', '07-30'),
		],
		[
			'the last day of 3 months',
			{ field: 'months', monthsInterval: 3, dayOfMonth: 'L', hour: 9 },
			nine('01-31', '04-30', '07-31', '10-31'),
		],
		[
			'cron with L',
			{ field: 'cron', expression: ' 0 9 L * * ' },
			nine('01-31', '02-28', '03-31', '04-30'),
		],
		[
			'an RRULE',
			{ field: 'rrule', rrule: 'FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9;BYMINUTE=0;BYSECOND=0' },
			nine('01-29', '02-26', '03-26', '04-30'),
		],
		['one date', { field: 'dates', dates: '2027-01-31T09:00:00' }, nine('01-31')],
		[
			'dates, each on a line, in the zone or with an offset',
			{ field: 'dates', dates: '2027-01-31T09:00:00\n2027-02-01T08:00:00Z\n' },
			nine('01-31', '02-01'),
		],
	])('%s', (_, rule, instants) => {
		expect(due(rule)).toEqual(instants);
	});

	test('several rules at once', () => {
		expect(
			due({ field: 'days', hour: 9 }, { field: 'dates', dates: '2027-01-01T12:00:00' }),
		).toEqual([...nine('01-01'), '2027-01-01 12:00', ...nine('01-02', '01-03')]);
	});
});

describe('options', () => {
	const DAILY: Rule[] = [{ field: 'days', hour: 9 }];

	test('say what the engine takes', () => {
		expect(
			built(DAILY, {
				maxRuns: 3,
				jitter: '5m',
				gap: 'edge',
				fold: 'both',
				excludeCalendars: ['bavaria'],
				excludeDates: '2027-12-24\n2027-12-31',
			}),
		).toEqual({
			cron: '0 9 * * *',
			timeZone: BERLIN,
			limit: 3,
			jitter: 300_000,
			dst: { gap: 'edge', fold: 'both' },
			exclude: [{ calendar: 'bavaria', rule: 'skip' }, { dates: ['2027-12-24', '2027-12-31'] }],
		});
	});

	test('that are empty are left out', () => {
		const options = { start: '', end: '', jitter: '', excludeCalendars: [], excludeDates: '\n' };
		expect(built(DAILY, options)).toEqual({ cron: '0 9 * * *', timeZone: BERLIN });
	});

	// the picker gives a local time
	test.each([
		['2027-01-31T09:00:00', '2027-01-31T08:00:00Z'],
		['2027-07-31 09:00:00', '2027-07-31T07:00:00Z'],
		['2027-03-28T01:59:59', '2027-03-28T00:59:59Z'],
		['2027-03-28T03:00:00', '2027-03-28T01:00:00Z'],
		['2027-10-31T03:00:00', '2027-10-31T02:00:00Z'],
		['2027-01-31T09:00:00+05:30', '2027-01-31T03:30:00Z'],
		['2027-01-31T09:00:00Z', '2027-01-31T09:00:00Z'],
	])('%s in Berlin is the instant %s', (local, instant) => {
		const { start, end } = built(DAILY, { start: local, end: local });
		expect([start, end]).toEqual([Date.parse(instant), Date.parse(instant)]);
	});
});

test.each<[Rule[], string]>([
	[[], 'Add at least one trigger rule'],
	[[{ field: 'days' }, { field: 'weeks', weekdays: [] }], 'Trigger rule 2 needs a weekday'],
	[[{ field: 'cron', expression: ' ' }], 'Trigger rule 1 needs a cron expression'],
	[[{ field: 'rrule' }], 'Trigger rule 1 needs a recurrence rule'],
	[[{ field: 'dates', dates: '' }], 'Trigger rule 1 needs at least one date'],
])('%j is refused: %s', (rules, message) => {
	expect(() => built(rules)).toThrow(message);
});

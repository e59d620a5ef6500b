import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { DstPolicy, Timing } from '../../../../engine/contract/timing.ts';
import type { Transition } from '../../../../engine/core/schedule/transitions.ts';
import { transitionsFor } from '../../../../engine/core/schedule/transitions.ts';
import { changesInYear, dueInstants, walk, wallClock } from '../../../support/timing-oracle.ts';

const DAY = 86_400_000;
const ZONES = Intl.supportedValuesOf('timeZone');
const cron = (text: string, timeZone = 'Europe/Berlin', dst?: DstPolicy): Timing => ({
	kind: 'cron',
	cron: text,
	timeZone,
	...(dst === undefined ? {} : { dst }),
});

function in2027(timing: Timing): Transition[] {
	return transitionsFor(timing, { from: Date.UTC(2027, 0), until: Date.UTC(2028, 0) });
}
const texts = (timing: Timing): string[] => in2027(timing).map(({ text }) => text);

describe('the next clock changes', () => {
	it('are told with both clocks and how wide they are', () => {
		expect(in2027(cron('30 2 * * *'))).toEqual([
			{
				at: '2027-03-28T01:00:00.000Z',
				kind: 'gap',
				width: '1h',
				localBefore: '2027-03-28T02:00:00',
				localAfter: '2027-03-28T03:00:00',
				effect: 'shifted',
				text: '2027-03-28: 02:30 does not exist, fires at 03:30',
			},
			{
				at: '2027-10-31T01:00:00.000Z',
				kind: 'fold',
				width: '1h',
				localBefore: '2027-10-31T03:00:00',
				localAfter: '2027-10-31T02:00:00',
				effect: 'first',
				text: '2027-10-31: 02:30 comes twice, fires the first time only',
			},
		]);
	});

	it.each<[string, DstPolicy, string, string]>([
		['30 2 * * *', { gap: 'edge', fold: 'last' }, 'fires at 03:00', 'fires the last time only'],
		['30 2 * * *', { gap: 'skip', fold: 'both' }, 'is skipped', 'fires both times'],
	])('are told by the policy for %s with %j', (text, dst, gap, fold) => {
		expect(texts(cron(text, 'Europe/Berlin', dst))).toEqual([
			`2027-03-28: 02:30 does not exist, ${gap}`,
			`2027-10-31: 02:30 comes twice, ${fold}`,
		]);
	});

	it('say so when the timing is not affected, or its rhythm goes on', () => {
		expect(texts(cron('0 9 * * *'))).toEqual([
			'2027-03-28: not affected',
			'2027-10-31: not affected',
		]);
		expect(texts(cron('*/15 * * * *'))).toEqual([
			'2027-03-28: 02:00 to 03:00 does not exist, what is due in it comes together with what is due after it',
			'2027-10-31: 02:00 to 03:00 comes twice, fires both times',
		]);
		// The weekday is not that of the change.
		expect(texts(cron('30 2 * * 1'))).toEqual([
			'2027-03-28: not affected',
			'2027-10-31: not affected',
		]);
	});

	it('tell apart what comes at the edge and what is due anyway where a lost time would be', () => {
		const twice = '10 2,3 * * *';
		expect(texts(cron(twice, 'Europe/Berlin', { gap: 'edge' }))[0]).toBe(
			'2027-03-28: 02:10 does not exist, fires at 03:00',
		);
		expect(texts(cron(twice))[0]).toBe(
			'2027-03-28: 02:00 to 03:00 does not exist, what is due in it comes together with what is due after it',
		);
	});

	it('tell of the first times where many are lost', () => {
		expect(texts(cron('*/10 2 * * *'))[0]).toBe(
			'2027-03-28: 02:00 does not exist, fires at 03:00; 02:10 does not exist, fires at 03:10; 02:20 does not exist, fires at 03:20; and others',
		);
	});

	it('know half an hour, two hours and a whole day', () => {
		expect(texts(cron('15 2 * * *', 'Australia/Lord_Howe'))[1]).toBe(
			'2027-10-03: 02:15 does not exist, fires at 02:45',
		);
		expect(texts(cron('15 2 * * *', 'Antarctica/Troll'))[0]).toBe(
			'2027-03-28: 02:15 does not exist, fires at 04:15',
		);
		const [apia] = transitionsFor(cron('0 9 30 12 *', 'Pacific/Apia'), {
			from: Date.UTC(2011, 11, 1),
			until: Date.UTC(2012, 0, 15),
		});
		expect(apia).toMatchObject({
			width: '1d',
			text: '2011-12-30: 09:00 does not exist, fires at 2011-12-31 09:00',
		});
	});

	it('ask every rule of a union, and what filters leave', () => {
		const timeZone = 'Europe/Berlin';
		const rule = (text: string) => ({ kind: 'cron', cron: text }) as const;
		const union: Timing = {
			kind: 'any',
			rules: [rule('0 9 * * *'), rule('30 2 * * *'), { kind: 'every', every: DAY, anchor: 0 }],
			timeZone,
		};
		expect(texts(union)[0]).toBe('2027-03-28: 02:30 does not exist, fires at 03:30');
		const only = [{ from: '09:00', to: '17:00' }];
		expect(texts({ ...cron('30 * * * *'), only })).toEqual([
			'2027-03-28: not affected',
			'2027-10-31: not affected',
		]);
	});

	it('hold for months by the calendar and for RRULEs, but not for an RRULE in UTC', () => {
		const timeZone = 'Europe/Berlin';
		const anchor = '2027-01-28T02:30:00';
		const months: Timing = { kind: 'months', months: 1, anchor, monthEnd: 'clamp', timeZone };
		expect(texts(months)).toEqual([
			'2027-03-28: 02:30 does not exist, fires at 03:30',
			'2027-10-31: not affected',
		]);
		const rrule = 'DTSTART:20270104T023000\nRRULE:FREQ=DAILY';
		expect(texts({ kind: 'rrule', rrule, timeZone })).toEqual([
			'2027-03-28: 02:30 does not exist, fires at 03:30',
			'2027-10-31: 02:30 comes twice, fires the first time only',
		]);
		const inUtc = rrule.replace('023000', '023000Z');
		expect(texts({ kind: 'rrule', rrule: inUtc, timeZone })[0]).toBe('2027-03-28: not affected');
	});

	it('tell by how much an interval drifts on the clock', () => {
		const every = (hours: number): Timing => ({
			kind: 'every',
			every: hours * 3_600_000,
			anchor: 0,
			timeZone: 'Europe/Berlin',
		});
		expect(texts(every(24))[0]).toBe(
			'2027-03-28: intervals are real time: by the clock it comes 1h later from then on',
		);
		expect(texts(every(0.25))[0]).toBe('2027-03-28: not affected');
	});

	it('keep to the bounds of the timing, and are none without changes', () => {
		const timing = cron('30 2 * * *');
		expect(in2027({ ...timing, end: Date.UTC(2027, 5) })).toHaveLength(1);
		expect(in2027({ ...timing, start: Date.UTC(2027, 5) })).toHaveLength(1);
		expect(in2027(cron('30 2 * * *', 'UTC'))).toEqual([]);
		expect(in2027({ kind: 'at', at: Date.UTC(2027, 3), timeZone: 'Europe/Berlin' })).toEqual([]);
		const long = { from: Date.UTC(2027, 0), until: Date.UTC(2090, 0), count: 3 };
		expect(transitionsFor(timing, long)).toHaveLength(3);
	});

	it('tell for any time of any zone what the oracle says', () => {
		const policies = fc.record({
			gap: fc.constantFrom('shift' as const, 'edge' as const, 'skip' as const),
			fold: fc.constantFrom('first' as const, 'last' as const, 'both' as const),
		});
		const property = fc.property(
			fc.constantFrom(...ZONES),
			fc.integer({ min: 1980, max: 2036 }),
			fc.nat(1000),
			fc.nat(1000),
			policies,
			(zone, year, pick, minutes, dst) => {
				const changes = changesInYear(zone, year);
				const at = changes[pick % Math.max(1, changes.length)];
				fc.pre(at !== undefined);
				const [before, after] = [wallClock(zone, at - 60_000) + 60_000, wallClock(zone, at)];
				const width = Math.abs(after - before);
				const local = new Date(Math.min(before, after) + ((minutes * 60_000) % width));
				fc.pre(width % 60_000 === 0);
				const [minute, hour] = [local.getUTCMinutes(), local.getUTCHours()];
				const [told] = transitionsFor(cron(`${minute} ${hour} * * *`, zone, dst), {
					from: at - 1,
					until: at,
				});
				const seen = walk(zone, at - width - 60_000, at + width + 60_000, 60_000);
				const meaning = {
					seconds: [0],
					minutes: [minute],
					hours: [hour],
					days: [local.getUTCDate()],
					months: [local.getUTCMonth() + 1],
					weekdays: [local.getUTCDay()],
					eitherDay: false,
				};
				const due = dueInstants(meaning, seen, { from: at - width, changes: dst });
				if (after < before) {
					expect(told?.effect).toBe(dst.fold);
					expect(due).toHaveLength(dst.fold === 'both' ? 2 : 1);
					return;
				}
				expect(told?.kind).toBe('gap');
				const [fires = 0] = due;
				const clock = new Date(wallClock(zone, fires)).toISOString().slice(11, 16);
				// Where a whole day is lost, the time comes anyway on the day after.
				if (width === DAY) return;
				expect(told?.text).toMatch(dst.gap === 'skip' ? /is skipped$/ : new RegExp(`${clock}$`));
			},
		);
		fc.assert(property, { numRuns: 150 });
	});
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { DstPolicy, Timing } from '../../../../engine/contract/timing.ts';
import { timingInputSchema } from '../../../../engine/contract/timing.ts';
import { formatLocal } from '../../../../engine/core/schedule/local-time.ts';
import { resolveTiming } from '../../../../engine/core/schedule/resolve-timing.ts';
import { nextAfter, skipOf } from '../../../../engine/core/schedule/timing.ts';

const acceptedAt = Date.parse('2027-01-10T12:00:00Z');

function resolved(input: Record<string, unknown>): Timing {
	const timing = timingInputSchema.parse(input);
	return resolveTiming({ timing }, { acceptedAt, smallestInterval: 1000 });
}

const rrule = (text: string, more: Record<string, unknown> = {}): Timing =>
	resolved({ rrule: text, ...more });

function locals(timing: Timing, after: string, count: number): string[] {
	const list: string[] = [];
	let at: number | undefined = Date.parse(after);
	while (list.length < count) {
		at = nextAfter(timing, at);
		if (at === undefined) break;
		list.push(formatLocal(timing.timeZone, at).replace(/\[.*/, ''));
	}
	return list;
}

describe('reading an rrule', () => {
	it('begins at acceptance, in the zone, when there is no DTSTART', () => {
		const timing = rrule('FREQ=WEEKLY;BYDAY=MO', { timeZone: 'Europe/Berlin' });
		expect(timing).toEqual({
			kind: 'rrule',
			rrule: 'DTSTART:20270110T130000\nRRULE:FREQ=WEEKLY;BYDAY=MO',
			timeZone: 'Europe/Berlin',
		});
		expect(locals(timing, '2027-01-10T12:00:00Z', 1)).toEqual(['2027-01-11T13:00:00+01:00']);
	});

	it('takes the zone of DTSTART, folded lines, any case, quotes, lists, dates and periods', () => {
		const timing = rrule(
			'dtstart;tzid="Europe/Berlin":20270104T090000\r\nrrule:freq=weekly;by\r\n day=mo\r\n' +
				'RDATE;VALUE=PERIOD:20270105T100000Z/PT1H,20270106T110000Z/20270106T120000Z\r\n' +
				'RDATE;VALUE=DATE:20270113\r\nEXDATE;TZID=America/New_York:20270118T030000\r\n',
		);
		expect(timing.timeZone).toBe('Europe/Berlin');
		expect(locals(timing, '2027-01-04T00:00:00Z', 6)).toEqual([
			'2027-01-04T09:00:00+01:00',
			'2027-01-05T11:00:00+01:00',
			'2027-01-06T12:00:00+01:00',
			'2027-01-11T09:00:00+01:00',
			'2027-01-13T00:00:00+01:00',
			'2027-01-25T09:00:00+01:00',
		]);
	});

	it('goes by UTC when DTSTART has a Z, whatever the zone', () => {
		const timing = rrule('DTSTART:20270601T080000Z\nRRULE:FREQ=MONTHLY', {
			timeZone: 'Europe/Berlin',
		});
		expect(locals(timing, '2027-09-15T00:00:00Z', 2)).toEqual([
			'2027-10-01T10:00:00+02:00',
			'2027-11-01T09:00:00+01:00',
		]);
	});

	it('is the same when what is kept is read again', () => {
		const timing = rrule(
			'DTSTART;TZID=Europe/Berlin:20270104T090000\nRRULE:WKST=SU;BYDAY=-1FR,2MO;FREQ=MONTHLY;UNTIL=20280101\n' +
				'RRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20270105',
		);
		expect(timing.kind).toBe('rrule');
		const text = timing.kind === 'rrule' ? timing.rrule : '';
		expect(rrule(text, { timeZone: 'Europe/Berlin' })).toEqual(timing);
	});

	it('means the whole day by a date in UNTIL and in EXDATE', () => {
		const timing = rrule(
			'DTSTART:20270110T180000\nRRULE:FREQ=DAILY;UNTIL=20270113\nEXDATE;VALUE=DATE:20270112',
		);
		expect(locals(timing, '2027-01-10T00:00:00Z', 9)).toEqual([
			'2027-01-10T18:00:00+00:00',
			'2027-01-11T18:00:00+00:00',
			'2027-01-13T18:00:00+00:00',
		]);
	});

	it.each<[string, string]>([
		['FREQ=DAILY;BYMONTHDAY=32', 'rrule: BYMONTHDAY: 32 is outside 1-31 or -31 to -1'],
		['FREQ=DAILY;BYHOUR=24', 'rrule: BYHOUR: 24 is outside 0-23'],
		['FREQ=DAILY;BYSECOND=60', 'rrule: BYSECOND: no leap second'],
		['FREQ=DAILY;BYMONTH=x', 'rrule: BYMONTH: numbers 1-12'],
		['FREQ=FORTNIGHTLY', 'rrule: FREQ: one of YEARLY'],
		['BYDAY=MO', 'rrule: FREQ: one of YEARLY'],
		['FREQ=DAILY;INTERVAL=0', 'rrule: INTERVAL: a whole number from 1'],
		['FREQ=DAILY;COUNT=2;UNTIL=20280101', 'rrule: COUNT: not together with UNTIL'],
		['FREQ=DAILY;FREQ=WEEKLY', 'rrule: FREQ: at most once'],
		['FREQ=DAILY;EVERY=2', 'rrule: EVERY: one of FREQ'],
		['FREQ=WEEKLY;BYDAY=2MO', 'rrule: BYDAY: numbered days only with'],
		['FREQ=WEEKLY;BYMONTHDAY=2', 'rrule: BYMONTHDAY: not with FREQ=WEEKLY'],
		['FREQ=MONTHLY;BYWEEKNO=2', 'rrule: BYWEEKNO: not with FREQ=MONTHLY'],
		['FREQ=MONTHLY;BYYEARDAY=2', 'rrule: BYYEARDAY: not with FREQ=MONTHLY'],
		['FREQ=YEARLY;BYWEEKNO=2;BYDAY=1MO', 'rrule: BYDAY: no numbered days together with BYWEEKNO'],
		['FREQ=YEARLY;BYDAY=54MO', 'rrule: BYDAY: 54MO'],
		['FREQ=MONTHLY;BYDAY=0MO', 'rrule: BYDAY: 0MO'],
		['FREQ=MONTHLY;BYDAY=XX', 'rrule: BYDAY: one of MO'],
		['FREQ=MONTHLY;BYSETPOS=1', 'rrule: BYSETPOS: only together'],
		['FREQ=MINUTELY;BYHOUR=1;BYSETPOS=2', 'rrule: RRULE: a rule with at least one occurrence'],
		['FREQ=SECONDLY;BYHOUR=1;BYSETPOS=-2', 'rrule: RRULE: a rule with at least one occurrence'],
		['FREQ=DAILY;BYHOUR=1,2;BYSETPOS=3', 'rrule: RRULE: a rule with at least one occurrence'],
		['FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6', 'rrule: RRULE: a rule with at least one occurrence'],
		['FREQ=DAILY;INTERVAL=7;BYDAY=TU', 'rrule: RRULE: a rule with at least one occurrence'],
		['FREQ=MONTHLY;SKIP=OMIT', 'rrule: SKIP: nothing: RFC 7529'],
		['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'rrule: RRULE: a rule with at least one occurrence'],
		['FREQ=SECONDLY;INTERVAL=2;BYSECOND=1', 'rrule: RRULE: a rule with at least one occurrence'],
		['DTSTART:20270230T090000\nRRULE:FREQ=DAILY', 'rrule: DTSTART: a date or time that exists'],
		['DTSTART;TZID=Berlin:20270104T090000\nRRULE:FREQ=DAILY', 'rrule: DTSTART: TZID an IANA zone'],
		['DTSTART:20270104T090000', 'rrule: RRULE: a rule like'],
		['DTSTART:20270104T090000\nEXRULE:FREQ=DAILY', 'rrule: EXRULE: nothing: RFC 5545'],
		['DTSTART:20270104T090000\nSUMMARY:x', 'rrule: SUMMARY: lines DTSTART'],
		[
			'DTSTART:20270104T090000\nRRULE:FREQ=DAILY\nEXDATE:yesterday',
			'rrule: EXDATE: a date or time',
		],
	])('refuses %s and names the part', (text, message) => {
		expect(() => rrule(text)).toThrow(message);
	});

	it('refuses another zone than that of the timing, and rules that are over or too often', () => {
		const text = 'DTSTART;TZID=Europe/Berlin:20270104T090000\nRRULE:FREQ=DAILY';
		expect(() => rrule(text, { timeZone: 'UTC' })).toThrow('the zone of the timing (UTC)');
		expect(() => rrule('DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=3')).toThrow(
			'at least one occurrence',
		);
		const timing = timingInputSchema.parse({ rrule: 'FREQ=SECONDLY' });
		expect(() => resolveTiming({ timing }, { acceptedAt, smallestInterval: 2000 })).toThrow(
			'at least 2s between occurrences',
		);
	});

	it('begins with DTSTART where there are only dates', () => {
		const timing = rrule('DTSTART:20270201T090000\nRDATE:20270301T090000,20270201T090000');
		expect(locals(timing, '2027-01-10T00:00:00Z', 9)).toEqual([
			'2027-02-01T09:00:00+00:00',
			'2027-03-01T09:00:00+00:00',
		]);
	});
});

const berlin = (rule: string, dst?: DstPolicy): Timing =>
	rrule(
		`DTSTART;TZID=Europe/Berlin:20270110T023000\nRRULE:${rule}`,
		dst === undefined ? {} : { dst },
	);

describe('an rrule where clocks change', () => {
	it.each<[DstPolicy | undefined, string[]]>([
		[
			undefined,
			['2027-03-27T02:30:00+01:00', '2027-03-28T03:30:00+02:00', '2027-03-29T02:30:00+02:00'],
		],
		[
			{ gap: 'edge' },
			['2027-03-27T02:30:00+01:00', '2027-03-28T03:00:00+02:00', '2027-03-29T02:30:00+02:00'],
		],
	])('with a gap, %j', (dst, expected) => {
		expect(locals(berlin('FREQ=DAILY', dst), '2027-03-26T12:00:00Z', 3)).toEqual(expected);
	});

	it('keeps a dropped time for its row in the ledger, unless the clock shows such a time anyway', () => {
		const dropped = Date.parse('2027-03-28T01:30:00Z');
		const daily = berlin('FREQ=DAILY', { gap: 'skip' });
		expect(nextAfter(daily, dropped - 1)).toBe(dropped);
		expect(skipOf(daily, dropped)).toMatchObject({ outcome: 'skipped_calendar' });
		expect(skipOf(daily, dropped + 86_400_000)).toBeNull();
		expect(skipOf(berlin('FREQ=DAILY;BYHOUR=2,3', { gap: 'skip' }), dropped)).toBeNull();
	});

	it.each<[DstPolicy | undefined, string[]]>([
		[undefined, ['2027-10-31T02:30:00+02:00', '2027-11-01T02:30:00+01:00']],
		[{ fold: 'last' }, ['2027-10-31T02:30:00+01:00', '2027-11-01T02:30:00+01:00']],
		[{ fold: 'both' }, ['2027-10-31T02:30:00+02:00', '2027-10-31T02:30:00+01:00']],
	])('with a fold, %j', (dst, expected) => {
		expect(locals(berlin('FREQ=DAILY', dst), '2027-10-30T12:00:00Z', 2)).toEqual(expected);
	});

	it('goes on through both hours when it means every hour, and counts local hours when not', () => {
		expect(locals(berlin('FREQ=MINUTELY;INTERVAL=30'), '2027-10-31T00:00:00Z', 4)).toEqual([
			'2027-10-31T02:30:00+02:00',
			'2027-10-31T02:00:00+01:00',
			'2027-10-31T02:30:00+01:00',
			'2027-10-31T03:00:00+01:00',
		]);
		expect(locals(berlin('FREQ=HOURLY;INTERVAL=6'), '2027-10-31T00:00:00Z', 2)).toEqual([
			'2027-10-31T02:30:00+02:00',
			'2027-10-31T08:30:00+01:00',
		]);
	});
});

describe('an rrule in general', () => {
	const parts = fc.record({
		freq: fc.constantFrom('YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY'),
		interval: fc.integer({ min: 1, max: 9 }),
		byDay: fc.constantFrom('', ';BYDAY=MO,TH', ';BYDAY=SU'),
		byMonth: fc.constantFrom('', ';BYMONTH=3,10', ';BYMONTH=2'),
		byHour: fc.constantFrom('', ';BYHOUR=1,2,3', ';BYHOUR=0,23'),
		byMinute: fc.constantFrom('', ';BYMINUTE=0,30'),
		position: fc.constantFrom('', '', ';BYSETPOS=-1', ';BYSETPOS=1,3'),
		end: fc.constantFrom('', ';COUNT=40', ';UNTIL=20271101T000000'),
		zone: fc.constantFrom('Europe/Berlin', 'Australia/Lord_Howe', 'America/Havana', 'Pacific/Apia'),
		gap: fc.constantFrom('shift' as const, 'edge' as const, 'skip' as const),
		fold: fc.constantFrom(undefined, 'first' as const, 'last' as const, 'both' as const),
		from: fc.integer({ min: 0, max: 300 * 1440 }),
	});

	it('is strictly increasing and the same wherever the walk starts', () => {
		fc.assert(
			fc.property(parts, (p) => {
				const by = `${p.byDay}${p.byMonth}${p.byHour}${p.byMinute}`;
				const position = by === '' ? '' : p.position;
				const rule = `FREQ=${p.freq};INTERVAL=${p.interval}${by}${position}${p.end}`;
				const dst = { gap: p.gap, ...(p.fold === undefined ? {} : { fold: p.fold }) };
				const text = `DTSTART;TZID=${p.zone}:20270110T013000\nRRULE:${rule}`;
				let timing: Timing;
				try {
					timing = rrule(text, { dst });
				} catch (error) {
					// Some of these never fire, or not from now on.
					fc.pre(!String(error).includes('at least one occurrence'));
					throw error;
				}
				let at: number | undefined = acceptedAt + p.from * 60_000;
				for (let i = 0; i < 30 && at !== undefined; i++) {
					const next = nextAfter(timing, at);
					if (next === undefined) break;
					expect(next).toBeGreaterThan(at);
					for (const start of [next - 1, at + Math.floor((next - at) / 2), at + 1]) {
						if (start < next) expect(nextAfter(timing, start)).toBe(next);
					}
					at = next;
				}
			}),
			{ numRuns: 100 },
		);
	});
});

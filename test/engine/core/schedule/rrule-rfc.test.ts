import { describe, expect, it } from '@jest/globals';

import { formatLocal } from '../../../../engine/core/schedule/local-time.ts';
import { canonicalRrule, nextRrule, parseRrule } from '../../../../engine/core/schedule/rrule.ts';

/*
 * Every example of RFC 5545, section 3.8.5.3, with the occurrences that the RFC lists. All are in
 * America/New_York; the offset is part of what is compared.
 */

const ZONE = 'America/New_York';

interface Example {
	title: string;
	/** Local time of DTSTART. */
	start: string;
	/** More than one: the RFC gives them as alternatives. */
	rules: string[];
	/** `1997-09: 2 4-6`, days of a month; all at 09:00 unless `times` says otherwise. */
	days: string[];
	times?: string[];
	/** The list ends there; otherwise it goes on after what is listed. */
	ends?: boolean;
	exdate?: string;
}

const NINE = '19970902T090000';
const WORK_TIMES = [9, 10, 11, 12, 13, 14, 15, 16].flatMap((hour) =>
	['00', '20', '40'].map((minute) => `${String(hour).padStart(2, '0')}:${minute}`),
);

const EXAMPLES: Example[] = [
	{
		title: 'daily for 10 occurrences',
		start: NINE,
		rules: ['FREQ=DAILY;COUNT=10'],
		days: ['1997-09: 2-11'],
		ends: true,
	},
	{
		title: 'daily until December 24, 1997',
		start: NINE,
		rules: ['FREQ=DAILY;UNTIL=19971224T000000Z'],
		days: ['1997-09: 2-30', '1997-10: 1-31', '1997-11: 1-30', '1997-12: 1-23'],
		ends: true,
	},
	{
		title: 'every other day, forever',
		start: NINE,
		rules: ['FREQ=DAILY;INTERVAL=2'],
		days: [
			'1997-09: 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30',
			'1997-10: 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30',
			'1997-11: 1 3 5 7 9 11 13 15 17 19 21 23 25 27 29',
			'1997-12: 1 3',
		],
	},
	{
		title: 'every 10 days, 5 occurrences',
		start: NINE,
		rules: ['FREQ=DAILY;INTERVAL=10;COUNT=5'],
		days: ['1997-09: 2 12 22', '1997-10: 2 12'],
		ends: true,
	},
	{
		title: 'every day in January, for 3 years',
		start: '19980101T090000',
		rules: [
			'FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA',
			'FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1',
		],
		days: ['1998-01: 1-31', '1999-01: 1-31', '2000-01: 1-31'],
		ends: true,
	},
	{
		title: 'weekly for 10 occurrences',
		start: NINE,
		rules: ['FREQ=WEEKLY;COUNT=10'],
		days: ['1997-09: 2 9 16 23 30', '1997-10: 7 14 21 28', '1997-11: 4'],
		ends: true,
	},
	{
		title: 'weekly until December 24, 1997',
		start: NINE,
		rules: ['FREQ=WEEKLY;UNTIL=19971224T000000Z'],
		days: [
			'1997-09: 2 9 16 23 30',
			'1997-10: 7 14 21 28',
			'1997-11: 4 11 18 25',
			'1997-12: 2 9 16 23',
		],
		ends: true,
	},
	{
		title: 'every other week, forever',
		start: NINE,
		rules: ['FREQ=WEEKLY;INTERVAL=2;WKST=SU'],
		days: [
			'1997-09: 2 16 30',
			'1997-10: 14 28',
			'1997-11: 11 25',
			'1997-12: 9 23',
			'1998-01: 6 20',
			'1998-02: 3 17',
		],
	},
	{
		title: 'weekly on Tuesday and Thursday for five weeks',
		start: NINE,
		rules: [
			'FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH',
			'FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH',
		],
		days: ['1997-09: 2 4 9 11 16 18 23 25 30', '1997-10: 2'],
		ends: true,
	},
	{
		title: 'every other week on Monday, Wednesday and Friday until December 24, 1997',
		start: '19970901T090000',
		rules: ['FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR'],
		days: [
			'1997-09: 1 3 5 15 17 19 29',
			'1997-10: 1 3 13 15 17 27 29 31',
			'1997-11: 10 12 14 24 26 28',
			'1997-12: 8 10 12 22',
		],
		ends: true,
	},
	{
		title: 'every other week on Tuesday and Thursday, for 8 occurrences',
		start: NINE,
		rules: ['FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH'],
		days: ['1997-09: 2 4 16 18 30', '1997-10: 2 14 16'],
		ends: true,
	},
	{
		title: 'monthly on the first Friday for 10 occurrences',
		start: '19970905T090000',
		rules: ['FREQ=MONTHLY;COUNT=10;BYDAY=1FR'],
		days: [
			'1997-09: 5',
			'1997-10: 3',
			'1997-11: 7',
			'1997-12: 5',
			'1998-01: 2',
			'1998-02: 6',
			'1998-03: 6',
			'1998-04: 3',
			'1998-05: 1',
			'1998-06: 5',
		],
		ends: true,
	},
	{
		title: 'monthly on the first Friday until December 24, 1997',
		start: '19970905T090000',
		rules: ['FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR'],
		days: ['1997-09: 5', '1997-10: 3', '1997-11: 7', '1997-12: 5'],
		ends: true,
	},
	{
		title: 'every other month on the first and last Sunday of the month for 10 occurrences',
		start: '19970907T090000',
		rules: ['FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU'],
		days: ['1997-09: 7 28', '1997-11: 2 30', '1998-01: 4 25', '1998-03: 1 29', '1998-05: 3 31'],
		ends: true,
	},
	{
		title: 'monthly on the second-to-last Monday of the month for 6 months',
		start: '19970922T090000',
		rules: ['FREQ=MONTHLY;COUNT=6;BYDAY=-2MO'],
		days: [
			'1997-09: 22',
			'1997-10: 20',
			'1997-11: 17',
			'1997-12: 22',
			'1998-01: 19',
			'1998-02: 16',
		],
		ends: true,
	},
	{
		title: 'monthly on the third-to-the-last day of the month, forever',
		start: '19970928T090000',
		rules: ['FREQ=MONTHLY;BYMONTHDAY=-3'],
		days: [
			'1997-09: 28',
			'1997-10: 29',
			'1997-11: 28',
			'1997-12: 29',
			'1998-01: 29',
			'1998-02: 26',
		],
	},
	{
		title: 'monthly on the 2nd and 15th of the month for 10 occurrences',
		start: NINE,
		rules: ['FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15'],
		days: ['1997-09: 2 15', '1997-10: 2 15', '1997-11: 2 15', '1997-12: 2 15', '1998-01: 2 15'],
		ends: true,
	},
	{
		title: 'monthly on the first and last day of the month for 10 occurrences',
		start: '19970930T090000',
		rules: ['FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1'],
		days: [
			'1997-09: 30',
			'1997-10: 1 31',
			'1997-11: 1 30',
			'1997-12: 1 31',
			'1998-01: 1 31',
			'1998-02: 1',
		],
		ends: true,
	},
	{
		title: 'every 18 months on the 10th thru 15th of the month for 10 occurrences',
		start: '19970910T090000',
		rules: ['FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15'],
		days: ['1997-09: 10-15', '1999-03: 10-13'],
		ends: true,
	},
	{
		title: 'every Tuesday, every other month',
		start: NINE,
		rules: ['FREQ=MONTHLY;INTERVAL=2;BYDAY=TU'],
		days: [
			'1997-09: 2 9 16 23 30',
			'1997-11: 4 11 18 25',
			'1998-01: 6 13 20 27',
			'1998-03: 3 10 17 24 31',
		],
	},
	{
		title: 'yearly in June and July for 10 occurrences',
		start: '19970610T090000',
		rules: ['FREQ=YEARLY;COUNT=10;BYMONTH=6,7'],
		days: ['1997', '1998', '1999', '2000', '2001'].flatMap((year) => [
			`${year}-06: 10`,
			`${year}-07: 10`,
		]),
		ends: true,
	},
	{
		title: 'every other year on January, February, and March for 10 occurrences',
		start: '19970310T090000',
		rules: ['FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3'],
		days: [
			'1997-03: 10',
			...['1999', '2001', '2003'].flatMap((year) =>
				['01', '02', '03'].map((month) => `${year}-${month}: 10`),
			),
		],
		ends: true,
	},
	{
		title: 'every third year on the 1st, 100th, and 200th day for 10 occurrences',
		start: '19970101T090000',
		rules: ['FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200'],
		days: [
			'1997-01: 1',
			'1997-04: 10',
			'1997-07: 19',
			'2000-01: 1',
			'2000-04: 9',
			'2000-07: 18',
			'2003-01: 1',
			'2003-04: 10',
			'2003-07: 19',
			'2006-01: 1',
		],
		ends: true,
	},
	{
		title: 'every 20th Monday of the year, forever',
		start: '19970519T090000',
		rules: ['FREQ=YEARLY;BYDAY=20MO'],
		days: ['1997-05: 19', '1998-05: 18', '1999-05: 17'],
	},
	{
		title: 'Monday of week number 20, forever',
		start: '19970512T090000',
		rules: ['FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO'],
		days: ['1997-05: 12', '1998-05: 11', '1999-05: 17'],
	},
	{
		title: 'every Thursday in March, forever',
		start: '19970313T090000',
		rules: ['FREQ=YEARLY;BYMONTH=3;BYDAY=TH'],
		days: ['1997-03: 13 20 27', '1998-03: 5 12 19 26', '1999-03: 4 11 18 25'],
	},
	{
		title: 'every Thursday, but only during June, July, and August, forever',
		start: '19970605T090000',
		rules: ['FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8'],
		days: [
			'1997-06: 5 12 19 26',
			'1997-07: 3 10 17 24 31',
			'1997-08: 7 14 21 28',
			'1998-06: 4 11 18 25',
			'1998-07: 2 9 16 23 30',
			'1998-08: 6 13 20 27',
			'1999-06: 3 10 17 24',
			'1999-07: 1 8 15 22 29',
			'1999-08: 5 12 19 26',
		],
	},
	{
		title: 'every Friday the 13th, forever',
		start: NINE,
		exdate: NINE,
		rules: ['FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13'],
		days: ['1998-02: 13', '1998-03: 13', '1998-11: 13', '1999-08: 13', '2000-10: 13'],
	},
	{
		title: 'the first Saturday that follows the first Sunday of the month, forever',
		start: '19970913T090000',
		rules: ['FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13'],
		days: [
			'1997-09: 13',
			'1997-10: 11',
			'1997-11: 8',
			'1997-12: 13',
			'1998-01: 10',
			'1998-02: 7',
			'1998-03: 7',
			'1998-04: 11',
			'1998-05: 9',
			'1998-06: 13',
		],
	},
	{
		title:
			'U.S. Presidential Election day: every 4 years, the first Tuesday after a Monday in November',
		start: '19961105T090000',
		rules: ['FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8'],
		days: ['1996-11: 5', '2000-11: 7', '2004-11: 2'],
	},
	{
		title:
			'the third instance into the month of one of Tuesday, Wednesday, or Thursday, for 3 months',
		start: '19970904T090000',
		rules: ['FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3'],
		days: ['1997-09: 4', '1997-10: 7', '1997-11: 6'],
		ends: true,
	},
	{
		title: 'the second-to-last weekday of the month',
		start: '19970929T090000',
		rules: ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2'],
		days: [
			'1997-09: 29',
			'1997-10: 30',
			'1997-11: 27',
			'1997-12: 30',
			'1998-01: 29',
			'1998-02: 26',
			'1998-03: 30',
		],
	},
	{
		// The RFC has UNTIL=19970902T170000Z, which is 13:00 in New York; its list needs 21:00Z (errata).
		title: 'every 3 hours from 9:00 AM to 5:00 PM on a specific day',
		start: NINE,
		rules: ['FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z'],
		days: ['1997-09: 2'],
		times: ['09:00', '12:00', '15:00'],
		ends: true,
	},
	{
		title: 'every 15 minutes for 6 occurrences',
		start: NINE,
		rules: ['FREQ=MINUTELY;INTERVAL=15;COUNT=6'],
		days: ['1997-09: 2'],
		times: ['09:00', '09:15', '09:30', '09:45', '10:00', '10:15'],
		ends: true,
	},
	{
		title: 'every hour and a half for 4 occurrences',
		start: NINE,
		rules: ['FREQ=MINUTELY;INTERVAL=90;COUNT=4'],
		days: ['1997-09: 2'],
		times: ['09:00', '10:30', '12:00', '13:30'],
		ends: true,
	},
	{
		title: 'every 20 minutes from 9:00 AM to 4:40 PM every day',
		start: NINE,
		rules: [
			'FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40',
			'FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16',
		],
		days: ['1997-09: 2 3'],
		times: WORK_TIMES,
	},
	{
		title: 'weeks that begin on Monday',
		start: '19970805T090000',
		rules: ['FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO'],
		days: ['1997-08: 5 10 19 24'],
		ends: true,
	},
	{
		title: 'weeks that begin on Sunday',
		start: '19970805T090000',
		rules: ['FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU'],
		days: ['1997-08: 5 17 19 31'],
		ends: true,
	},
	{
		title: 'an invalid date (February 30) is ignored',
		start: '20070115T090000',
		rules: ['FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5'],
		days: ['2007-01: 15 30', '2007-02: 15', '2007-03: 15 30'],
		ends: true,
	},
];

function listed({ days, times = ['09:00'] }: Example): string[] {
	return days.flatMap((line) => {
		const [month = '', list = ''] = line.split(': ');
		const numbers = list.split(' ').flatMap((item) => {
			const [first = 0, last = first] = item.split('-').map(Number);
			return Array.from({ length: last - first + 1 }, (_, index) => first + index);
		});
		return numbers.flatMap((day) =>
			times.map((time) => `${month}-${String(day).padStart(2, '0')}T${time}:00`),
		);
	});
}

/** New York had summer time from the first Sunday of April to the last of October. */
function withOffset(local: string): string {
	const day = local.slice(0, 10);
	const SUMMERS = [
		['1996-04-07', '1996-10-27'],
		['1997-04-06', '1997-10-26'],
		['1998-04-05', '1998-10-25'],
		['1999-04-04', '1999-10-31'],
		['2000-04-02', '2000-10-29'],
		['2001-04-01', '2001-10-28'],
		['2003-04-06', '2003-10-26'],
		['2007-03-11', '2007-11-04'],
	] as const;
	const summer = SUMMERS.some(([from, to]) => day >= from && day < to);
	return `${local}${summer ? '-04:00' : '-05:00'}[${ZONE}]`;
}

describe('the examples of RFC 5545, 3.8.5.3', () => {
	const cases = EXAMPLES.flatMap((example) =>
		example.rules.map((rule) => [example.title, rule, example] as const),
	);

	it.each(cases)('%s (%s)', (_title, rule, example) => {
		const lines = [`DTSTART;TZID=${ZONE}:${example.start}`, `RRULE:${rule}`];
		if (example.exdate !== undefined) lines.push(`EXDATE;TZID=${ZONE}:${example.exdate}`);
		const { rrule, zone } = canonicalRrule(lines.join('\n'), 'timing.rrule', 0);
		expect(zone).toBe(ZONE);
		const recurrence = parseRrule(rrule);
		const expected = listed(example).map(withOffset);
		const found: string[] = [];
		const until = Date.parse('2020-01-01T00:00:00Z');
		let at: number | undefined = Date.parse('1990-01-01T00:00:00Z');
		while (found.length <= expected.length) {
			at = nextRrule(recurrence, ZONE, undefined, { after: at, until });
			if (at === undefined) break;
			found.push(formatLocal(ZONE, at));
		}
		expect(found.slice(0, expected.length)).toEqual(expected);
		expect(found.length > expected.length).toBe(example.ends !== true);
	});
});

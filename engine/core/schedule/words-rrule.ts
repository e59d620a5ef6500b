import { formatLocal } from './local-time.ts';
import { parseRrule } from './rrule.ts';
import type { RuleParts } from './rrule-parts.ts';
import { timeInWords } from './words-cron.ts';
import { every, list, MONTH_NAMES, nth, ordinal, runs, weekdaysInWords } from './words-parts.ts';

const UNITS: Readonly<Record<RuleParts['freq'], string>> = {
	YEARLY: 'year',
	MONTHLY: 'month',
	WEEKLY: 'week',
	DAILY: 'day',
	HOURLY: 'hour',
	MINUTELY: 'minute',
	SECONDLY: 'second',
};

/** A set of recurrences in words; what is rare is told by its parts. */
export function rruleInWords(text: string, zone: string): string {
	const { start, rules, dates } = parseRrule(text);
	const at = start.form === 'utc' ? new Date(start.at) : new Date(start.local);
	const told = rules.map((parts) => ruleInWords(parts, at));
	const count = (n: number): string => (n === 1 ? 'one instant' : `${n} instants`);
	if (dates.added.length > 0) told.push(`${count(dates.added.length)} named`);
	const without = dates.excluded.length === 0 ? '' : `, without ${count(dates.excluded.length)}`;
	const from =
		start.form === 'utc'
			? formatLocal(zone, start.at)
			: at.toISOString().slice(0, 16).replace('T', ' ');
	return `${list(told)}${without}, from ${from} on`;
}

function ruleInWords(parts: RuleParts, start: Date): string {
	const { freq, interval, count, until, byMonth } = parts;
	const position = parts.bySetPos.length === 0 ? '' : `the ${list(parts.bySetPos.map(nth))} of `;
	return [
		`every ${every(interval, UNITS[freq])}`,
		...daysInWords(parts, start).map((days) => `on ${position}${days}`),
		...(byMonth.length === 0 ? [] : [`in ${runs(byMonth, (m) => MONTH_NAMES[m - 1] ?? '')}`]),
		...timesInWords(parts, start),
		...(count === undefined ? [] : [count === 1 ? 'once' : `${count} times`]),
		...(until === undefined ? [] : [`until ${until}`]),
	].join(' ');
}

function daysInWords({ freq, ...parts }: RuleParts, start: Date): string[] {
	const { byDay, byMonthDay, byYearDay, byWeekNo } = parts;
	const told: string[] = [];
	const plain = byDay.filter((each) => each.nth === 0).map(({ weekday }) => (weekday + 1) % 7);
	const numbered = byDay.filter((each) => each.nth !== 0);
	if (plain.length > 0) told.push(weekdaysInWords(plain));
	for (const each of numbered)
		told.push(`the ${nth(each.nth)} ${weekdaysInWords([(each.weekday + 1) % 7])}`);
	if (byMonthDay.length > 0) {
		told.push(
			list(byMonthDay.map((day) => (day < 0 ? `the ${nth(day)} day` : `the ${ordinal(day)}`))),
		);
	}
	if (byYearDay.length > 0) told.push(`day ${list(byYearDay.map(String))} of the year`);
	if (byWeekNo.length > 0) told.push(`week ${list(byWeekNo.map(String))}`);
	if (told.length > 0) return [list(told)];
	// What is not said is as on the first day.
	if (freq === 'WEEKLY') return [weekdaysInWords([start.getUTCDay()])];
	if (freq === 'MONTHLY') return [`the ${ordinal(start.getUTCDate())}`];
	if (freq !== 'YEARLY') return [];
	const month = parts.byMonth.length > 0 ? '' : ` of ${MONTH_NAMES[start.getUTCMonth()] ?? ''}`;
	return [`the ${ordinal(start.getUTCDate())}${month}`];
}

function timesInWords({ freq, byHour, byMinute, bySecond }: RuleParts, start: Date): string[] {
	const subDaily = freq === 'HOURLY' || freq === 'MINUTELY' || freq === 'SECONDLY';
	if (subDaily && byHour.length + byMinute.length + bySecond.length === 0) return [];
	const or = (values: readonly number[], first: number, size: number, below: boolean): number[] =>
		values.length > 0 ? [...values] : below ? Array.from({ length: size }, (_, i) => i) : [first];
	return [
		timeInWords({
			hours: { values: or(byHour, start.getUTCHours(), 24, subDaily) },
			minutes: {
				values: or(byMinute, start.getUTCMinutes(), 60, freq === 'MINUTELY' || freq === 'SECONDLY'),
			},
			seconds: { values: or(bySecond, start.getUTCSeconds(), 60, freq === 'SECONDLY') },
		}),
	];
}

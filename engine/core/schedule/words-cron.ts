import type { DayRule } from './cron-field.ts';
import type { CronPattern } from './cron-pattern.ts';
import {
	DAY_NAMES,
	evenStep,
	every,
	list,
	MONTH_NAMES,
	nth,
	ordinal,
	runs,
	two,
	weekdaysInWords,
} from './words-parts.ts';

/** So many times of day are told one by one. */
const TOLD = 6;

/** A pattern in words: `at 09:00 on Monday to Friday`. */
export function cronInWords(pattern: CronPattern): string {
	return [timeInWords(pattern), ...dayInWords(pattern), ...monthsInWords(pattern)].join(' ');
}

/** The time of day: of cron and of RFC 5545. */
export function timeInWords({
	hours,
	minutes,
	seconds,
}: Record<'hours' | 'minutes' | 'seconds', { values: readonly number[] }>): string {
	const [h, m, s] = [hours.values, minutes.values, seconds.values];
	const plain = s.length === 1 && s[0] === 0;
	if (s.length === 1 && h.length * m.length <= TOLD && h.length < 24) {
		const second = plain ? '' : `:${two(s[0] ?? 0)}`;
		return `at ${list(h.flatMap((hour) => m.map((minute) => `${two(hour)}:${two(minute)}${second}`)))}`;
	}
	const ofMinute = plain ? '' : `${secondsInWords(s)} of `;
	const inMinute = m.length === 60 ? 'every minute' : minutesInWords(m, h);
	if (s.length > 1 && m.length === 60) return `${secondsInWords(s)}${hoursInWords(h)}`;
	return `${ofMinute}${inMinute}${hoursInWords(h)}`;
}

function secondsInWords(values: readonly number[]): string {
	if (values.length === 60) return 'every second';
	const step = evenStep(values, 60);
	if (step !== undefined && values[0] === 0) return `every ${every(step, 'second')}`;
	return `at second${values.length === 1 ? '' : 's'} ${list(values.map(String))}`;
}

function minutesInWords(values: readonly number[], hours: readonly number[]): string {
	const step = evenStep(values, 60);
	if (step !== undefined) {
		const from = values[0] === 0 ? '' : ` from minute ${values[0] ?? 0} on`;
		return `every ${every(step, 'minute')}${from}`;
	}
	const at = `at ${list(values.map((minute) => `:${two(minute)}`))}`;
	return hours.length === 24 ? `every hour ${at}` : at;
}

function hoursInWords(values: readonly number[]): string {
	if (values.length === 24) return '';
	const step = evenStep(values, 24);
	if (step !== undefined && values.length > 2) {
		const from = values[0] === 0 ? '' : ` from ${two(values[0] ?? 0)}:00 on`;
		return ` of every ${step === 2 ? 'second' : ordinal(step)} hour${from}`;
	}
	const [first = 0, last = 0] = [values[0], values.at(-1)];
	if (values.length > 2 && last - first + 1 === values.length) {
		return ` from ${two(first)}:00 to ${two(last)}:59`;
	}
	return ` in the hours ${runs(values, (hour) => `${two(hour)}:00`)}`;
}

function dayInWords(pattern: CronPattern): string[] {
	const dates = bits(pattern.days, 31);
	const weekdays = bits(pattern.weekdays, 6);
	const allDates = dates.length === 31;
	const allWeekdays = weekdays.length === 7;
	const byDate = datesInWords(dates, pattern.dayRules);
	const byWeekday = list([
		...(weekdays.length === 0 ? [] : [weekdaysInWords(weekdays)]),
		...pattern.weekdayRules.map(ruleInWords),
	]);
	if (allDates && allWeekdays) return [];
	if (allDates) return [`on ${byWeekday}`];
	if (allWeekdays) return [`on ${byDate}`];
	return [`on ${byDate} ${pattern.eitherDay ? 'or' : 'if that is also'} ${byWeekday}`];
}

function datesInWords(dates: readonly number[], rules: readonly DayRule[]): string {
	const plain = dates.length === 0 ? [] : [`the ${runs(dates, ordinal)}`];
	return list([...plain, ...rules.map(ruleInWords)]);
}

function ruleInWords(rule: DayRule): string {
	switch (rule.kind) {
		case 'fromEnd':
			return rule.days === 0 ? 'the last day' : `the ${nth(-rule.days - 1)} day`;
		case 'nearest':
			return `the working day nearest to the ${ordinal(rule.day)}`;
		case 'nearestFromEnd':
			return rule.days === 0
				? 'the last working day'
				: `the working day nearest to the ${nth(-rule.days - 1)} day`;
		case 'nth':
			return `the ${nth(rule.n)} ${DAY_NAMES[rule.weekday] ?? ''}`;
		case 'last':
			return `the last ${DAY_NAMES[rule.weekday] ?? ''}`;
	}
}

/** Days of the month need the month said, also when it is every month. */
function monthsInWords(pattern: CronPattern): string[] {
	const months = bits(pattern.months, 12);
	const years = pattern.years === null ? [] : [`in ${runs(pattern.years, String)}`];
	const ofMonth = bits(pattern.days, 31).length < 31 || pattern.weekdayRules.length > 0;
	if (months.length === 12) return [...(ofMonth ? ['of every month'] : []), ...years];
	const names = runs(months, (month) => MONTH_NAMES[month - 1] ?? '');
	return [`${ofMonth ? 'of' : 'in'} ${names}`, ...years];
}

/** The numbers of the bits that are set, up to the highest that counts. */
function bits(mask: number, highest: number): number[] {
	const found: number[] = [];
	for (let bit = 0; bit <= highest; bit++) if ((mask >>> bit) & 1) found.push(bit);
	return found;
}

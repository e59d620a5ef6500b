import type { DayRule } from './cron-field.ts';

/** What a pattern says about days. Bits of a mask stand for values: bit 3 of `days` is the third. */
export interface DayPattern {
	days: number;
	/** Sunday is bit 0. */
	weekdays: number;
	dayRules: readonly DayRule[];
	weekdayRules: readonly DayRule[];
	/** A day that fits either field is due; else it must fit both. */
	eitherDay: boolean;
	/** The days of each kind of month as masks, by length and first weekday; -1 is one not worked out yet. */
	monthMasks: Int32Array;
}

/** Lengths 28 to 31 by seven first weekdays. */
export const KINDS_OF_MONTH = 4 * 7;

/** The days of a month that fit, as a mask; months of one length that begin on one weekday are all alike. */
export function daysOfMonth(pattern: DayPattern, length: number, firstWeekday: number): number {
	const kind = (length - 28) * 7 + firstWeekday;
	const known = pattern.monthMasks[kind] ?? -1;
	if (known !== -1) return known;
	const month = { length, firstWeekday };
	const byDate = pattern.days | rulesMask(pattern.dayRules, month);
	const byWeekday = weekdayMask(pattern.weekdays, month) | rulesMask(pattern.weekdayRules, month);
	const both = pattern.eitherDay ? byDate | byWeekday : byDate & byWeekday;
	// Bits 1 to `length`.
	const mask = both & (length === 31 ? -2 : (1 << (length + 1)) - 2);
	pattern.monthMasks[kind] = mask;
	return mask;
}

interface Month {
	length: number;
	/** Of its first day; Sunday is 0. */
	firstWeekday: number;
}

function weekdayOf(day: number, { firstWeekday }: Month): number {
	return (firstWeekday + day - 1) % 7;
}

function weekdayMask(weekdays: number, month: Month): number {
	let mask = 0;
	for (let day = 1; day <= month.length; day++) {
		if ((weekdays >>> weekdayOf(day, month)) & 1) mask |= 1 << day;
	}
	return mask;
}

function rulesMask(rules: readonly DayRule[], month: Month): number {
	let mask = 0;
	for (const rule of rules) {
		const day = dayOfRule(rule, month);
		if (day >= 1 && day <= month.length) mask |= 1 << day;
	}
	return mask;
}

/** The day that the rule stands for in that month; out of its bounds when there is none. */
function dayOfRule(rule: DayRule, month: Month): number {
	const { length, firstWeekday } = month;
	switch (rule.kind) {
		case 'fromEnd':
			return length - rule.days;
		case 'nearest':
			return nearestWorkingDay(rule.day, month);
		case 'nearestFromEnd':
			return nearestWorkingDay(length - rule.days, month);
		case 'nth':
			return 1 + ((rule.weekday - firstWeekday + 7) % 7) + (rule.n - 1) * 7;
		case 'last':
			return length - ((weekdayOf(length, month) - rule.weekday + 7) % 7);
	}
}

/** Never leaves the month: the 1st on a Saturday becomes Monday the 3rd. */
function nearestWorkingDay(day: number, month: Month): number {
	if (day < 1 || day > month.length) return 0;
	const weekday = weekdayOf(day, month);
	if (weekday === 6) return day === 1 ? 3 : day - 1;
	if (weekday === 0) return day === month.length ? day - 2 : day + 1;
	return day;
}

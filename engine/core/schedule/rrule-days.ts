import {
	civilToDay,
	dayToCivil,
	lengthOfMonth,
	lengthOfYear,
	modulo,
	weekdayFromMonday,
} from './civil.ts';
import type { RuleParts } from './rrule-parts.ts';

/*
 * Which days a rule chooses: RFC 5545's table of what expands and what limits, said as "a day is chosen when
 * all parts fit it", with what is missing filled in from DTSTART.
 */

/** A rule with what DTSTART fills in, made for walking. */
export interface DayRule {
	parts: RuleParts;
	/** Bit m: the month is chosen; all bits when BYMONTH is missing. */
	months: number;
	byMonthDay: readonly number[];
	/** Bit w, Monday is 0: chosen by BYDAY without a number; 0 when there are no such. */
	weekdays: number;
	/** BYDAY with numbers. */
	numbered: RuleParts['byDay'];
	byYearDay: readonly number[];
	byWeekNo: readonly number[];
}

export function dayRule(parts: RuleParts, startDay: number): DayRule {
	const start = dayToCivil(startDay);
	const { freq, byMonth, byDay, byMonthDay, byYearDay, byWeekNo } = parts;
	const byDate = byMonthDay.length > 0 || byYearDay.length > 0;
	const open = byDay.length === 0 && !byDate;
	const ofWeek = open && (freq === 'WEEKLY' || (freq === 'YEARLY' && byWeekNo.length > 0));
	const ofMonth = open && !ofWeek && (freq === 'MONTHLY' || freq === 'YEARLY');
	const ofYear = ofMonth && freq === 'YEARLY' && byMonth.length === 0;
	const months = ofYear ? [start.month] : byMonth;
	return {
		parts,
		months: months.length === 0 ? ~0 : bits(months),
		byMonthDay: ofMonth ? [start.day] : byMonthDay,
		weekdays: ofWeek
			? 1 << weekdayFromMonday(startDay)
			: bits(byDay.filter(({ nth }) => nth === 0).map(({ weekday }) => weekday)),
		numbered: byDay.filter(({ nth }) => nth !== 0),
		byYearDay,
		byWeekNo,
	};
}

function bits(values: readonly number[]): number {
	return values.reduce((mask, value) => mask | (1 << value), 0);
}

/** All days of a period that the rule chooses, ascending. */
export function daysBetween(rule: DayRule, from: number, to: number): number[] {
	const days: number[] = [];
	for (let day = nextDayOf(rule, from, to); day !== undefined; day = nextDayOf(rule, day + 1, to)) {
		days.push(day);
	}
	return days;
}

/** The first chosen day from `from` to `to`, both inclusive; passes over months that are not chosen. */
export function nextDayOf(rule: DayRule, from: number, to: number): number | undefined {
	if (from > to) return undefined;
	let { year, month, day: dayOfMonth } = dayToCivil(from);
	for (let day = from; day <= to;) {
		const length = lengthOfMonth(year, month);
		if ((rule.months >>> month) & 1) {
			for (; dayOfMonth <= length && day <= to; dayOfMonth++, day++) {
				if (dayFits(rule, day, { year, month, dayOfMonth, length })) return day;
			}
		} else {
			day += length - dayOfMonth + 1;
		}
		dayOfMonth = 1;
		month = month === 12 ? 1 : month + 1;
		if (month === 1) year++;
	}
	return undefined;
}

interface DayInMonth {
	year: number;
	month: number;
	dayOfMonth: number;
	length: number;
}

function dayFits(rule: DayRule, day: number, place: DayInMonth): boolean {
	const { byMonthDay, byYearDay, byWeekNo, weekdays, numbered } = rule;
	if (byMonthDay.length > 0 && !monthDayFits(byMonthDay, place)) return false;
	if (weekdays !== 0 || numbered.length > 0) {
		const plain = (weekdays >>> weekdayFromMonday(day)) & 1;
		if (plain === 0 && !numberedFits(rule, day, place)) return false;
	}
	if (byYearDay.length > 0 && !yearDayFits(byYearDay, day, place.year)) return false;
	return byWeekNo.length === 0 || weekFits(rule, day);
}

function monthDayFits(list: readonly number[], { dayOfMonth, length }: DayInMonth): boolean {
	return list.includes(dayOfMonth) || list.includes(dayOfMonth - length - 1);
}

function yearDayFits(list: readonly number[], day: number, year: number): boolean {
	const dayOfYear = day - civilToDay(year, 1, 1) + 1;
	return list.includes(dayOfYear) || list.includes(dayOfYear - lengthOfYear(year) - 1);
}

/** Numbers count within the month, but within the year for FREQ=YEARLY without BYMONTH. */
function numberedFits({ parts, numbered }: DayRule, day: number, place: DayInMonth): boolean {
	const weekday = weekdayFromMonday(day);
	const inYear = parts.freq === 'YEARLY' && parts.byMonth.length === 0;
	const length = inYear ? lengthOfYear(place.year) : place.length;
	const index = inYear ? day - civilToDay(place.year, 1, 1) : place.dayOfMonth - 1;
	const fromStart = Math.floor(index / 7) + 1;
	const fromEnd = -Math.floor((length - 1 - index) / 7) - 1;
	return numbered.some(
		(each) => each.weekday === weekday && (each.nth === fromStart || each.nth === fromEnd),
	);
}

function weekFits({ parts, byWeekNo }: DayRule, day: number): boolean {
	const { year } = dayToCivil(day);
	let weekYear = year;
	if (day < firstWeek(year, parts.weekStart)) weekYear--;
	else if (day >= firstWeek(year + 1, parts.weekStart)) weekYear++;
	const first = firstWeek(weekYear, parts.weekStart);
	const number = Math.floor((day - first) / 7) + 1;
	const weeks = (firstWeek(weekYear + 1, parts.weekStart) - first) / 7;
	return byWeekNo.includes(number) || byWeekNo.includes(number - weeks - 1);
}

/** The first day of week 1: the first week with at least four days in the year. */
export function firstWeek(year: number, weekStart: number): number {
	const fourth = civilToDay(year, 1, 4);
	return fourth - modulo(weekdayFromMonday(fourth) - weekStart, 7);
}

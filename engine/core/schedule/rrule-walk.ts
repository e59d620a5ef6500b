import {
	civilToDay,
	DAY_SECONDS,
	dayToCivil,
	ERA_DAYS,
	modulo,
	weekdayFromMonday,
} from './civil.ts';
import type { LocalSeconds, RuleWalk, Times } from './rrule-compiled.ts';
import { firstAtPosition, LAST_DAY } from './rrule-compiled.ts';
import type { DayRule } from './rrule-days.ts';
import { dayRule, daysBetween, firstWeek, nextDayOf } from './rrule-days.ts';
import type { RuleParts } from './rrule-parts.ts';
import { nextWithinDays } from './rrule-within-day.ts';

export function ruleWalk(parts: RuleParts, start: LocalSeconds): RuleWalk {
	const startDay = Math.floor(start / DAY_SECONDS);
	const time = start - startDay * DAY_SECONDS;
	const or = (list: readonly number[], value: number): readonly number[] =>
		list.length > 0 ? list : [value];
	const hours = or(parts.byHour, Math.floor(time / 3600));
	const minutes = or(parts.byMinute, Math.floor((time % 3600) / 60));
	const seconds = or(parts.bySecond, time % 60);
	const rule = dayRule(parts, startDay);
	return {
		rule,
		start,
		times: { hours, minutes, seconds, count: hours.length * minutes.length * seconds.length },
		base: periodOf(rule, startDay, startDay),
		lastPeriod: { index: Number.NaN, days: [] },
	};
}

/** The first local time from `from` to `until`, both inclusive, and not before DTSTART. */
export function nextByRule(
	walk: RuleWalk,
	from: LocalSeconds,
	until: LocalSeconds,
): LocalSeconds | undefined {
	const first = Math.max(from, walk.start);
	const { freq } = walk.rule.parts;
	const withinDays = freq === 'HOURLY' || freq === 'MINUTELY' || freq === 'SECONDLY';
	const next = withinDays ? nextWithinDays(walk, first, until) : nextByDays(walk, first, until);
	return next !== undefined && next <= until ? next : undefined;
}

/** Jumps from chosen day to chosen day; days of periods that INTERVAL leaves out are passed over. */
function nextByDays(
	walk: RuleWalk,
	from: LocalSeconds,
	until: LocalSeconds,
): LocalSeconds | undefined {
	const { rule, base, times } = walk;
	const startDay = Math.floor(walk.start / DAY_SECONDS);
	const fromDay = Math.floor(from / DAY_SECONDS);
	const { interval, bySetPos } = rule.parts;
	// Dates, weekdays and the periods that INTERVAL chooses come again after this: what is not found, never is.
	const cycle = fromDay + ERA_DAYS * interval;
	const lastDay = Math.min(LAST_DAY, cycle, Math.floor(until / DAY_SECONDS));
	for (let day: number | undefined = fromDay; ;) {
		day = nextDayOf(rule, day, Math.min(lastDay, day + ERA_DAYS));
		if (day === undefined) return undefined;
		const period = periodOf(rule, day, startDay);
		const off = modulo(period - base, interval);
		if (off !== 0) {
			day = firstDayOf(rule, period + interval - off, startDay);
			continue;
		}
		if (bySetPos.length > 0) {
			if (!mayHavePosition(walk)) return undefined;
			const found = nextByPosition(walk, period, from, startDay);
			if (found !== undefined) return found;
			day = firstDayOf(rule, period + interval, startDay);
			continue;
		}
		const time = nextTime(times, day === fromDay ? from - day * DAY_SECONDS : 0);
		if (time >= 0) return day * DAY_SECONDS + time;
		day++;
	}
}

const LONGEST_PERIOD = { DAILY: 1, WEEKLY: 7, MONTHLY: 31, YEARLY: 371 } as const;

/** False where no period has as many members. */
function mayHavePosition({ rule, times }: RuleWalk): boolean {
	const { freq, bySetPos } = rule.parts;
	const days = freq in LONGEST_PERIOD ? LONGEST_PERIOD[freq as keyof typeof LONGEST_PERIOD] : 1;
	return bySetPos.some((position) => Math.abs(position) <= days * times.count);
}

function nextByPosition(
	walk: RuleWalk,
	period: number,
	from: LocalSeconds,
	startDay: number,
): LocalSeconds | undefined {
	const { rule, times, lastPeriod } = walk;
	if (lastPeriod.index !== period) {
		const end = firstDayOf(rule, period + 1, startDay) - 1;
		lastPeriod.days = daysBetween(rule, firstDayOf(rule, period, startDay), end);
		lastPeriod.index = period;
	}
	const { days } = lastPeriod;
	const size = days.length * times.count;
	return firstAtPosition(rule.parts.bySetPos, size, from, (index) => {
		const day = days[Math.floor(index / times.count)] ?? Number.NaN;
		return day * DAY_SECONDS + timeAt(times, index % times.count);
	});
}

function timeAt({ hours, minutes, seconds }: Times, index: number): number {
	const second = seconds[index % seconds.length] ?? 0;
	const minute = minutes[Math.floor(index / seconds.length) % minutes.length] ?? 0;
	const hour = hours[Math.floor(index / (seconds.length * minutes.length))] ?? 0;
	return hour * 3600 + minute * 60 + second;
}

/** The first time of day not below `from`, or -1. */
function nextTime({ hours, minutes, seconds }: Times, from: number): number {
	const hour = Math.floor(from / 3600);
	const minute = Math.floor((from % 3600) / 60);
	for (const h of hours) {
		if (h < hour) continue;
		for (const m of minutes) {
			if (h === hour && m < minute) continue;
			for (const s of seconds) {
				const time = h * 3600 + m * 60 + s;
				if (time >= from) return time;
			}
		}
	}
	return -1;
}

/** The number of the period that holds the day: years, months, weeks (from DTSTART's) or days. */
function periodOf(rule: DayRule, day: number, startDay: number): number {
	const { freq, weekStart } = rule.parts;
	switch (freq) {
		case 'YEARLY': {
			const { year } = dayToCivil(day);
			if (rule.byWeekNo.length === 0) return year;
			// The days of week 1 and of the last week may lie in the year before or after.
			if (day < firstWeek(year, weekStart)) return year - 1;
			return day >= firstWeek(year + 1, weekStart) ? year + 1 : year;
		}
		case 'MONTHLY': {
			const { year, month } = dayToCivil(day);
			return year * 12 + month - 1;
		}
		case 'WEEKLY':
			return Math.floor((day - startOfWeek(startDay, weekStart)) / 7);
		default:
			return day;
	}
}

function firstDayOf(rule: DayRule, period: number, startDay: number): number {
	const { freq, weekStart } = rule.parts;
	switch (freq) {
		case 'YEARLY':
			return rule.byWeekNo.length > 0 ? firstWeek(period, weekStart) : civilToDay(period, 1, 1);
		case 'MONTHLY':
			return civilToDay(Math.floor(period / 12), (period % 12) + 1, 1);
		case 'WEEKLY':
			return startOfWeek(startDay, weekStart) + period * 7;
		default:
			return period;
	}
}

function startOfWeek(day: number, weekStart: number): number {
	return day - modulo(weekdayFromMonday(day) - weekStart, 7);
}

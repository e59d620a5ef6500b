import { civilToDay, dayToCivil, lengthOfMonth, weekdayFromSunday } from './civil.ts';
import { daysOfMonth } from './cron-days.ts';
import type { CronPattern, TimeField } from './cron-pattern.ts';

/**
 * The walk through the calendar, without zones: a local time is a number of seconds as if the wall clock
 * showed UTC.
 */
export type LocalSeconds = number;

const DAY = 86_400;

/** The first local time that fits the pattern, from `from` to `until` inclusive. */
export function nextLocal(
	pattern: CronPattern,
	from: LocalSeconds,
	until: LocalSeconds,
): LocalSeconds | undefined {
	const today = Math.floor(from / DAY);
	if (nextDay(pattern, today, today) === today) {
		const time = nextTimeOfDay(pattern, from - today * DAY);
		if (time >= 0) return bounded(today * DAY + time, until);
	}
	const day = nextDay(pattern, today + 1, Math.floor(until / DAY));
	return day === undefined ? undefined : bounded(day * DAY + firstTimeOfDay(pattern), until);
}

function bounded(local: LocalSeconds, until: LocalSeconds): LocalSeconds | undefined {
	return local <= until ? local : undefined;
}

export function fits(pattern: CronPattern, local: LocalSeconds): boolean {
	return nextLocal(pattern, local, local) === local;
}

/** The first day, in days since 1970-01-01, that fits; leaps over months and years that are not chosen. */
export function nextDay(pattern: CronPattern, from: number, until: number): number | undefined {
	let { year, month, day: dayOfMonth } = dayToCivil(from);
	/** The first of the month. */
	let first = from - dayOfMonth + 1;
	while (first <= until) {
		const length = lengthOfMonth(year, month);
		if ((pattern.months >>> month) & 1 && isYear(pattern, year)) {
			const ahead = daysOfMonth(pattern, length, weekdayFromSunday(first)) & (-1 << dayOfMonth);
			if (ahead !== 0) {
				const day = first + 30 - Math.clz32(ahead & -ahead);
				return day <= until ? day : undefined;
			}
		}
		first += length;
		dayOfMonth = 1;
		month = (month % 12) + 1;
		if (month > 1) continue;
		const chosen = nextYear(pattern, year + 1);
		if (chosen === undefined) return undefined;
		if (chosen > year + 1) first = civilToDay(chosen, 1, 1);
		year = chosen;
	}
	return undefined;
}

function isYear({ years }: CronPattern, year: number): boolean {
	return years === null || years.includes(year);
}

function nextYear({ years }: CronPattern, from: number): number | undefined {
	return years === null ? from : years.find((year) => year >= from);
}

/** Seconds of the day not below `from`, or -1 when the day has none left. */
function nextTimeOfDay(pattern: CronPattern, from: number): number {
	const { hours, minutes, seconds } = pattern;
	const hour = Math.floor(from / 3600);
	const minute = Math.floor((from % 3600) / 60);
	if (hours.next[hour] === hour) {
		if (minutes.next[minute] === minute) {
			const second = seconds.next[from % 60] ?? -1;
			if (second >= 0) return hour * 3600 + minute * 60 + second;
		}
		const later = minutes.next[minute + 1] ?? -1;
		if (later >= 0) return hour * 3600 + later * 60 + seconds.first;
	}
	const later = hours.next[hour + 1] ?? -1;
	return later < 0 ? -1 : later * 3600 + minutes.first * 60 + seconds.first;
}

function firstTimeOfDay({ hours, minutes, seconds }: CronPattern): number {
	return hours.first * 3600 + minutes.first * 60 + seconds.first;
}

/**
 * The shortest time between two local times that fit, in seconds, if it is below `limit`; else a number
 * that is not below `limit`. Clock changes may shorten it; they are left out.
 */
export function smallestGap(pattern: CronPattern, limit: number): number {
	const gap = smallestGapOfDay(pattern);
	const { hours, minutes, seconds } = pattern;
	const last = hours.last * 3600 + minutes.last * 60 + seconds.last;
	const overMidnight = DAY - last + firstTimeOfDay(pattern);
	// Only the rare pattern whose gap lies over midnight needs the calendar.
	if (overMidnight >= Math.min(gap, limit)) return gap;
	return Math.min(gap, overMidnight + DAY * (smallestDayDistance(pattern) - 1));
}

/**
 * Two times that follow one another are in one minute, or the last of one and the first of the next chosen minute of
 * one hour, or the last and the first of two hours: to walk the day would be up to 86,400 steps for each that is
 * scheduled.
 */
function smallestGapOfDay({ hours, minutes, seconds }: CronPattern): number {
	const overMinute = seconds.first - seconds.last;
	const overHour = (minutes.first - minutes.last) * 60 + overMinute;
	return Math.min(
		smallestStep(seconds),
		smallestStep(minutes) * 60 + overMinute,
		smallestStep(hours) * 3600 + overHour,
	);
}

/** Between two chosen values; infinite for a single one. */
function smallestStep({ values }: TimeField): number {
	let step = Number.POSITIVE_INFINITY;
	for (let i = 1; i < values.length; i++) {
		step = Math.min(step, (values[i] ?? 0) - (values[i - 1] ?? 0));
	}
	return step;
}

/** Weekdays and dates meet again in the same way after 28 years. Which years are chosen is left out. */
function smallestDayDistance(chosen: CronPattern): number {
	const pattern = { ...chosen, years: null };
	const end = 28 * 366;
	let smallest = end;
	let day = nextDay(pattern, 0, end);
	while (day !== undefined && smallest > 1) {
		const following = nextDay(pattern, day + 1, end);
		if (following !== undefined) smallest = Math.min(smallest, following - day);
		day = following;
	}
	return smallest;
}

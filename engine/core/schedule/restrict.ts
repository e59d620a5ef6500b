import type { Calendars } from '../../contract/calendar.ts';
import type { Instant } from '../../contract/time.ts';
import type { Restriction, Weekday } from '../../contract/timing.ts';
import type { DayNumber } from './calendar-days.ts';
import {
	calendarNamed,
	clockAt,
	DAY,
	dayOfDate,
	daysOf,
	firstAtOrPast,
	isWorkingDay,
	startOfDay,
	WEEKDAY_NUMBERS,
} from './calendar-days.ts';
import { modulo, weekdayFromSunday } from './civil.ts';
import { fits } from './cron-calendar.ts';
import { parseCron } from './cron-pattern.ts';
import { nextCron } from './cron-walk.ts';
import { pieceAt } from './zone-offsets.ts';

/*
 * `only`: what narrows a rule. Each restriction answers with `closedUntil`: the instant itself when it fits,
 * else a later one before which nothing fits, so that a walk leaps over what is closed.
 */

export interface Place {
	zone: string;
	calendars: Calendars;
}

/** Days that are looked at for one that fits: longer than any calendar has none of its own days. */
const SEARCHED_DAYS = 4000;

/** For the union of restrictions; `undefined` when none of them ever fits again. */
export function closedUntil(
	only: readonly Restriction[],
	at: Instant,
	place: Place,
): Instant | undefined {
	let earliest: Instant | undefined;
	for (const restriction of only) {
		const until = closedByOne(restriction, at, place);
		if (until === at) return at;
		if (until !== undefined && (earliest === undefined || until < earliest)) earliest = until;
	}
	return earliest;
}

function closedByOne(restriction: Restriction, at: Instant, place: Place): Instant | undefined {
	if ('cron' in restriction) return closedByCron(restriction.cron, at, place);
	const fitsDay = dayRule(restriction, place);
	if (fitsDay !== undefined) return closedByDay(fitsDay, at, place);
	return closedByHours(restriction as Hours, at, place);
}

type Hours = { weekdays?: Weekday[]; from?: string; to?: string };

function dayRule(
	restriction: Restriction,
	{ calendars }: Place,
): ((day: DayNumber) => boolean) | undefined {
	if ('dates' in restriction) {
		const days = new Set(restriction.dates.map(dayOfDate));
		return (day) => days.has(day);
	}
	if ('calendar' in restriction) {
		const days = daysOf(calendarNamed(calendars, restriction.calendar));
		return (day) => days.has(day);
	}
	if ('workingDaysOf' in restriction) {
		const calendar = calendarNamed(calendars, restriction.workingDaysOf);
		return (day) => isWorkingDay(calendar, day);
	}
	return undefined;
}

function closedByDay(
	fitsDay: (day: DayNumber) => boolean,
	at: Instant,
	{ zone }: Place,
): Instant | undefined {
	const { day } = clockAt(zone, at);
	if (fitsDay(day)) return at;
	for (let next = day + 1; next <= day + SEARCHED_DAYS; next++) {
		if (fitsDay(next)) return beforeFold(zone, at, startOfDay(zone, next));
	}
	return undefined;
}

function closedByHours({ weekdays, from, to }: Hours, at: Instant, { zone }: Place): Instant {
	const start = from === undefined ? 0 : timeOfDay(from);
	const end = to === undefined ? DAY : timeOfDay(to);
	const numbers = weekdays?.map((weekday) => WEEKDAY_NUMBERS[weekday]);
	const chosen = (day: DayNumber): boolean =>
		numbers === undefined || numbers.includes(weekdayFromSunday(day));
	const { day, time } = clockAt(zone, at);
	const overMidnight = end <= start;
	const open = overMidnight
		? (time >= start && chosen(day)) || (time < end && chosen(day - 1))
		: time >= start && time < end && chosen(day);
	if (open) return at;
	let next = day;
	while (!chosen(next) || next * DAY + start <= day * DAY + time) next++;
	return beforeFold(zone, at, firstAtOrPast(zone, next * DAY + start));
}

/** Whether the wall clock fits the pattern: to the minute, unless the pattern has seconds. */
export function fitsCron(cron: string, at: Instant, zone: string): boolean {
	const seconds = Math.floor((at + pieceAt(zone, at).offset) / 1000);
	const hasSeconds = cron.trim().split(/[ \t]+/).length === 6;
	return fits(parseCron(cron), hasSeconds ? seconds : seconds - modulo(seconds, 60));
}

function closedByCron(cron: string, at: Instant, { zone }: Place): Instant | undefined {
	if (fitsCron(cron, at, zone)) return at;
	// A time in a gap is one too many: whoever asks looks again from there.
	return nextCron(parseCron(cron), zone, {
		after: at,
		until: Number.MAX_SAFE_INTEGER,
		dst: { fold: 'both' },
	});
}

/** What was closed may come again when the clocks are set back: no leap over that. */
function beforeFold(zone: string, at: Instant, target: Instant): Instant {
	for (let piece = pieceAt(zone, at); piece.until < target;) {
		const following = pieceAt(zone, piece.until);
		if (following.offset < piece.offset && piece.until > at) return piece.until;
		piece = following;
	}
	return Math.max(target, at + 1);
}

function timeOfDay(text: string): number {
	const [hours = 0, minutes = 0] = text.split(':').map(Number);
	return hours * 3_600_000 + minutes * 60_000;
}

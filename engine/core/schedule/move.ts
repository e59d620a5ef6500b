import type { Calendar, Calendars } from '../../contract/calendar.ts';
import type { Instant } from '../../contract/time.ts';
import type { Timing } from '../../contract/timing.ts';
import {
	calendarNamed,
	clockAt,
	DAY,
	dateOfDay,
	daysOf,
	isWorkingDay,
	LONGEST_STRETCH,
	startOfDay,
	workingDayFrom,
} from './calendar-days.ts';
import { toInstant } from './local-time.ts';

/*
 * `next_working_day` and `previous_working_day`: an occurrence on a day on which nobody works is moved to the
 * same local time of the nearest day on which somebody does. What is moved is nominal: two that meet are one.
 */

export interface Mover {
	zone: string;
	calendar: Calendar;
	direction: 1 | -1;
}

/** What moves the occurrences of a timing; undefined when nothing does. There is one at most. */
export function moverOf(timing: Timing, calendars: Calendars): Mover | undefined {
	for (const exclusion of timing.exclude ?? []) {
		if (!('calendar' in exclusion) || exclusion.rule === 'skip') continue;
		return {
			zone: timing.timeZone,
			calendar: calendarNamed(calendars, exclusion.calendar),
			direction: exclusion.rule === 'next_working_day' ? 1 : -1,
		};
	}
	return undefined;
}

/** Where an instant of the rule comes to lie; the instant itself when it stays. */
export function moved(mover: Mover, at: Instant): Instant {
	const { zone, calendar, direction } = mover;
	const { day, time } = clockAt(zone, at);
	if (isWorkingDay(calendar, day)) return at;
	const target = workingDayFrom(calendar, day, direction);
	return target === undefined ? at : toInstant(zone, target * DAY + time);
}

/** Where an instant of the rule is moved to, with the reason; undefined when it stays. */
export function targetOf(mover: Mover, at: Instant): { to: Instant; reason: string } | undefined {
	const to = moved(mover, at);
	if (to === at) return undefined;
	return { to, reason: dayReason(mover.calendar, clockAt(mover.zone, at).day) };
}

/** The first moved instant after another, of a rule that is walked by `next`. */
export function nextMoved(
	mover: Mover,
	next: (after: Instant) => Instant | undefined,
	after: Instant,
): Instant | undefined {
	let best: Instant | undefined;
	for (let x = next(earliestSource(mover, after) - 1); x !== undefined; x = next(x)) {
		const image = moved(mover, x);
		if (image > after && (best === undefined || image < best)) best = image;
		if (best !== undefined && isBeyond(mover, x, best)) break;
	}
	return best;
}

/** Nothing of the rule before this instant comes to lie after `after`. */
function earliestSource({ zone, calendar, direction }: Mover, after: Instant): Instant {
	if (direction === -1) return after;
	const { day } = clockAt(zone, after);
	let first = day;
	while (!isWorkingDay(calendar, first - 1) && first > day - 2 * LONGEST_STRETCH) first--;
	return Math.min(after, startOfDay(zone, first));
}

/** Nothing is moved farther. */
const FAR = 2 * LONGEST_STRETCH * DAY;

/** Whether nothing of the rule from `x` on comes to lie before `best`. */
function isBeyond({ zone, calendar, direction }: Mover, x: Instant, best: Instant): boolean {
	if (direction === 1 || x > best + FAR) return x >= best;
	const { day } = clockAt(zone, x);
	return isWorkingDay(calendar, day) && day > clockAt(zone, best).day;
}

/** The instants of the rule that were moved to `at`, with the reason; empty when it is one of the rule itself. */
export function sourcesOf(
	mover: Mover,
	next: (after: Instant) => Instant | undefined,
	at: Instant,
): { from: Instant; reason: string }[] {
	if (next(at - 1) === at && moved(mover, at) === at) return [];
	const { zone, calendar, direction } = mover;
	const { day } = clockAt(zone, at);
	const sources: { from: Instant; reason: string }[] = [];
	let edge = day + (direction === 1 ? -1 : 1);
	while (!isWorkingDay(calendar, edge) && Math.abs(edge - day) < LONGEST_STRETCH) edge -= direction;
	const from = startOfDay(zone, Math.min(edge, day));
	const until = startOfDay(zone, Math.max(edge, day) + 1);
	for (let x = next(from - 1); x !== undefined && x < until; x = next(x)) {
		if (x !== at && moved(mover, x) === at) {
			sources.push({ from: x, reason: dayReason(calendar, clockAt(zone, x).day) });
		}
	}
	return sources;
}

function dayReason(calendar: Calendar, day: number): string {
	const name = daysOf(calendar).get(day);
	const what = name ?? 'a weekend';
	return `${dateOfDay(day)} is ${what} in ${calendar.name} (version ${calendar.version})`;
}

import type { Calendar, Calendars } from '../../contract/calendar.ts';
import { CapError } from '../../contract/errors.ts';
import type { Instant } from '../../contract/time.ts';
import type { Weekday } from '../../contract/timing.ts';
import { weekdayFromSunday } from './civil.ts';
import type { LocalMillis } from './local-time.ts';
import { toInstant } from './local-time.ts';
import { pieceAt } from './zone-offsets.ts';

/** A local day: days since 1970-01-01. */
export type DayNumber = number;

export const DAY = 86_400_000;
/** No stretch of days without work is longer; a calendar that has one moves nothing out of it. */
export const LONGEST_STRETCH = 60;

const names = new WeakMap<Calendar, ReadonlyMap<DayNumber, string>>();

/** The days of a calendar with their names. */
export function daysOf(calendar: Calendar): ReadonlyMap<DayNumber, string> {
	let days = names.get(calendar);
	if (days === undefined) {
		days = new Map(calendar.days.map(({ date, name }) => [dayOfDate(date), name]));
		names.set(calendar, days);
	}
	return days;
}

export function calendarNamed(calendars: Calendars, id: string): Calendar {
	const calendar = calendars.get(id);
	if (calendar === undefined) throw new CapError('INTERNAL', `calendar ${id} is missing`);
	return calendar;
}

export function isWorkingDay(calendar: Calendar, day: DayNumber): boolean {
	return !calendar.weekend.includes(weekdayFromSunday(day)) && !daysOf(calendar).has(day);
}

/** The nearest working day in one direction (1 or -1), the day itself left out; `undefined` when it is far. */
export function workingDayFrom(
	calendar: Calendar,
	day: DayNumber,
	direction: 1 | -1,
): DayNumber | undefined {
	for (let n = 1; n <= LONGEST_STRETCH; n++) {
		const found = day + n * direction;
		if (isWorkingDay(calendar, found)) return found;
	}
	return undefined;
}

/** Sunday is 0. */
export const WEEKDAY_NUMBERS: Readonly<Record<Weekday, number>> = {
	sun: 0,
	mon: 1,
	tue: 2,
	wed: 3,
	thu: 4,
	fri: 5,
	sat: 6,
};

export function dayOfDate(date: string): DayNumber {
	return Date.parse(`${date}T00:00:00Z`) / DAY;
}

export function dateOfDay(day: DayNumber): string {
	return new Date(day * DAY).toISOString().slice(0, 10);
}

/** The wall clock at an instant: the day, and the milliseconds since its midnight. */
export function clockAt(zone: string, at: Instant): { day: DayNumber; time: number } {
	const local = at + pieceAt(zone, at).offset;
	const day = Math.floor(local / DAY);
	return { day, time: local - day * DAY };
}

/** The first instant of a local day. */
export function startOfDay(zone: string, day: DayNumber): Instant {
	return firstAtOrPast(zone, day * DAY);
}

/** The first instant at which the wall clock shows a time, or, where it jumps over it, what comes after. */
export function firstAtOrPast(zone: string, local: LocalMillis): Instant {
	const at = toInstant(zone, local);
	const { from, offset } = pieceAt(zone, at);
	return at + offset === local ? at : from;
}

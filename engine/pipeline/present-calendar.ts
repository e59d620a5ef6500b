import type { Calendar } from '../contract/calendar.ts';
import { inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { toIso } from '../contract/time.ts';
import { dateOfDay, dayOfDate, daysOf, isWorkingDay } from '../core/schedule/calendar-days.ts';
import { WEEKDAY_NUMBERS } from '../core/schedule/calendar-days.ts';

/** Without its days, for lists. */
export function summarizeCalendar(calendar: Calendar): JsonObject {
	const { id, name, title, version, weekend, source, knownFrom, knownUntil, days } = calendar;
	return {
		id,
		name,
		title,
		version,
		weekend: Object.entries(WEEKDAY_NUMBERS)
			.filter(([, number]) => weekend.includes(number))
			.map(([day]) => day),
		source: presentSource(source),
		knownFrom,
		knownUntil,
		dayCount: days.length,
		inForceSince: toIso(calendar.createdAt),
	};
}

export function presentCalendar(calendar: Calendar): JsonObject {
	return {
		...summarizeCalendar(calendar),
		days: calendar.days.map(({ date, name }) => ({ date, name })),
	};
}

/** The text of an iCalendar file may be a megabyte: only its size is told. */
function presentSource(source: Calendar['source']): JsonObject {
	if (source.kind === 'ics') return { kind: 'ics', characters: source.text.length };
	if (source.kind === 'days') return { kind: 'days' };
	const { kind, country, region, types } = source;
	return { kind, country, ...(region === undefined ? {} : { region }), types: [...types] };
}

/** Days of one answer at most: a year and a day. */
const MOST = 367;

/** Every day of a range, and whether somebody works. @throws CapError INVALID_REQUEST */
export function calendarDays(
	calendar: Calendar,
	{ from, to }: { from: string; to: string },
): JsonObject {
	const first = dayOfDate(from);
	const last = dayOfDate(to);
	if (last < first || last - first >= MOST) {
		const expected =
			last < first ? `a date not before "from" (${from})` : `at most ${MOST} days from "from" on`;
		throw inputError('INVALID_REQUEST', { path: 'query.to', expected, received: to });
	}
	const names = daysOf(calendar);
	const days = Array.from({ length: last - first + 1 }, (_, n) => {
		const day = first + n;
		const working = isWorkingDay(calendar, day);
		const name = names.get(day) ?? null;
		return { date: dateOfDay(day), name, weekend: !working && name === null, workingDay: working };
	});
	return { version: calendar.version, days };
}

import type { Instant } from '../../contract/time.ts';
import type { Exclusion } from '../../contract/timing.ts';
import type { DayNumber } from './calendar-days.ts';
import {
	calendarNamed,
	clockAt,
	dateOfDay,
	dayOfDate,
	daysOf,
	startOfDay,
} from './calendar-days.ts';
import type { Place } from './restrict.ts';
import { fitsCron } from './restrict.ts';
import type { Skip } from './skip.ts';

/** Why an instant is taken out by an exclusion; null when none does. Rules that move are not asked. */
export function excludedBy(exclude: readonly Exclusion[], at: Instant, place: Place): Skip | null {
	const { day } = clockAt(place.zone, at);
	for (const exclusion of exclude) {
		const reason = reasonOf(exclusion, { at, day }, place);
		if (reason === null) continue;
		const wholeDay = !('cron' in exclusion);
		return {
			outcome: 'skipped_calendar',
			reason,
			...(wholeDay ? { until: startOfDay(place.zone, day + 1) } : {}),
		};
	}
	return null;
}

function reasonOf(
	exclusion: Exclusion,
	{ at, day }: { at: Instant; day: DayNumber },
	{ zone, calendars }: Place,
): string | null {
	const date = dateOfDay(day);
	if ('cron' in exclusion) {
		return fitsCron(exclusion.cron, at, zone)
			? `excluded by the pattern "${exclusion.cron}"`
			: null;
	}
	if ('dates' in exclusion) return exclusion.dates.includes(date) ? `${date} is excluded` : null;
	if ('from' in exclusion) {
		const within = day >= dayOfDate(exclusion.from) && day <= dayOfDate(exclusion.to);
		return within ? `${date} is within ${exclusion.from} to ${exclusion.to}, excluded` : null;
	}
	if (exclusion.rule !== 'skip') return null;
	const calendar = calendarNamed(calendars, exclusion.calendar);
	const name = daysOf(calendar).get(day);
	return name === undefined
		? null
		: `${date} is ${name} in ${calendar.name} (version ${calendar.version})`;
}

import type { Calendars } from '../../contract/calendar.ts';
import type { Instant } from '../../contract/time.ts';
import { formatDuration } from '../../contract/time.ts';
import type { Exclusion, Restriction, Rule, Timing } from '../../contract/timing.ts';
import { WEEKDAY_NUMBERS } from './calendar-days.ts';
import { parseCron } from './cron-pattern.ts';
import { formatLocal } from './local-time.ts';
import { cronInWords } from './words-cron.ts';
import { every, list, weekdaysInWords } from './words-parts.ts';
import { rruleInWords } from './words-rrule.ts';

/** So many instants are told one by one. */
const TOLD = 3;

/**
 * A timing in one English sentence, for people who want to see whether they were understood:
 * `at 09:00 on Monday to Friday, Europe/Berlin, not on days of holidays-de`.
 */
export function describeTiming(timing: Timing, calendars: Calendars): string {
	const { timeZone, start, end, limit, exclude = [], only, jitter, dst } = timing;
	const at = (instant: Instant): string => localText(timeZone, instant);
	const parts = [`${ruleInWords(timing, timeZone)}, ${timeZone}`];
	if (only !== undefined) {
		parts.push(
			`only ${list(
				only.map((each) => restrictionInWords(each, calendars)),
				'or',
			)}`,
		);
	}
	parts.push(...exclude.map((each) => exclusionInWords(each, calendars)));
	if (start !== undefined) parts.push(`from ${at(start)} on`);
	if (end !== undefined) parts.push(`until ${at(end)}`);
	if (limit !== undefined) parts.push(limit === 1 ? 'once' : `${limit} times at most`);
	if (jitter !== undefined && jitter.max > 0) {
		const each = jitter.per === 'occurrence' ? ', each time another' : '';
		parts.push(`delayed by up to ${formatDuration(jitter.max)}${each}`);
	}
	if (dst?.gap === 'skip') parts.push('left out where the clock skips the time');
	if (dst?.gap === 'edge') parts.push('right after a gap where the clock skips the time');
	if (dst?.fold === 'last') parts.push('the last time where the clock shows the time twice');
	if (dst?.fold === 'both') parts.push('both times where the clock shows the time twice');
	return parts.join(', ');
}

function ruleInWords(rule: Rule, zone: string): string {
	switch (rule.kind) {
		case 'cron':
			return cronInWords(parseCron(rule.cron, rule));
		case 'every':
			return `every ${lengthInWords(rule.every)}, counted from ${localText(zone, rule.anchor)}`;
		case 'months':
			return monthsInWords(rule);
		case 'at':
			return `once, at ${localText(zone, rule.at)}`;
		case 'dates':
			return datesInWords(rule.dates, zone);
		case 'rrule':
			return rruleInWords(rule.rrule, zone);
		case 'any':
			return rule.rules.map((each) => ruleInWords(each, zone)).join('; and ');
	}
}

function monthsInWords({ months, anchor, monthEnd }: Extract<Rule, { kind: 'months' }>): string {
	const period = months % 12 === 0 ? every(months / 12, 'year') : every(months, 'month');
	const end = monthEnd === 'clamp' ? 'on the last day' : 'not at all';
	const short = Number(anchor.slice(8, 10)) > 28 ? `, ${end} where a month is too short` : '';
	return `every ${period}, counted from ${readable(anchor)}${short}`;
}

function datesInWords(dates: readonly Instant[], zone: string): string {
	if (dates.length <= TOLD) return `at ${list(dates.map((at) => localText(zone, at)))}`;
	const [first = 0, last = 0] = [dates[0], dates.at(-1)];
	return `at ${dates.length} instants from ${localText(zone, first)} to ${localText(zone, last)}`;
}

const LENGTHS = [
	[604_800_000, 'week'],
	[86_400_000, 'day'],
	[3_600_000, 'hour'],
	[60_000, 'minute'],
	[1000, 'second'],
] as const;

function lengthInWords(duration: number): string {
	const whole = LENGTHS.find(([length]) => duration % length === 0);
	return whole === undefined ? formatDuration(duration) : every(duration / whole[0], whole[1]);
}

function restrictionInWords(each: Restriction, calendars: Calendars): string {
	if ('cron' in each) return `when "${each.cron}" fits`;
	if ('dates' in each) return `on ${someDates(each.dates)}`;
	if ('calendar' in each) return `on days of ${nameOf(each.calendar, calendars)}`;
	if ('workingDaysOf' in each) return `on working days of ${nameOf(each.workingDaysOf, calendars)}`;
	const { weekdays, from = '00:00', to = '24:00' } = each;
	const days =
		weekdays === undefined
			? ''
			: `on ${weekdaysInWords(weekdays.map((day) => WEEKDAY_NUMBERS[day]))}`;
	const hours = from === '00:00' && to === '24:00' ? '' : `from ${from} to ${to}`;
	return [days, hours].filter((part) => part !== '').join(' ');
}

function exclusionInWords(each: Exclusion, calendars: Calendars): string {
	if ('cron' in each) return `not when "${each.cron}" fits`;
	if ('dates' in each) return `not on ${someDates(each.dates)}`;
	if ('from' in each) return `not from ${each.from} to ${each.to}`;
	const name = nameOf(each.calendar, calendars);
	if (each.rule === 'skip') return `not on days of ${name}`;
	const direction = each.rule === 'next_working_day' ? 'next' : 'previous';
	return `moved to the ${direction} working day of ${name}`;
}

function someDates(dates: readonly string[]): string {
	return dates.length <= TOLD ? list(dates) : `${dates.length} dates from ${dates[0] ?? ''} on`;
}

function nameOf(id: string, calendars: Calendars): string {
	return calendars.get(id)?.name ?? id;
}

/** `2027-01-31 09:00`, with what is below minutes where it says something. */
function localText(zone: string, at: Instant): string {
	const [text = ''] = formatLocal(zone, at).split(/[+[]|(?<=T[\d:.]+)-/);
	return readable(text);
}

function readable(local: string): string {
	return local.replace('T', ' ').replace(/(:\d\d):00(?:\.000)?$/, '$1');
}

import type { Instant } from '../../contract/time.ts';
import { formatDuration, toIso } from '../../contract/time.ts';
import type { Rule } from '../../contract/timing.ts';
import { assertNever } from '../../contract/errors.ts';
import { civilToDay, lengthOfMonth, modulo, weekdayFromSunday } from '../schedule/civil.ts';
import { clockText, dateText } from '../schedule/clock-notes.ts';
import { fits } from '../schedule/cron-calendar.ts';
import { daysOfMonth } from '../schedule/cron-days.ts';
import type { CronPattern } from '../schedule/cron-pattern.ts';
import { parseCron } from '../schedule/cron-pattern.ts';
import { nextOfRule } from '../schedule/rule.ts';
import { DAY_NAMES, MONTH_NAMES } from '../schedule/words-parts.ts';
import { pieceAt } from '../schedule/zone-offsets.ts';

/** Why a rule does not give an instant: which field of a pattern, how far from a beat, and what it wants. */
export function misfit(rule: Rule, timeZone: string, at: Instant): string {
	switch (rule.kind) {
		case 'cron':
			return cronMisfit(parseCron(rule.cron, rule), timeZone, at);
		case 'every': {
			const beyond = modulo(at - rule.anchor, rule.every);
			return `it is ${formatDuration(beyond)} past a beat of every ${formatDuration(rule.every)}`;
		}
		case 'at':
			return `the only instant is ${toIso(rule.at)}`;
		case 'dates':
			return `it is none of the ${rule.dates.length} instants of the list`;
		case 'months':
			return (
				secondTime(rule, timeZone, at) ??
				`it is no whole number of ${rule.months === 1 ? 'months' : `${rule.months} months`} from ${rule.anchor}`
			);
		case 'rrule':
			return secondTime(rule, timeZone, at) ?? 'the recurrence rule does not give it';
		case 'any':
			return rule.rules.map((one) => `${ruleText(one)}: ${misfit(one, timeZone, at)}`).join('; ');
		default:
			return assertNever(rule);
	}
}

/** A rule as users write it, on one line. */
export function ruleText(rule: Rule): string {
	switch (rule.kind) {
		case 'cron':
			return rule.cron;
		case 'every':
			return `every ${formatDuration(rule.every)} from ${toIso(rule.anchor)}`;
		case 'at':
			return `at ${toIso(rule.at)}`;
		case 'dates':
			return `at ${rule.dates.length} instants`;
		case 'months':
			return `every ${rule.months} months from ${rule.anchor}`;
		case 'rrule':
			return rule.rrule.replaceAll('\n', ' ');
		case 'any':
			return rule.rules.map(ruleText).join(' | ');
		default:
			return assertNever(rule);
	}
}

function cronMisfit(pattern: CronPattern, timeZone: string, at: Instant): string {
	if (at % 1000 !== 0) return 'a pattern gives whole seconds';
	const local = at + pieceAt(timeZone, at).offset;
	const date = new Date(local);
	const wrong: string[] = [];
	const time = (unit: string, value: number, { values }: { values: readonly number[] }): void => {
		if (!values.includes(value)) {
			wrong.push(`the ${unit} is ${value}, the pattern wants ${listed(values.map(String))}`);
		}
	};
	time('second', date.getUTCSeconds(), pattern.seconds);
	time('minute', date.getUTCMinutes(), pattern.minutes);
	time('hour', date.getUTCHours(), pattern.hours);
	const month = date.getUTCMonth();
	if (((pattern.months >>> (month + 1)) & 1) === 0) {
		const wanted = MONTH_NAMES.filter((_, index) => (pattern.months >>> (index + 1)) & 1);
		wrong.push(`the month is ${MONTH_NAMES[month] ?? ''}, the pattern wants ${listed(wanted)}`);
	}
	const year = date.getUTCFullYear();
	if (pattern.years !== null && !pattern.years.includes(year)) {
		wrong.push(`the year is ${year}, the pattern wants ${listed(pattern.years.map(String))}`);
	}
	if (wrong.length > 0) return wrong.join(', and ');
	if (fits(pattern, local / 1000)) return twice(local);
	return dayMisfit(pattern, date);
}

const twice = (local: number): string =>
	`the clock shows ${clockText(local)} twice on ${dateText(local)}, and this is not the time that counts`;

/** For an instant at which the clock shows again what it showed when the rule was due. */
function secondTime(rule: Rule, timeZone: string, at: Instant): string | undefined {
	const { from, offset, before } = pieceAt(timeZone, at);
	const first = at - (before - offset);
	if (first >= at || first >= from) return undefined;
	const given = nextOfRule(rule, { timeZone, dst: undefined }, { after: first - 1, until: first });
	return given === first ? twice(at + offset) : undefined;
}

/** Told for this very month: `L`, `15W` and `MON#2` are another day in each. */
function dayMisfit(pattern: CronPattern, date: Date): string {
	const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
	const length = lengthOfMonth(year, month + 1);
	const mask = daysOfMonth(pattern, length, weekdayFromSunday(civilToDay(year, month + 1, 1)));
	const days = Array.from({ length }, (_, index) => index + 1).filter((day) => (mask >>> day) & 1);
	const is = `the day is ${DAY_NAMES[date.getUTCDay()] ?? ''} the ${date.getUTCDate()}`;
	const place = `${MONTH_NAMES[month] ?? ''} ${year}`;
	if (days.length === 0) return `${is}, the pattern fits no day of ${place}`;
	return `${is}, of ${place} the pattern wants ${listed(days.map(String))}`;
}

const SHOWN = 12;

function listed(values: readonly string[]): string {
	if (values.length <= SHOWN) return values.join(',');
	return `${values.slice(0, SHOWN).join(',')} … (${values.length} values)`;
}

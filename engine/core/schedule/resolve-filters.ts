import type { Calendar } from '../../contract/calendar.ts';
import { nearest } from '../../contract/nearest.ts';
import type { Duration } from '../../contract/time.ts';
import { formatDuration } from '../../contract/time.ts';
import type {
	DstPolicy,
	Exclusion,
	Jitter,
	Restriction,
	Rule,
	TimingInput,
} from '../../contract/timing.ts';
import { shorten } from './cron-field.ts';
import { parseCron } from './cron-pattern.ts';
import { invalidTiming } from './timing-errors.ts';

/** The calendars of the tenant that a timing may name, by name and by id. */
export type NamedCalendars = ReadonlyMap<string, Calendar>;

const LONGEST_JITTER: Duration = 24 * 3_600_000;

export function resolveExclude(
	exclude: NonNullable<TimingInput['exclude']>,
	calendars: NamedCalendars,
): Exclusion[] {
	let moving = 0;
	return exclude.map((each, index) => {
		const path = `timing.exclude[${index}]`;
		if ('calendar' in each) {
			if (each.rule !== 'skip' && ++moving > 1) {
				throw invalidTiming(`${path}.rule`, 'one calendar at most that moves', `"${each.rule}"`);
			}
			const { id } = calendarOf(each.calendar, `${path}.calendar`, calendars);
			return { calendar: id, rule: each.rule };
		}
		if ('cron' in each) return { cron: plainCron(each.cron, `${path}.cron`) };
		if ('dates' in each) return { dates: [...new Set(each.dates)].sort() };
		if (each.to < each.from) {
			throw invalidTiming(`${path}.to`, `a date not before "from" (${each.from})`, each.to);
		}
		return each;
	});
}

export function resolveOnly(
	only: NonNullable<TimingInput['only']>,
	calendars: NamedCalendars,
): Restriction[] {
	return only.map((each, index) => {
		const path = `timing.only[${index}]`;
		if ('cron' in each) return { cron: plainCron(each.cron, `${path}.cron`) };
		if ('dates' in each) return { dates: [...new Set(each.dates)].sort() };
		if ('calendar' in each) {
			return { calendar: calendarOf(each.calendar, `${path}.calendar`, calendars).id };
		}
		if ('workingDaysOf' in each) {
			const { id } = calendarOf(each.workingDaysOf, `${path}.workingDaysOf`, calendars);
			return { workingDaysOf: id };
		}
		const { weekdays, from, to } = each;
		if (weekdays === undefined && from === undefined && to === undefined) {
			throw invalidTiming(path, 'at least one of "weekdays", "from" and "to"', 'none');
		}
		if (from !== undefined && from === (to ?? '24:00')) {
			throw invalidTiming(`${path}.to`, 'another time than "from"', `"${from}"`);
		}
		return {
			...(weekdays === undefined ? {} : { weekdays: [...new Set(weekdays)] }),
			...(from === undefined ? {} : { from }),
			...(to === undefined ? {} : { to }),
		};
	});
}

function calendarOf(name: string, path: string, calendars: NamedCalendars): Calendar {
	const calendar = calendars.get(name);
	if (calendar !== undefined) return calendar;
	const close = nearest(name, [...calendars.keys()]);
	const hint = close === undefined ? '' : `, perhaps "${close}"`;
	throw invalidTiming(path, `the name or id of a calendar${hint}`, shorten(name));
}

function plainCron(text: string, path: string): string {
	if (text.includes('~')) throw invalidTiming(path, 'a pattern without "~"', shorten(text));
	parseCron(text, {}, path);
	return text.trim();
}

export function resolveJitter(jitter: NonNullable<TimingInput['jitter']>, rule: Rule): Jitter {
	const resolved: Jitter =
		typeof jitter === 'number' ? { max: jitter, per: 'schedule' } : { ...jitter };
	if (resolved.max > LONGEST_JITTER) {
		throw invalidTiming('timing.jitter', 'at most 24h', formatDuration(resolved.max));
	}
	if (rule.kind === 'at') {
		throw invalidTiming('timing.jitter', 'a rule that is due more than once', 'a one shot');
	}
	return resolved;
}

/** Clock changes concern rules of local time only. */
export function resolveDst(dst: NonNullable<TimingInput['dst']>, rule: Rule): DstPolicy {
	const rules = rule.kind === 'any' ? rule.rules : [rule];
	if (rules.some(({ kind }) => kind === 'cron' || kind === 'rrule' || kind === 'months')) {
		return {
			...(dst.gap === undefined ? {} : { gap: dst.gap }),
			...(dst.fold === undefined ? {} : { fold: dst.fold }),
		};
	}
	const expected = 'a rule of local time ("cron", "rrule", or "every" in months)';
	throw invalidTiming('timing.dst', expected, `"${rule.kind === 'every' ? 'every' : 'at'}"`);
}

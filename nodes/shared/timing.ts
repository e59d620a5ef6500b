import type { IDataObject } from 'n8n-workflow';

/*
 * The trigger rules of the canvas, as the engine writes them. Pure: the tests give them to the engine's own
 * core and look at the instants.
 */

export interface IntervalRule {
	field: 'minutes' | 'hours' | 'days' | 'weeks' | 'months' | 'cron' | 'rrule' | 'dates';
	minutesInterval?: number;
	hoursInterval?: number;
	daysInterval?: number;
	weeksInterval?: number;
	monthsInterval?: number;
	weekdays?: string[];
	dayOfMonth?: string;
	hour?: number;
	minute?: number;
	expression?: string;
	rrule?: string;
	dates?: string;
}

export interface TimingOptions {
	timeZone?: string;
	start?: string;
	end?: string;
	maxRuns?: number;
	jitter?: string;
	gap?: string;
	fold?: string;
	excludeCalendars?: string[];
	excludeDates?: string;
}

/** Makes the error of whoever asks, which knows the node. */
export type Refuse = (message: string) => Error;

/** A Monday, long ago: what counts "every second week" begins here, the same for everybody. */
const EPOCH = '2024-01-01';
const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
const CRON_WEEKDAYS: Readonly<Record<string, string>> = {
	MO: '1',
	TU: '2',
	WE: '3',
	TH: '4',
	FR: '5',
	SA: '6',
	SU: '0',
};

/** @throws what `refuse` makes, naming the rule that is incomplete */
export function buildTiming(
	rules: readonly IntervalRule[],
	options: TimingOptions,
	refuse: Refuse,
): IDataObject {
	if (rules.length === 0) throw refuse('Add at least one trigger rule');
	const written = rules.map((rule, index) =>
		ruleOf(rule, (what) => refuse(`Trigger rule ${index + 1} needs ${what}`)),
	);
	const [only] = written;
	return {
		...(written.length === 1 ? only : { any: written }),
		...given({
			timeZone: options.timeZone,
			start: instantOf(options.start, options.timeZone),
			end: instantOf(options.end, options.timeZone),
			limit: options.maxRuns,
			jitter: options.jitter,
		}),
		...dstOf(options),
		...excludeOf(options),
	};
}

const HAS_OFFSET = /(?:Z|[+-]\d\d:?\d\d)$/i;

/** The date picker gives a local time; the engine takes instants. */
export function instantOf(text: string | undefined, timeZone = 'UTC'): string | undefined {
	if (text === undefined || text === '' || HAS_OFFSET.test(text)) return text;
	const asUtc = Date.parse(`${text.replace(' ', 'T')}Z`);
	if (Number.isNaN(asUtc)) return text;
	// twice, as the offset at the first guess may be that of the other side of a clock change
	const once = asUtc - offsetAt(asUtc, timeZone);
	return new Date(asUtc - offsetAt(once, timeZone)).toISOString();
}

/** Milliseconds by which the zone is ahead of UTC. */
function offsetAt(at: number, timeZone: string): number {
	const parts = new Intl.DateTimeFormat('en-US', {
		timeZone,
		hourCycle: 'h23',
		year: 'numeric',
		month: 'numeric',
		day: 'numeric',
		hour: 'numeric',
		minute: 'numeric',
		second: 'numeric',
	}).formatToParts(at);
	const part = (type: string) => Number(parts.find((p) => p.type === type)?.value);
	const local = Date.UTC(
		part('year'),
		part('month') - 1,
		part('day'),
		part('hour'),
		part('minute'),
		part('second'),
	);
	return local - Math.floor(at / 1000) * 1000;
}

const given = (fields: Record<string, string | number | undefined>): IDataObject =>
	Object.fromEntries(
		Object.entries(fields).filter(
			([, value]) => value !== undefined && value !== '' && value !== 0,
		),
	);

function dstOf({ gap, fold }: TimingOptions): IDataObject {
	const dst = given({ gap, fold });
	return Object.keys(dst).length === 0 ? {} : { dst };
}

function excludeOf({ excludeCalendars = [], excludeDates = '' }: TimingOptions): IDataObject {
	const dates = lines(excludeDates);
	const exclude = [
		...excludeCalendars.map((calendar) => ({ calendar })),
		...(dates.length === 0 ? [] : [{ dates }]),
	];
	return exclude.length === 0 ? {} : { exclude };
}

const lines = (text: string): string[] =>
	text
		.split(/[\n,;]/)
		.map((line) => line.trim())
		.filter((line) => line !== '');

function ruleOf(rule: IntervalRule, lacks: Refuse): IDataObject {
	const hour = rule.hour ?? 0;
	const minute = rule.minute ?? 0;
	switch (rule.field) {
		case 'minutes':
			return stepped(rule.minutesInterval ?? 5, {
				of: 60,
				unit: 'm',
				cron: (step) => `${step} * * * *`,
			});
		case 'hours':
			return stepped(rule.hoursInterval ?? 1, {
				of: 24,
				unit: 'h',
				cron: (step) => `${minute} ${step} * * *`,
				...(minute === 0 ? {} : { phase: `${minute}m` }),
			});
		case 'days':
			return daily(rule.daysInterval ?? 1, hour, minute);
		case 'weeks':
			return weekly(rule, { hour, minute, lacks });
		case 'months':
			return monthly(rule, { hour, minute });
		case 'cron':
			return { cron: filled(rule.expression, 'a cron expression', lacks) };
		case 'rrule':
			return { rrule: filled(rule.rrule, 'a recurrence rule', lacks) };
		case 'dates': {
			const at = lines(filled(rule.dates, 'at least one date', lacks));
			return { at: at.length === 1 ? at[0]! : at };
		}
	}
}

function filled(text: string | undefined, what: string, lacks: Refuse): string {
	if (text !== undefined && text.trim() !== '') return text.trim();
	throw lacks(what);
}

/** On the clock where the interval fits into the hour or day; else anchored, so that it never drifts. */
function stepped(
	interval: number,
	{
		of,
		unit,
		cron,
		phase,
	}: { of: number; unit: string; cron(step: string): string; phase?: string },
): IDataObject {
	if (of % interval === 0 && interval < of)
		return { cron: cron(interval === 1 ? '*' : `*/${interval}`) };
	return {
		every: `${interval}${unit}`,
		anchor: `${EPOCH}T00:00:00`,
		...(phase === undefined ? {} : { phase }),
	};
}

const two = (value: number): string => String(value).padStart(2, '0');

const clock = (hour: number, minute: number): string => `${two(hour)}${two(minute)}00`;

function recurring(date: string, time: string, rule: string): IDataObject {
	return { rrule: `DTSTART:${date.replaceAll('-', '')}T${time}\nRRULE:${rule}` };
}

function daily(interval: number, hour: number, minute: number): IDataObject {
	if (interval === 1) return { cron: `${minute} ${hour} * * *` };
	return recurring(EPOCH, clock(hour, minute), `FREQ=DAILY;INTERVAL=${interval}`);
}

function weekly(
	rule: IntervalRule,
	{ hour, minute, lacks }: { hour: number; minute: number; lacks: Refuse },
): IDataObject {
	const days = WEEKDAYS.filter((day) => rule.weekdays?.includes(day));
	if (days.length === 0) throw lacks('a weekday');
	const interval = rule.weeksInterval ?? 1;
	if (interval === 1) {
		const names = days.map((day) => CRON_WEEKDAYS[day]).sort();
		return { cron: `${minute} ${hour} * * ${names.join(',')}` };
	}
	return recurring(
		EPOCH,
		clock(hour, minute),
		`FREQ=WEEKLY;INTERVAL=${interval};WKST=MO;BYDAY=${days.join(',')}`,
	);
}

/** A day that a month lacks is its last day. */
function monthly(
	rule: IntervalRule,
	{ hour, minute }: { hour: number; minute: number },
): IDataObject {
	const day = rule.dayOfMonth ?? '1';
	const interval = rule.monthsInterval ?? 1;
	const always = day === 'L' || Number(day) <= 28;
	if (interval === 1 && always) return { cron: `${minute} ${hour} ${day} * *` };
	const anchorDay = day === 'L' ? 31 : Number(day);
	return {
		every: interval === 1 ? '1 month' : `${interval} months`,
		anchor: `${EPOCH.slice(0, 8)}${two(anchorDay)}T${two(hour)}:${two(minute)}:00`,
		monthEnd: 'clamp',
	};
}

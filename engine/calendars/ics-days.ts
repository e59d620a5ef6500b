import ICAL from 'ical.js';

import type { CalendarDay } from '../contract/calendar.ts';
import { MAX_CALENDAR_DAYS } from '../contract/calendar.ts';
import type { Horizon } from './calendars.port.ts';
import { DAY, DayList, dateOf } from './days.ts';

/** What is wrong with the text, for people. */
export class IcsError extends Error {}

const MAX_EVENTS = 5000;
/** A day of an event in a row, 20 years of them. */
const MAX_LENGTH = 7500;
/** Instants of one recurring event, from its beginning on: 100 years of every day. */
const MAX_INSTANTS = 40_000;

/**
 * The all-day events of an iCalendar text: those that recur until the horizon's end, changed instances
 * (RECURRENCE-ID) as they were changed, multi-day events with each day, cancelled ones left out. Events with
 * a time of day are no days off and are passed over.
 * @throws IcsError
 */
export function icsDays(text: string, horizon: Horizon): CalendarDay[] {
	const days = new DayList();
	const events = eventsIn(text);
	if (events.length > MAX_EVENTS) {
		throw new IcsError(`at most ${MAX_EVENTS} events, got ${events.length}`);
	}
	const changed = changedInstances(events);
	for (const component of events) {
		if (isCancelled(component) || component.hasProperty('recurrence-id')) continue;
		addEvent(days, component, { horizon, changed });
	}
	for (const component of [...changed.values()].flatMap((each) => [...each.values()])) {
		if (!isCancelled(component)) addOnce(days, component, horizon);
	}
	return days.toDays();
}

function eventsIn(text: string): ICAL.Component[] {
	const parsed = parse(text);
	// A file may hold several calendars: then the parser answers with a list of them.
	const roots = (typeof parsed[0] === 'string' ? [parsed] : parsed) as unknown[][];
	const calendars = roots.map((root) => new ICAL.Component(root as [string, unknown[], unknown[]]));
	const found = calendars.filter(({ name }) => name === 'vcalendar');
	if (found.length === 0) throw new IcsError('an iCalendar text with BEGIN:VCALENDAR');
	return found.flatMap((calendar) => calendar.getAllSubcomponents('vevent'));
}

function parse(text: string): unknown[] {
	try {
		return ICAL.parse(text.replace(/^\uFEFF/, '').trim()) as unknown[];
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		throw new IcsError(`an iCalendar text (${why.replaceAll(/\s+/g, ' ').slice(0, 120)})`);
	}
}

/** By UID, then by the date of the instance that they stand for. */
function changedInstances(events: ICAL.Component[]): Map<string, Map<string, ICAL.Component>> {
	const changed = new Map<string, Map<string, ICAL.Component>>();
	for (const component of events) {
		const of = component.getFirstPropertyValue('recurrence-id');
		if (!(of instanceof ICAL.Time)) continue;
		const uid = uidOf(component);
		const instances = changed.get(uid) ?? new Map<string, ICAL.Component>();
		instances.set(dateOf(middayOf(of)), component);
		changed.set(uid, instances);
	}
	return changed;
}

function uidOf(component: ICAL.Component): string {
	return String(component.getFirstPropertyValue('uid') ?? '');
}

function isCancelled(component: ICAL.Component): boolean {
	return String(component.getFirstPropertyValue('status') ?? '').toUpperCase() === 'CANCELLED';
}

interface Reading {
	horizon: Horizon;
	changed: Map<string, Map<string, ICAL.Component>>;
}

function addEvent(days: DayList, component: ICAL.Component, { horizon, changed }: Reading): void {
	const event = new ICAL.Event(component);
	const start = component.getFirstPropertyValue('dtstart');
	if (!(start instanceof ICAL.Time) || !start.isDate) return;
	if (!event.isRecurring()) {
		addOnce(days, component, horizon);
		return;
	}
	checkRules(component, start);
	const replaced = changed.get(uidOf(component));
	const length = lengthOf(component, start);
	const iterator = event.iterator();
	for (let n = 0; ; n++) {
		const next = iterator.next() as ICAL.Time | null;
		if (next === null || next === undefined) return;
		const date = dateOf(middayOf(next));
		if (date > horizon.until) return;
		if (n >= MAX_INSTANTS) throw new IcsError(`fewer instances of ${nameOf(component)}`);
		if (replaced?.has(date) === true || !belongs(component, next)) continue;
		addDays(days, { first: middayOf(next), length, name: nameOf(component) }, horizon);
	}
}

/** Parts of a rule that say which day it is; without any, it is the day of DTSTART. */
const DAY_PARTS = ['BYDAY', 'BYMONTHDAY', 'BYYEARDAY', 'BYWEEKNO', 'BYSETPOS'] as const;

/** Days repeat by days; a rule that goes by the second would be walked for ever. */
function checkRules(component: ICAL.Component, start: ICAL.Time): void {
	for (const property of component.getAllProperties('rrule')) {
		const rule = property.getFirstValue();
		const freq = rule instanceof ICAL.Recur ? rule.freq : '';
		if (!(rule instanceof ICAL.Recur) || !FREQUENCIES.includes(freq)) {
			throw new IcsError(`an all-day event with a rule of days, not ${freq || 'none'}`);
		}
		sayDay(rule, start);
	}
}

const FREQUENCIES: readonly string[] = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'];

/** The library makes 1 March of 29 February in other years, where RFC 5545 has no instance: said, it is right. */
function sayDay(rule: ICAL.Recur, { month, day }: ICAL.Time): void {
	if (day < 29 || DAY_PARTS.some((part) => rule.getComponent(part).length > 0)) return;
	if (rule.freq !== 'MONTHLY' && rule.freq !== 'YEARLY') return;
	if (rule.freq === 'YEARLY' && rule.getComponent('BYMONTH').length === 0) {
		rule.setComponent('BYMONTH', [month]);
	}
	rule.setComponent('BYMONTHDAY', [day]);
}

/**
 * Whether a rule can give the day: of "the 31st in January and February" the library makes 3 March, too.
 * What RDATE or DTSTART name belongs anyway.
 */
function belongs(component: ICAL.Component, at: ICAL.Time): boolean {
	const date = middayOf(at);
	const named: unknown[] = [
		component.getFirstPropertyValue('dtstart'),
		...component.getAllProperties('rdate').flatMap((property): unknown[] => property.getValues()),
	];
	if (named.some((value) => value instanceof ICAL.Time && middayOf(value) === date)) return true;
	return component.getAllProperties('rrule').some((property) => {
		const rule = property.getFirstValue();
		if (!(rule instanceof ICAL.Recur)) return false;
		const months = rule.getComponent('BYMONTH').map(Number);
		const days = rule.getComponent('BYMONTHDAY').map(Number);
		const monthFits = months.length === 0 || months.includes(at.month);
		return monthFits && (days.length === 0 || days.some((n) => n < 0 || n === at.day));
	});
}

function addOnce(days: DayList, component: ICAL.Component, horizon: Horizon): void {
	const start = component.getFirstPropertyValue('dtstart');
	if (!(start instanceof ICAL.Time) || !start.isDate) return;
	const length = lengthOf(component, start);
	addDays(days, { first: middayOf(start), length, name: nameOf(component) }, horizon);
}

/** In days, at least one: DTEND is exclusive, and may be missing, or the same as DTSTART. */
function lengthOf(component: ICAL.Component, start: ICAL.Time): number {
	const end = component.getFirstPropertyValue('dtend');
	const duration = component.getFirstPropertyValue('duration');
	const days =
		end instanceof ICAL.Time
			? Math.ceil((middayOf(end) - middayOf(start)) / DAY)
			: duration instanceof ICAL.Duration
				? Math.ceil(duration.toSeconds() / 86_400)
				: 1;
	if (days > MAX_LENGTH) throw new IcsError(`shorter events than ${nameOf(component)}`);
	return Math.max(1, days);
}

function addDays(
	days: DayList,
	{ first, length, name }: { first: number; length: number; name: string },
	{ from, until }: Horizon,
): void {
	for (let n = 0; n < length; n++) {
		const date = dateOf(first + n * DAY);
		if (date < from) continue;
		if (date > until) return;
		days.add(date, name);
		if (days.size > MAX_CALENDAR_DAYS) throw new IcsError(`at most ${MAX_CALENDAR_DAYS} days`);
	}
}

function nameOf(component: ICAL.Component): string {
	const summary = String(component.getFirstPropertyValue('summary') ?? '');
	// eslint-disable-next-line no-control-regex
	const clean = summary.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').trim();
	return clean === '' ? 'a day off' : clean.slice(0, 200);
}

/** Midday of the date as if in UTC, so that no offset can make another date of it. */
function middayOf({ year, month, day }: ICAL.Time): number {
	return Date.UTC(year, month - 1, day, 12);
}

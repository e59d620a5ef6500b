import type { Actor } from '../contract/access.ts';
import type {
	Calendar,
	CalendarDay,
	CalendarInput,
	Calendars,
	CalendarSource,
} from '../contract/calendar.ts';
import { calendarsIn, NO_CALENDARS } from '../contract/calendar.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { EventDraft } from '../contract/event.ts';
import type { CalendarId } from '../contract/ids.ts';
import type { Instant } from '../contract/time.ts';
import type { Timing, TimingInput } from '../contract/timing.ts';
import { WEEKDAY_NUMBERS } from '../core/schedule/calendar-days.ts';
import type { Horizon } from '../calendars/calendars.port.ts';
import { inUse, revisionDiffers } from './capabilities.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import { retime } from './retime.ts';

/** Days are worked out from the year before until so many years on. */
const YEARS = 10;

/** The days that a calendar made now knows. */
export function horizonAt(now: Instant): Horizon {
	const year = new Date(now).getUTCFullYear();
	return { from: `${year - 1}-01-01`, until: `${year + YEARS}-12-31` };
}

export async function createCalendar(
	ctx: Context,
	actor: Actor,
	input: CalendarInput,
	once?: OnceRequest<Calendar>,
): Promise<Answered<Calendar>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const calendar: Calendar = {
		...(await compile(ctx, input)),
		id: ctx.newId('calendar'),
		tenant: actor.tenant,
		version: 1,
		createdAt: ctx.clock.now(),
	};
	const stored = await ctx.store.createCalendar(
		calendar,
		[calendarEvent('calendar.created', calendar, actor.keyId)],
		onceRecord(ctx, actor, once, calendar),
	);
	if (stored === 'name_taken') throw nameTaken(input.name);
	if (stored.replayed && once !== undefined) {
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	return { kind: 'done', answer: calendar };
}

/** @throws CapError NOT_FOUND */
export async function findCalendar(
	ctx: Context,
	actor: Actor,
	idOrName: string,
): Promise<Calendar> {
	const calendar = await ctx.store.getCalendar(actor.tenant, idOrName);
	if (calendar === null) throw new CapError('NOT_FOUND', `no calendar ${idOrName}`);
	return calendar;
}

const ROUNDS = 5;

/** Makes the next version, and works out again when the schedules that name it are due. The same again makes none. */
export async function replaceCalendar(
	ctx: Context,
	actor: Actor,
	idOrName: string,
	input: CalendarInput,
	ifMatch?: number,
): Promise<Calendar> {
	const compiled = await compile(ctx, input);
	for (let round = 0; round < ROUNDS; round++) {
		const before = await findCalendar(ctx, actor, idOrName);
		if (ifMatch !== undefined && ifMatch !== before.version) throw revisionDiffers(before.id);
		const same = isSame(before, compiled);
		if (same) return before;
		const calendar = await addVersion(ctx, before, compiled, actor.keyId);
		if (calendar === 'not_found') throw new CapError('NOT_FOUND', `no calendar ${idOrName}`);
		if (calendar === 'name_taken') throw nameTaken(input.name);
		if (calendar === 'version_differs') continue;
		await retime(ctx);
		return calendar;
	}
	throw new CapError('CONFLICT', `${idOrName} is changing at this moment, try again`, {
		retry: 'later',
	});
}

type Compiled = Omit<Calendar, 'id' | 'tenant' | 'version' | 'createdAt'>;

async function addVersion(
	ctx: Context,
	before: Calendar,
	compiled: Compiled,
	by: string,
): Promise<Calendar | 'not_found' | 'version_differs' | 'name_taken'> {
	const calendar: Calendar = {
		...compiled,
		id: before.id,
		tenant: before.tenant,
		version: before.version + 1,
		// Versions follow each other in time even when a clock went back.
		createdAt: Math.max(ctx.clock.now(), before.createdAt),
	};
	const done = await ctx.store.replaceCalendar(calendar, [
		calendarEvent('calendar.updated', calendar, by),
	]);
	return done === 'replaced' ? calendar : done;
}

function isSame(before: Calendar, compiled: Compiled): boolean {
	return JSON.stringify(ordered(before)) === JSON.stringify(ordered(compiled));
}

function ordered(compiled: Compiled): Compiled {
	const { name, title, weekend, days, knownFrom, knownUntil, source } = compiled;
	return { name, title, weekend, days, knownFrom, knownUntil, source };
}

export async function removeCalendar(
	ctx: Context,
	actor: Actor,
	idOrName: string,
	ifMatch?: number,
): Promise<void> {
	const { id } = await findCalendar(ctx, actor, idOrName);
	const at = ctx.clock.now();
	const done = await ctx.store.deleteCalendar(actor.tenant, id, {
		...(ifMatch === undefined ? {} : { expected: ifMatch }),
		at,
		events: [
			{
				type: 'calendar.deleted',
				tenant: actor.tenant,
				at,
				subject: { calendarId: id },
				data: { by: actor.keyId },
			},
		],
	});
	if (done === 'deleted') return;
	if (done === 'not_found') throw new CapError('NOT_FOUND', `no calendar ${idOrName}`);
	if (done === 'revision_differs') throw revisionDiffers(id);
	throw inUse(id, done.usedBy);
}

async function compile(ctx: Context, input: CalendarInput): Promise<Compiled> {
	const horizon = horizonAt(ctx.clock.now());
	const { source, days } = await daysOf(ctx, input, horizon);
	return {
		name: input.name,
		title: input.title ?? null,
		weekend: [...new Set(input.weekend.map((day) => WEEKDAY_NUMBERS[day]))].sort((a, b) => a - b),
		days,
		...knownBy(days, horizon),
		source,
	};
}

async function daysOf(
	ctx: Context,
	{ days, ics, holidays }: CalendarInput,
	horizon: Horizon,
): Promise<{ source: CalendarSource; days: CalendarDay[] }> {
	if (days !== undefined) return { source: { kind: 'days' }, days: byHand(days) };
	const source: CalendarSource =
		ics === undefined
			? {
					kind: 'holidays',
					country: (holidays?.country ?? '').toUpperCase(),
					...(holidays?.region === undefined ? {} : { region: holidays.region.toUpperCase() }),
					types: [...new Set(holidays?.types ?? [])].sort(),
				}
			: { kind: 'ics', text: ics };
	return { source, days: await expand(ctx, source, horizon) };
}

async function expand(
	ctx: Context,
	source: Exclude<CalendarSource, { kind: 'days' }>,
	horizon: Horizon,
): Promise<CalendarDay[]> {
	return source.kind === 'ics'
		? ctx.calendars.readIcs(source.text, horizon)
		: ctx.calendars.holidays(source, horizon);
}

/** @throws CapError INVALID_REQUEST for a day that is given twice */
function byHand(days: readonly CalendarDay[]): CalendarDay[] {
	const found = new Map<string, CalendarDay>();
	for (const [index, { date, name }] of days.entries()) {
		if (found.has(date)) {
			throw inputError('INVALID_REQUEST', {
				path: `days[${index}].date`,
				expected: 'a day that is not in the list yet',
				received: date,
			});
		}
		found.set(date, { date, name });
	}
	return [...found.values()].sort((a, b) => (a.date < b.date ? -1 : 1));
}

/** Days by hand may lie outside the horizon. */
function knownBy(
	days: readonly CalendarDay[],
	{ from, until }: Horizon,
): Pick<Calendar, 'knownFrom' | 'knownUntil'> {
	const first = days[0]?.date ?? from;
	const last = days.at(-1)?.date ?? until;
	return { knownFrom: first < from ? first : from, knownUntil: last > until ? last : until };
}

function nameTaken(name: string): CapError {
	return new CapError('NAME_TAKEN', `there is a calendar "${name}" already`);
}

function calendarEvent(
	type: 'calendar.created' | 'calendar.updated',
	{ id, tenant, name, version, createdAt }: Calendar,
	by: string,
): EventDraft {
	const subject = { calendarId: id };
	return { type, tenant, at: createdAt, subject, data: { name, version, by } };
}

const EXTENDED_AT_ONCE = 50;

/**
 * Once a year has passed, calendars get the days of one year more, as a new version: what schedules ask for
 * stays known. Days by hand are nobody's to guess. @returns how many were extended
 */
export async function extendCalendars(ctx: Context): Promise<number> {
	const horizon = horizonAt(ctx.clock.now());
	let extended = 0;
	let after: CalendarId | null = null;
	for (;;) {
		const found: Calendar[] = await ctx.store.listCalendarsUntil(
			horizon.until,
			after,
			EXTENDED_AT_ONCE,
		);
		for (const before of found) if (await extend(ctx, before, horizon)) extended++;
		after = found.at(-1)?.id ?? null;
		if (found.length < EXTENDED_AT_ONCE) break;
	}
	if (extended > 0) await retime(ctx);
	return extended;
}

async function extend(ctx: Context, before: Calendar, horizon: Horizon): Promise<boolean> {
	const { id, source } = before;
	if (source.kind === 'days') return false;
	try {
		const days = await expand(ctx, source, horizon);
		// What an earlier version knew of years that are gone stays known.
		const earlier = before.days.filter(({ date }) => date < horizon.from);
		const { name, title, weekend } = before;
		const all = [...earlier, ...days];
		const known = knownBy(all, horizon);
		const compiled = { name, title, weekend, days: all, ...known, source };
		return typeof (await addVersion(ctx, before, compiled, 'maintenance')) === 'object';
	} catch (error) {
		ctx.metrics.count('capscheduler_faults_total', { where: 'calendars' });
		ctx.log.error('a calendar could not be extended', {
			id,
			error: error instanceof Error ? error : new Error(String(error)),
		});
		return false;
	}
}

/** What a timing names, in the versions in force. */
export async function calendarsOf(
	ctx: Pick<Context, 'store'>,
	{ tenant, timing }: { tenant: string; timing: Timing },
): Promise<Calendars> {
	const ids = calendarsIn(timing);
	return ids.length === 0 ? NO_CALENDARS : ctx.store.getCalendars(tenant, ids);
}

/** What a timing names, in the versions that were in force at an instant. */
export async function calendarsAt(
	ctx: Pick<Context, 'store'>,
	{ tenant, timing }: { tenant: string; timing: Timing },
	at: Instant,
): Promise<Calendars> {
	const found = new Map<string, Calendar>();
	for (const id of calendarsIn(timing)) {
		const calendar =
			(await ctx.store.getCalendarAt(tenant, id, at)) ??
			(await ctx.store.getCalendarVersion(tenant, id, 1));
		if (calendar !== null) found.set(id, calendar);
	}
	return found;
}

/** The same for many timings in one go. */
export async function calendarsOfAll(
	ctx: Pick<Context, 'store'>,
	tenant: string,
	timings: readonly Timing[],
): Promise<Calendars> {
	const ids = [...new Set(timings.flatMap((timing) => calendarsIn(timing)))];
	return ids.length === 0 ? NO_CALENDARS : ctx.store.getCalendars(tenant, ids);
}

/**
 * The calendars that a timing may name, by name and by id, for `resolveTiming`. Where one is missing, others
 * are there, so that the nearest can be told.
 */
export async function namedCalendars(
	ctx: Pick<Context, 'store'>,
	tenant: string,
	input: TimingInput | undefined,
): Promise<ReadonlyMap<string, Calendar>> {
	const named = new Map<string, Calendar>();
	let missing = false;
	for (const name of calendarsIn(input ?? {})) {
		const calendar = await ctx.store.getCalendar(tenant, name);
		if (calendar === null) missing = true;
		else named.set(name, calendar);
	}
	if (missing) {
		const { items } = await ctx.store.listCalendars(tenant, { limit: 200 });
		for (const calendar of items) named.set(calendar.name, calendar);
	}
	return named;
}

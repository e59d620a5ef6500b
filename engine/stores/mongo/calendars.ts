import type { Calendar, Calendars } from '../../contract/calendar.ts';
import { calendarsIn, NO_CALENDARS } from '../../contract/calendar.ts';
import { CapError } from '../../contract/errors.ts';
import type { CalendarId, ScheduleId } from '../../contract/ids.ts';
import type { Timing } from '../../contract/timing.ts';
import type { Store } from '../store.port.ts';
import { USED_BY_LIMIT } from '../shared/used-by.ts';
import type { Context } from './context.ts';
import { onceNamed } from './destinations.ts';
import type { Doc, Fields, Root } from './documents.ts';
import { is } from './documents.ts';
import { effect, events as eventsEffect } from './effects.ts';
import type { Names } from './names.ts';
import { nameOf } from './names.ts';
import { create } from './once.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { calendarRows, calendarVersionId } from './rows.ts';

interface CalendarsPart {
	port: Pick<
		Store,
		| 'createCalendar'
		| 'replaceCalendar'
		| 'getCalendar'
		| 'getCalendars'
		| 'getCalendarVersion'
		| 'getCalendarAt'
		| 'listCalendars'
		| 'listCalendarVersions'
		| 'listCalendarsUntil'
		| 'deleteCalendar'
	>;
	/** What a timing names, in the versions in force; those that are missing are left out. */
	inForce(timing: Timing): Promise<Calendars>;
	/** @throws CapError CONFLICT when one that the timing names was deleted */
	checkNamed(schedule: { tenant: string; timing: Timing }): Promise<void>;
}

/** What a schedule's document says of the calendars that it names: by which version its next instant was worked out. */
export type Named = { c: string; n: number };

export function namedOf(timing: Timing, calendars: Calendars | undefined): Named[] {
	return calendarsIn(timing).map((id) => ({ c: id, n: calendars?.get(id)?.version ?? 0 }));
}

/** Calendars that are kept parsed: a version never changes. */
const KEPT = 500;

/**
 * The document of a calendar names its version in force, and is the root; versions are written once, as an effect of
 * the write that brings them in force. Who finds one missing carries that effect out.
 */
export function createCalendars(context: Context, names: Names): CalendarsPart {
	const { db, commits } = context;
	const parsed = new Map<string, Calendar>();

	async function roots(filter: Fields): Promise<Root[]> {
		return (await db.run(async () => db.of('calendars').find(filter).toArray())) as Root[];
	}

	/** The versions in force of these. */
	async function versionsOf(docs: readonly Root[]): Promise<Map<string, Calendar>> {
		const found = new Map<string, Calendar>();
		const wanted = docs.filter((doc) => {
			const known = parsed.get(calendarVersionId(doc._id, Number(doc['version'])));
			if (known !== undefined) found.set(doc._id, known);
			return known === undefined;
		});
		if (wanted.length === 0) return found;
		await commits.help('calendars', wanted);
		const ids = wanted.map((doc) => calendarVersionId(doc._id, Number(doc['version'])));
		const versions = await db.run(async () =>
			db
				.of('calendarVersions')
				.find({ _id: { $in: ids } })
				.toArray(),
		);
		for (const doc of versions) {
			const calendar = calendarRows.fromDoc(doc);
			if (parsed.size >= KEPT) parsed.delete(parsed.keys().next().value ?? '');
			parsed.set(doc._id, calendar);
			found.set(calendar.id, calendar);
		}
		return found;
	}

	async function read(ids: readonly string[]): Promise<Map<string, Calendar>> {
		return ids.length === 0 ? new Map() : versionsOf(await roots({ _id: { $in: [...ids] } }));
	}

	async function rootOf(tenant: string, idOrName: string): Promise<Root | null> {
		const alive = { tenant: is(tenant), deletedAt: null };
		const [byId] = await roots({ _id: is(idOrName), ...alive });
		if (byId !== undefined) return byId;
		const [byName] = await roots({ name: is(idOrName), ...alive });
		return byName ?? null;
	}

	async function find(tenant: string, idOrName: string): Promise<Calendar | null> {
		const doc = await rootOf(tenant, idOrName);
		return doc === null ? null : ((await versionsOf([doc])).get(doc._id) ?? null);
	}

	async function usedBy(id: string): Promise<ScheduleId[]> {
		const docs = await db.run(async () =>
			db
				.of('schedules')
				.find({ 'named.c': is(id), state: { $in: ['active', 'paused'] } })
				.sort({ _id: 1 })
				.limit(USED_BY_LIMIT)
				.project<{ _id: ScheduleId }>({ _id: 1 })
				.toArray(),
		);
		return docs.map(({ _id }) => _id);
	}

	const headOf = ({ id, tenant, name, version, knownUntil }: Calendar): Doc => ({
		_id: id,
		tenant,
		name,
		version,
		knownUntil,
		deletedAt: null,
	});
	const bringing = (calendar: Calendar) =>
		effect('insert', { into: 'calendarVersions', doc: calendarRows.toDoc(calendar) });
	const keyFor = ({ tenant, name }: Pick<Calendar, 'tenant' | 'name'>): string =>
		nameOf('calendar', tenant, name);

	async function listed(filter: Fields, sort: 1 | -1, limit: number): Promise<Calendar[]> {
		const docs = (await db.run(async () =>
			db.of('calendars').find(filter).sort({ _id: sort }).limit(limit).toArray(),
		)) as Root[];
		const versions = await versionsOf(docs);
		return docs.flatMap(({ _id }) => versions.get(_id) ?? []);
	}

	async function versions(filter: Fields, limit: number): Promise<Calendar[]> {
		const docs = await db.run(async () =>
			db.of('calendarVersions').find(filter).sort({ version: -1 }).limit(limit).toArray(),
		);
		return docs.map(calendarRows.fromDoc);
	}

	return {
		port: {
			createCalendar: async (calendar, events, record) =>
				onceNamed(context, record, async () => {
					if (!(await names.reserve(keyFor(calendar), calendar.id))) return 'name_taken';
					const root = { into: 'calendars' as const, doc: headOf(calendar) };
					const effects = [bringing(calendar), ...eventsEffect(events)];
					const made = await create(context, { record, root, effects, value: calendar });
					if (made.replayed) {
						await names.release([{ name: keyFor(calendar), holder: calendar.id }]);
					}
					return made;
				}),

			async replaceCalendar(calendar, events) {
				const { id, tenant, version } = calendar;
				for (;;) {
					const doc = await rootOf(tenant, id);
					if (doc?._id !== id) return 'not_found';
					if (doc['version'] !== version - 1) return 'version_differs';
					const before = { tenant, name: doc['name'] as string };
					const renamed = before.name !== calendar.name;
					if (renamed && !(await names.reserve(keyFor(calendar), id))) return 'name_taken';
					const free = effect('unname', { name: keyFor(before), holder: id });
					const effects = [bringing(calendar), ...eventsEffect(events), ...(renamed ? [free] : [])];
					const { _id, ...set } = headOf(calendar);
					const change = { id: _id, v: doc.v, set, effects };
					if ((await commits.change('calendars', [change]))[0] === true) return 'replaced';
				}
			},

			getCalendar: find,

			async getCalendars(tenant, ids) {
				const found = await read(ids.map(String));
				return new Map([...found].filter(([, calendar]) => calendar.tenant === tenant));
			},

			async getCalendarVersion(tenant, id, version) {
				const filter = { id: is(id), tenant: is(tenant), version: is(version) };
				return (await versions(filter, 1))[0] ?? null;
			},

			async getCalendarAt(tenant, id, at) {
				const filter = { id: is(id), tenant: is(tenant), createdAt: { $lte: at } };
				return (await versions(filter, 1))[0] ?? null;
			},

			async listCalendars(tenant, page) {
				const before = decodeCursor(page.cursor, 'string');
				const filter = {
					tenant: is(tenant),
					deletedAt: null,
					...(before === null ? {} : { _id: { $lt: before } }),
				};
				return pageOf(await listed(filter, -1, readLimit(page)), page.limit, ({ id }) => id);
			},

			async listCalendarVersions(tenant, id, page) {
				const before = decodeCursor(page.cursor, 'number') ?? Number.MAX_SAFE_INTEGER;
				const filter = { id: is(id), tenant: is(tenant), version: { $lt: before } };
				const items = await versions(filter, readLimit(page));
				return pageOf(items, page.limit, ({ version }) => version);
			},

			listCalendarsUntil: async (date, after: CalendarId | null, limit) =>
				listed({ _id: { $gt: after ?? '' }, deletedAt: null, knownUntil: { $lt: date } }, 1, limit),

			async deleteCalendar(tenant, id, { expected, at, events }) {
				for (;;) {
					const doc = await rootOf(tenant, id);
					if (doc?._id !== id) return 'not_found';
					if (expected !== undefined && doc['version'] !== expected) return 'revision_differs';
					const users = await usedBy(id);
					if (users.length > 0) return { usedBy: users };
					const name = keyFor({ tenant, name: doc['name'] as string });
					const effects = [...eventsEffect(events), effect('unname', { name, holder: id })];
					const change = { id, v: doc.v, set: { deletedAt: at }, effects };
					if ((await commits.change('calendars', [change]))[0] === true) return 'deleted';
				}
			},
		},

		async inForce(timing) {
			const ids = calendarsIn(timing);
			return ids.length === 0 ? NO_CALENDARS : read(ids);
		},

		async checkNamed({ tenant, timing }) {
			for (const id of calendarsIn(timing)) {
				if ((await rootOf(tenant, id))?._id === id) continue;
				throw new CapError('CONFLICT', `calendar ${id} was deleted meanwhile`);
			}
		},
	};
}

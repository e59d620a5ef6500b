import type { Calendar, Calendars } from '../../contract/calendar.ts';
import { calendarsIn, NO_CALENDARS } from '../../contract/calendar.ts';
import { CapError } from '../../contract/errors.ts';
import type { ScheduleId } from '../../contract/ids.ts';
import type { Timing } from '../../contract/timing.ts';
import type { Store } from '../store.port.ts';
import { USED_BY_LIMIT } from '../shared/used-by.ts';
import type { Context } from './context.ts';
import { once } from './once.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { calendarRows } from './rows.ts';

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
	inForce(timing: Timing): Calendars;
	/** Inside a write: which calendars a schedule names, and with which versions its next instant was worked out. */
	record(schedule: Named, calendars: Calendars | undefined): void;
	/** Inside a write: the schedule names others now. @throws CapError CONFLICT when one was deleted */
	name(schedule: Named, calendars: Calendars | undefined): void;
}

interface Named {
	id: ScheduleId;
	tenant: string;
	timing: Timing;
}

/** Undoes a write whose name is taken, without a trace of its idempotency record. */
class NameTaken extends Error {}

/** Calendars that are kept parsed: a version never changes. */
const KEPT = 500;

const COLUMNS = calendarRows.columns
	.split(', ')
	.map((column) => `v.${column}`)
	.join(', ');
const IN_FORCE = `SELECT ${COLUMNS} FROM calendars c
	JOIN calendar_versions v ON v.id = c.id AND v.version = c.version`;
const VERSIONS = `SELECT ${calendarRows.columns} FROM calendar_versions`;

export function createCalendars(context: Context): CalendarsPart {
	const { db, write } = context;
	const parsed = new Map<string, Calendar>();

	function readVersion(id: string, version: number): Calendar | null {
		const key = `${id}@${version}`;
		const known = parsed.get(key);
		if (known !== undefined) return known;
		const row = db.rows(`${VERSIONS} WHERE id = ? AND version = ?`).get(id, version);
		if (row === undefined) return null;
		const calendar = calendarRows.fromRow(row);
		if (parsed.size >= KEPT) parsed.delete(parsed.keys().next().value ?? '');
		parsed.set(key, calendar);
		return calendar;
	}

	function versionOf(id: string): number | null {
		const row = db.rows<[number]>('SELECT version FROM calendars WHERE id = ?').get(id);
		return row?.[0] ?? null;
	}

	function read(ids: readonly string[]): Map<string, Calendar> {
		const found = new Map<string, Calendar>();
		for (const id of ids) {
			const version = versionOf(id);
			const calendar = version === null ? null : readVersion(id, version);
			if (calendar !== null) found.set(id, calendar);
		}
		return found;
	}

	function find(tenant: string, idOrName: string): Calendar | null {
		const row =
			db
				.rows(`${IN_FORCE} WHERE c.id = ? AND c.tenant = ? AND c.deletedAt IS NULL`)
				.get(idOrName, tenant) ??
			db
				.rows(`${IN_FORCE} WHERE c.tenant = ? AND c.name = ? AND c.deletedAt IS NULL`)
				.get(tenant, idOrName);
		return row === undefined ? null : calendarRows.fromRow(row);
	}

	function nameHolder(tenant: string, name: string): string | undefined {
		return db
			.rows<[string]>(
				'SELECT id FROM calendars WHERE tenant = ? AND name = ? AND deletedAt IS NULL',
			)
			.get(tenant, name)?.[0];
	}

	function usedBy({ id }: Calendar): ScheduleId[] {
		return db
			.rows<[ScheduleId]>(
				`SELECT n.scheduleId FROM schedule_calendars n JOIN schedules s ON s.id = n.scheduleId
				WHERE n.calendarId = ? AND s.state IN ('active', 'paused')
				ORDER BY n.scheduleId LIMIT ${USED_BY_LIMIT}`,
			)
			.all(id)
			.map(([scheduleId]) => scheduleId);
	}

	function record({ id, tenant, timing }: Named, calendars: Calendars | undefined): void {
		for (const calendarId of calendarsIn(timing)) {
			db.sql(
				`INSERT INTO schedule_calendars (calendarId, version, scheduleId, tenant) VALUES (?, ?, ?, ?)
				ON CONFLICT (scheduleId, calendarId) DO UPDATE SET version = excluded.version
				WHERE version <> excluded.version`,
			).run(calendarId, calendars?.get(calendarId)?.version ?? 0, id, tenant);
		}
	}

	return {
		port: {
			async createCalendar(calendar, events, idempotency) {
				try {
					return await write((tx) =>
						once(context, idempotency, () => {
							const { id, tenant, name, version, knownUntil } = calendar;
							if (nameHolder(tenant, name) !== undefined) throw new NameTaken();
							db.sql(
								'INSERT INTO calendars (id, tenant, name, version, knownUntil) VALUES (?, ?, ?, ?, ?)',
							).run(id, tenant, name, version, knownUntil);
							db.sql(calendarRows.insert).run(...calendarRows.toRow(calendar));
							tx.events(events);
							return calendar;
						}),
					);
				} catch (error) {
					if (error instanceof NameTaken) return 'name_taken';
					throw error;
				}
			},

			replaceCalendar: (calendar, events) =>
				write((tx) => {
					const { id, tenant, name, version, knownUntil } = calendar;
					const present = find(tenant, id);
					if (present?.id !== id) return 'not_found';
					if (present.version !== version - 1) return 'version_differs';
					if ((nameHolder(tenant, name) ?? id) !== id) return 'name_taken';
					db.sql(calendarRows.insert).run(...calendarRows.toRow(calendar));
					db.sql('UPDATE calendars SET name = ?, version = ?, knownUntil = ? WHERE id = ?').run(
						name,
						version,
						knownUntil,
						id,
					);
					tx.events(events);
					return 'replaced';
				}),

			async getCalendar(tenant, idOrName) {
				return find(tenant, idOrName);
			},

			async getCalendars(tenant, ids) {
				return new Map([...read(ids)].filter(([, calendar]) => calendar.tenant === tenant));
			},

			async getCalendarVersion(tenant, id, version) {
				const row = db
					.rows(`${VERSIONS} WHERE id = ? AND version = ? AND tenant = ?`)
					.get(id, version, tenant);
				return row === undefined ? null : calendarRows.fromRow(row);
			},

			async getCalendarAt(tenant, id, at) {
				const row = db
					.rows(
						`${VERSIONS} WHERE id = ? AND tenant = ? AND createdAt <= ? ORDER BY version DESC LIMIT 1`,
					)
					.get(id, tenant, at);
				return row === undefined ? null : calendarRows.fromRow(row);
			},

			async listCalendars(tenant, page) {
				const before = decodeCursor(page.cursor, 'string');
				const items = db
					.rows(
						`${IN_FORCE} WHERE c.tenant = ? AND c.deletedAt IS NULL
						${before === null ? '' : 'AND c.id < ?'} ORDER BY c.id DESC LIMIT ?`,
					)
					.all(tenant, ...(before === null ? [] : [before]), readLimit(page))
					.map(calendarRows.fromRow);
				return pageOf(items, page.limit, ({ id }) => id);
			},

			async listCalendarVersions(tenant, id, page) {
				const before = decodeCursor(page.cursor, 'number') ?? Number.MAX_SAFE_INTEGER;
				const items = db
					.rows(
						`${VERSIONS} WHERE id = ? AND tenant = ? AND version < ? ORDER BY version DESC LIMIT ?`,
					)
					.all(id, tenant, before, readLimit(page))
					.map(calendarRows.fromRow);
				return pageOf(items, page.limit, ({ version }) => version);
			},

			async listCalendarsUntil(date, after, limit) {
				return db
					.rows(
						`${IN_FORCE} WHERE c.id > ? AND c.deletedAt IS NULL AND c.knownUntil < ?
						ORDER BY c.id LIMIT ?`,
					)
					.all(after ?? '', date, limit)
					.map(calendarRows.fromRow);
			},

			deleteCalendar: (tenant, id, { expected, at, events }) =>
				write((tx) => {
					const present = find(tenant, id);
					if (present?.id !== id) return 'not_found';
					if (expected !== undefined && present.version !== expected) return 'revision_differs';
					const users = usedBy(present);
					if (users.length > 0) return { usedBy: users };
					db.sql('UPDATE calendars SET deletedAt = ? WHERE id = ?').run(at, id);
					tx.events(events);
					return 'deleted';
				}),
		},

		inForce(timing) {
			const ids = calendarsIn(timing);
			return ids.length === 0 ? NO_CALENDARS : read(ids);
		},

		record,

		name(schedule, calendars) {
			for (const id of calendarsIn(schedule.timing)) {
				if (find(schedule.tenant, id)?.id === id) continue;
				throw new CapError('CONFLICT', `calendar ${id} was deleted meanwhile`);
			}
			db.sql('DELETE FROM schedule_calendars WHERE scheduleId = ?').run(schedule.id);
			record(schedule, calendars);
		},
	};
}

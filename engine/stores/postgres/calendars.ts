import type { Calendar, Calendars } from '../../contract/calendar.ts';
import { calendarsIn, NO_CALENDARS } from '../../contract/calendar.ts';
import { CapError } from '../../contract/errors.ts';
import type { ScheduleId } from '../../contract/ids.ts';
import type { Timing } from '../../contract/timing.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { USED_BY_LIMIT } from '../shared/used-by.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Queryable } from './database.ts';
import { lockNames } from './destinations.ts';
import { INTO } from './inserts.ts';
import { once } from './once.ts';
import { calendarRows } from './rows.ts';
import type { Transaction } from './transaction.ts';

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
	inForce(on: Queryable, timing: Timing): Promise<Calendars>;
	/** Inside a write: which calendars a schedule names, and with which versions its next instant was worked out. */
	record(tx: Transaction, schedule: Named, calendars: Calendars | undefined): void;
	/** Inside a write: the schedule names others now. @throws CapError CONFLICT when one was deleted */
	name(tx: Transaction, schedule: Named, calendars: Calendars | undefined): Promise<void>;
}

interface Named {
	id: ScheduleId;
	tenant: string;
	timing: Timing;
}

/** Undoes a write whose name is taken, without a trace of its idempotency record. */
class NameTaken extends Error {}

const IN_FORCE = `SELECT ${calendarRows.columnsOf('v')} FROM calendars c
	JOIN calendar_versions v ON v.id = c.id AND v.version = c.version`;
const VERSIONS = `SELECT ${calendarRows.columns} FROM calendar_versions`;

export function createCalendars(context: Context): CalendarsPart {
	const { db, write } = context;

	async function read(on: Queryable, ids: readonly string[]): Promise<Map<string, Calendar>> {
		if (ids.length === 0) return new Map();
		const rows = await on.rows(`${IN_FORCE} WHERE c.id = ANY($1::text[])`, [ids]);
		const found = new Map(rows.map(calendarRows.fromRow).map((one) => [one.id as string, one]));
		// in the order in which they were asked for
		return new Map(
			ids.flatMap((id) => {
				const calendar = found.get(id);
				return calendar === undefined ? [] : [[id, calendar]];
			}),
		);
	}

	async function find(on: Queryable, tenant: string, idOrName: string): Promise<Calendar | null> {
		const rows = await on.rows(
			`${IN_FORCE} WHERE c.tenant = $1 AND c.id = $2 AND c.deletedAt IS NULL
			UNION ALL ${IN_FORCE} WHERE c.tenant = $1 AND c.name = $2 AND c.deletedAt IS NULL`,
			[tenant, idOrName],
		);
		const found = rows.map(calendarRows.fromRow);
		return found.find(({ id }) => id === idOrName) ?? found[0] ?? null;
	}

	/** Locked: alone to change or delete it, shared to name it. */
	async function locked(
		tx: Transaction,
		{ tenant, id }: { tenant: string; id: string },
		how: 'UPDATE' | 'SHARE',
	): Promise<Calendar | null> {
		const row = await tx.get(
			`${IN_FORCE} WHERE c.tenant = $1 AND c.id = $2 AND c.deletedAt IS NULL FOR ${how} OF c`,
			[tenant, id],
		);
		return row === undefined ? null : calendarRows.fromRow(row);
	}

	async function nameHolder(
		tx: Transaction,
		tenant: string,
		name: string,
	): Promise<string | undefined> {
		await lockNames(tx, 'calendars', tenant);
		const row = await tx.get<[string]>(
			'SELECT id FROM calendars WHERE tenant = $1 AND name = $2 AND deletedAt IS NULL',
			[tenant, name],
		);
		return row?.[0];
	}

	async function usedBy(tx: Transaction, id: string): Promise<ScheduleId[]> {
		const rows = await tx.rows<[ScheduleId]>(
			`SELECT n.scheduleId FROM schedule_calendars n JOIN schedules s ON s.id = n.scheduleId
			WHERE n.calendarId = $1 AND s.state IN ('active', 'paused')
			ORDER BY n.scheduleId LIMIT ${USED_BY_LIMIT}`,
			[id],
		);
		return rows.map(([scheduleId]) => scheduleId);
	}

	function record(
		tx: Transaction,
		{ id, tenant, timing }: Named,
		calendars: Calendars | undefined,
	): void {
		const ids = calendarsIn(timing);
		if (ids.length === 0) return;
		tx.later(
			`INSERT INTO schedule_calendars AS n (calendarId, version, scheduleId, tenant)
			SELECT calendarId, version, $3, $4 FROM unnest($1::text[], $2::bigint[]) AS u (calendarId, version)
			ON CONFLICT (scheduleId, calendarId) DO UPDATE SET version = excluded.version
			WHERE n.version <> excluded.version`,
			[[...ids], ids.map((one) => calendars?.get(one)?.version ?? 0), id, tenant],
		);
	}

	return {
		port: {
			async createCalendar(calendar, events, idempotency) {
				try {
					return await write((tx) =>
						once(context, tx, idempotency, async () => {
							const { id, tenant, name, version, knownUntil } = calendar;
							if ((await nameHolder(tx, tenant, name)) !== undefined) throw new NameTaken();
							await tx.run(
								`INSERT INTO calendars (id, tenant, name, version, knownUntil)
								VALUES ($1, $2, $3, $4, $5)`,
								[id, tenant, name, version, knownUntil],
							);
							tx.insert(INTO.calendars, calendar);
							tx.events(events);
							await tx.flush();
							return calendar;
						}),
					);
				} catch (error) {
					if (error instanceof NameTaken) return 'name_taken';
					throw error;
				}
			},

			replaceCalendar: (calendar, events) =>
				write(async (tx) => {
					const { id, tenant, name, version, knownUntil } = calendar;
					const present = await locked(tx, { tenant, id }, 'UPDATE');
					if (present === null) return 'not_found';
					if (present.version !== version - 1) return 'version_differs';
					if (((await nameHolder(tx, tenant, name)) ?? id) !== id) return 'name_taken';
					tx.insert(INTO.calendars, calendar);
					await tx.run(
						'UPDATE calendars SET name = $1, version = $2, knownUntil = $3 WHERE id = $4',
						[name, version, knownUntil, id],
					);
					tx.events(events);
					await tx.flush();
					return 'replaced';
				}),

			getCalendar: (tenant, idOrName) => find(db, tenant, idOrName),

			async getCalendars(tenant, ids) {
				const found = await read(db, ids);
				return new Map([...found].filter(([, calendar]) => calendar.tenant === tenant));
			},

			async getCalendarVersion(tenant, id, version) {
				const row = await db.get(`${VERSIONS} WHERE id = $1 AND version = $2 AND tenant = $3`, [
					id,
					version,
					tenant,
				]);
				return row === undefined ? null : calendarRows.fromRow(row);
			},

			async getCalendarAt(tenant, id, at) {
				const row = await db.get(
					`${VERSIONS} WHERE id = $1 AND tenant = $2 AND createdAt <= $3
					ORDER BY version DESC LIMIT 1`,
					[id, tenant, at],
				);
				return row === undefined ? null : calendarRows.fromRow(row);
			},

			async listCalendars(tenant, page) {
				const before = decodeCursor(page.cursor, 'string');
				const rows = await db.rows(
					`${IN_FORCE} WHERE c.tenant = $1 AND c.deletedAt IS NULL
					AND ($2::text IS NULL OR c.id < $2) ORDER BY c.id DESC LIMIT $3`,
					[tenant, before, readLimit(page)],
				);
				return pageOf(rows.map(calendarRows.fromRow), page.limit, ({ id }) => id);
			},

			async listCalendarVersions(tenant, id, page) {
				const before = decodeCursor(page.cursor, 'number') ?? Number.MAX_SAFE_INTEGER;
				const rows = await db.rows(
					`${VERSIONS} WHERE id = $1 AND tenant = $2 AND version < $3
					ORDER BY version DESC LIMIT $4`,
					[id, tenant, before, readLimit(page)],
				);
				return pageOf(rows.map(calendarRows.fromRow), page.limit, ({ version }) => version);
			},

			async listCalendarsUntil(date, after, limit) {
				const rows = await db.rows(
					`${IN_FORCE} WHERE c.id > $1 AND c.deletedAt IS NULL AND c.knownUntil < $2
					ORDER BY c.id LIMIT $3`,
					[after ?? '', date, limit],
				);
				return rows.map(calendarRows.fromRow);
			},

			deleteCalendar: (tenant, id, { expected, at, events }) =>
				write(async (tx) => {
					const present = await locked(tx, { tenant, id }, 'UPDATE');
					if (present === null) return 'not_found';
					if (expected !== undefined && present.version !== expected) return 'revision_differs';
					const users = await usedBy(tx, id);
					if (users.length > 0) return { usedBy: users };
					await tx.run('UPDATE calendars SET deletedAt = $1 WHERE id = $2', [at, id]);
					tx.events(events);
					return 'deleted';
				}),
		},

		async inForce(on, timing) {
			const ids = calendarsIn(timing);
			return ids.length === 0 ? NO_CALENDARS : read(on, ids);
		},

		record,

		async name(tx, schedule, calendars) {
			const ids = [...calendarsIn(schedule.timing)].sort();
			for (const id of ids) {
				const { tenant } = schedule;
				if ((await locked(tx, { tenant, id }, 'SHARE')) !== null) continue;
				throw new CapError('CONFLICT', `calendar ${id} was deleted meanwhile`);
			}
			tx.later('DELETE FROM schedule_calendars WHERE scheduleId = $1', [schedule.id]);
			record(tx, schedule, calendars);
		},
	};
}

import type { Destination } from '../../contract/destination.ts';
import type { DisabledTarget } from '../../contract/change.ts';
import type { ScheduleId } from '../../contract/ids.ts';
import type { Store } from '../store.port.ts';
import { USED_BY_LIMIT } from '../shared/used-by.ts';
import type { Context } from './context.ts';
import { findIdempotent, once } from './once.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { destinationRows } from './rows.ts';

interface Destinations {
	port: Pick<
		Store,
		| 'createDestination'
		| 'replaceDestination'
		| 'getDestination'
		| 'listDestinations'
		| 'deleteDestination'
		| 'destinationUsers'
		| 'disabledTarget'
	>;
	/** Inside a write: remembers that a target answered 410. */
	disable(tenant: string, target: DisabledTarget): void;
}

/** Undoes a write whose name is taken, without a trace of its idempotency record. */
class NameTaken extends Error {}

export function createDestinations(context: Context): Destinations {
	const { db, write } = context;
	const select = `SELECT ${destinationRows.columns} FROM destinations`;

	function find(tenant: string, idOrName: string): Destination | null {
		const row =
			db.rows(`${select} WHERE id = ? AND tenant = ?`).get(idOrName, tenant) ??
			db.rows(`${select} WHERE tenant = ? AND name = ?`).get(tenant, idOrName);
		return row === undefined ? null : destinationRows.fromRow(row);
	}

	function byId(tenant: string, id: string): Destination | null {
		const found = find(tenant, id);
		return found?.id === id ? found : null;
	}

	function nameHolder(tenant: string, name: string): string | undefined {
		return db
			.rows<[string]>('SELECT id FROM destinations WHERE tenant = ? AND name = ?')
			.get(tenant, name)?.[0];
	}

	function usedBy(destination: Destination): ScheduleId[] {
		return db
			.rows<[ScheduleId]>(
				`SELECT DISTINCT d.scheduleId FROM schedule_destinations d
				JOIN schedules s ON s.id = d.scheduleId
				WHERE d.tenant = ? AND d.destination IN (?, ?) AND s.state IN ('active', 'paused')
				ORDER BY d.scheduleId LIMIT ${USED_BY_LIMIT}`,
			)
			.all(destination.tenant, destination.id, destination.name)
			.map(([id]) => id);
	}

	return {
		port: {
			async createDestination(destination, events, record) {
				try {
					return await write((tx) =>
						once(context, record, () => {
							if (nameHolder(destination.tenant, destination.name) !== undefined)
								throw new NameTaken();
							db.sql(destinationRows.insert).run(...destinationRows.toRow(destination));
							tx.events(events);
							return destination;
						}),
					);
				} catch (error) {
					if (error instanceof NameTaken) return 'name_taken';
					throw error;
				}
			},

			replaceDestination: (destination, { expected, events, once: record }) =>
				write((tx) => {
					const { tenant, id, name } = destination;
					const earlier = record && findIdempotent(db, record, context.clock.now());
					if (earlier) return { replayed: true, earlier };
					const present = byId(tenant, id);
					if (present === null) return 'not_found';
					if (expected !== undefined && present.revision !== expected) return 'revision_differs';
					if ((nameHolder(tenant, name) ?? id) !== id) return 'name_taken';
					const kept: Destination = {
						...destination,
						revision: present.revision + 1,
						createdAt: present.createdAt,
					};
					db.sql(destinationRows.insertOrReplace).run(...destinationRows.toRow(kept));
					tx.events(events);
					return once(context, record, () => kept);
				}),

			async getDestination(tenant, idOrName) {
				return find(tenant, idOrName);
			},

			async listDestinations(tenant, page) {
				const before = decodeCursor(page.cursor, 'string');
				const items = db
					.rows(
						`${select} WHERE tenant = ? ${before === null ? '' : 'AND id < ?'} ORDER BY id DESC LIMIT ?`,
					)
					.all(tenant, ...(before === null ? [] : [before]), readLimit(page))
					.map(destinationRows.fromRow);
				return pageOf(items, page.limit, ({ id }) => id);
			},

			deleteDestination: (tenant, id, { expected, events }) =>
				write((tx) => {
					const present = byId(tenant, id);
					if (present === null) return 'not_found';
					if (expected !== undefined && present.revision !== expected) return 'revision_differs';
					const users = usedBy(present);
					if (users.length > 0) return { usedBy: users };
					db.sql('DELETE FROM destinations WHERE id = ? AND tenant = ?').run(id, tenant);
					tx.events(events);
					return 'deleted';
				}),

			async destinationUsers(tenant, id) {
				const present = byId(tenant, id);
				return present === null ? [] : usedBy(present);
			},

			async disabledTarget(tenant, scheduleId, targetKey) {
				const row = db
					.rows<[string | null]>(
						'SELECT disabledReason FROM targets WHERE scheduleId = ? AND targetKey = ? AND tenant = ?',
					)
					.get(scheduleId, targetKey, tenant);
				return row?.[0] ?? null;
			},
		},

		disable(tenant, { scheduleId, targetKey, destination, reason, at }) {
			if (destination !== null) {
				db.sql(
					`UPDATE destinations SET enabled = 0, disabledReason = ?, updatedAt = ?,
						revision = revision + 1
					WHERE tenant = ? AND (id = ? OR name = ?) AND enabled = 1`,
				).run(reason, at, tenant, destination, destination);
			} else if (scheduleId !== null) {
				db.sql(
					`INSERT INTO targets (scheduleId, targetKey, tenant, disabledReason, disabledAt)
					VALUES (?, ?, ?, ?, ?)
					ON CONFLICT (scheduleId, targetKey) DO UPDATE SET
						disabledReason = excluded.disabledReason, disabledAt = excluded.disabledAt`,
				).run(scheduleId, targetKey, tenant, reason, at);
			}
		},
	};
}

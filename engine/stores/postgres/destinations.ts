import type { DisabledTarget } from '../../contract/change.ts';
import type { Destination } from '../../contract/destination.ts';
import type { ScheduleId } from '../../contract/ids.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { USED_BY_LIMIT } from '../shared/used-by.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Queryable } from './database.ts';
import { INTO } from './inserts.ts';
import { findIdempotent, once } from './once.ts';
import { destinationRows } from './rows.ts';
import type { Transaction } from './transaction.ts';

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
	disable(tx: Transaction, tenant: string, target: DisabledTarget): void;
}

/** Undoes a write whose name is taken, without a trace of its idempotency record. */
class NameTaken extends Error {}

const SELECT = `SELECT ${destinationRows.columns} FROM destinations`;

/** All fields, so that one that is missing now is gone. */
const REPLACE = `UPDATE destinations
	SET ${destinationRows.fields.map((field, i) => `${field} = $${i + 1}`).join(', ')}
	WHERE id = $${destinationRows.fields.indexOf('id') + 1}`;

/** Inside a write: names of a tenant are given and taken one after another, so that none is given twice. */
export async function lockNames(tx: Transaction, kind: string, tenant: string): Promise<void> {
	await tx.run('SELECT pg_advisory_xact_lock(hashtextextended($1, 2))', [`${kind} ${tenant}`]);
}

export function createDestinations(context: Context): Destinations {
	const { db, write } = context;

	async function find(
		on: Queryable,
		tenant: string,
		idOrName: string,
	): Promise<Destination | null> {
		const rows = await on.rows(
			`${SELECT} WHERE tenant = $1 AND id = $2
			UNION ALL ${SELECT} WHERE tenant = $1 AND name = $2`,
			[tenant, idOrName],
		);
		const found = rows.map(destinationRows.fromRow);
		return found.find(({ id }) => id === idOrName) ?? found[0] ?? null;
	}

	async function byId(tx: Transaction, tenant: string, id: string): Promise<Destination | null> {
		const row = await tx.get(`${SELECT} WHERE tenant = $1 AND id = $2 FOR UPDATE`, [tenant, id]);
		return row === undefined ? null : destinationRows.fromRow(row);
	}

	async function nameHolder(
		tx: Transaction,
		tenant: string,
		name: string,
	): Promise<string | undefined> {
		await lockNames(tx, 'destinations', tenant);
		const sql = 'SELECT id FROM destinations WHERE tenant = $1 AND name = $2';
		return (await tx.get<[string]>(sql, [tenant, name]))?.[0];
	}

	async function usedBy(on: Queryable, destination: Destination): Promise<ScheduleId[]> {
		const rows = await on.rows<[ScheduleId]>(
			`SELECT DISTINCT d.scheduleId FROM schedule_destinations d
			JOIN schedules s ON s.id = d.scheduleId
			WHERE d.tenant = $1 AND d.destination IN ($2, $3) AND s.state IN ('active', 'paused')
			ORDER BY d.scheduleId LIMIT ${USED_BY_LIMIT}`,
			[destination.tenant, destination.id, destination.name],
		);
		return rows.map(([id]) => id);
	}

	return {
		port: {
			async createDestination(destination, events, record) {
				try {
					return await write((tx) =>
						once(context, tx, record, async () => {
							const { tenant, name } = destination;
							if ((await nameHolder(tx, tenant, name)) !== undefined) throw new NameTaken();
							tx.insert(INTO.destinations, destination);
							tx.events(events);
							await tx.flush();
							return destination;
						}),
					);
				} catch (error) {
					if (error instanceof NameTaken) return 'name_taken';
					throw error;
				}
			},

			replaceDestination: (destination, { expected, events, once: record }) =>
				write(async (tx) => {
					const { tenant, id, name } = destination;
					const earlier = record && (await findIdempotent(tx, record, context.clock.now()));
					if (earlier) return { replayed: true, earlier };
					const present = await byId(tx, tenant, id);
					if (present === null) return 'not_found';
					if (expected !== undefined && present.revision !== expected) return 'revision_differs';
					if (((await nameHolder(tx, tenant, name)) ?? id) !== id) return 'name_taken';
					const kept: Destination = {
						...destination,
						revision: present.revision + 1,
						createdAt: present.createdAt,
					};
					const stored = await once(context, tx, record, async () => {
						await tx.run(REPLACE, destinationRows.toRow(kept));
						return kept;
					});
					if (!stored.replayed) tx.events(events);
					return stored;
				}),

			getDestination: (tenant, idOrName) => find(db, tenant, idOrName),

			async listDestinations(tenant, page) {
				const before = decodeCursor(page.cursor, 'string');
				const rows = await db.rows(
					`${SELECT} WHERE tenant = $1 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
					[tenant, before, readLimit(page)],
				);
				return pageOf(rows.map(destinationRows.fromRow), page.limit, ({ id }) => id);
			},

			deleteDestination: (tenant, id, { expected, events }) =>
				write(async (tx) => {
					const present = await byId(tx, tenant, id);
					if (present === null) return 'not_found';
					if (expected !== undefined && present.revision !== expected) return 'revision_differs';
					const users = await usedBy(tx, present);
					if (users.length > 0) return { usedBy: users };
					await tx.run('DELETE FROM destinations WHERE id = $1', [id]);
					tx.events(events);
					return 'deleted';
				}),

			async destinationUsers(tenant, id) {
				const present = await find(db, tenant, id);
				return present?.id === id ? usedBy(db, present) : [];
			},

			async disabledTarget(tenant, scheduleId, targetKey) {
				const row = await db.get<[string | null]>(
					`SELECT disabledReason FROM targets
					WHERE scheduleId = $1 AND targetKey = $2 AND tenant = $3`,
					[scheduleId, targetKey, tenant],
				);
				return row?.[0] ?? null;
			},
		},

		disable(tx, tenant, { scheduleId, targetKey, destination, reason, at }) {
			if (destination !== null) {
				tx.later(
					`UPDATE destinations SET enabled = FALSE, disabledReason = $1, updatedAt = $2,
						revision = revision + 1
					WHERE tenant = $3 AND (id = $4 OR name = $4) AND enabled`,
					[reason, at, tenant, destination],
				);
			} else if (scheduleId !== null) {
				tx.later(
					`INSERT INTO targets (scheduleId, targetKey, tenant, disabledReason, disabledAt)
					VALUES ($1, $2, $3, $4, $5)
					ON CONFLICT (scheduleId, targetKey) DO UPDATE SET
						disabledReason = excluded.disabledReason, disabledAt = excluded.disabledAt`,
					[scheduleId, targetKey, tenant, reason, at],
				);
			}
		},
	};
}

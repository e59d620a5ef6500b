import type { SharedStateStore } from '../shared-state.port.ts';
import type { Context } from './context.ts';
import { sharedStateRows } from './rows.ts';

/** Sorts after every other character. */
const LAST = '\u{10ffff}';
const SELECT = `SELECT ${sharedStateRows.columns} FROM shared_states`;

/** Small documents that engines share, each write a compare and swap in one statement. */
export function createSharedStates({ db, write }: Context): SharedStateStore {
	return {
		async getShared(tenant, key) {
			const row = await db.get(`${SELECT} WHERE tenant = $1 AND key = $2`, [tenant, key]);
			return row === undefined ? null : sharedStateRows.fromRow(row);
		},

		putShared: ({ tenant, key, value, dueAt, keepUntil }, { expected, events }) =>
			write(async (tx) => {
				const values = [tenant, key, JSON.stringify(value), dueAt, keepUntil];
				const changes =
					expected === 0
						? await tx.run(
								`INSERT INTO shared_states (tenant, key, value, dueAt, keepUntil, revision)
								VALUES ($1, $2, $3, $4, $5, 1) ON CONFLICT (tenant, key) DO NOTHING`,
								values,
							)
						: await tx.run(
								`UPDATE shared_states SET value = $3, dueAt = $4, keepUntil = $5,
									revision = revision + 1
								WHERE tenant = $1 AND key = $2 AND revision = $6`,
								[...values, expected],
							);
				if (changes !== 1) return false;
				tx.events(events);
				return true;
			}),

		async listSharedDue(kind, now, limit) {
			const rows = await db.rows(
				`${SELECT} WHERE dueAt IS NOT NULL AND dueAt <= $1 AND starts_with(key, $2)
				ORDER BY dueAt LIMIT $3`,
				[now, `${kind}:`, limit],
			);
			return rows.map(sharedStateRows.fromRow);
		},

		async listShared(tenant, prefix, limit) {
			// A range of keys, which the index has in order: the prefix, up to what is after all that begin with it.
			const rows = await db.rows(
				`${SELECT} WHERE tenant = $1 AND key >= $2 AND key < $3 ORDER BY key LIMIT $4`,
				[tenant, prefix, `${prefix}${LAST}`, limit],
			);
			return rows.map(sharedStateRows.fromRow);
		},
	};
}

import type { SharedState, SharedStateStore } from '../shared-state.port.ts';
import type { Context } from './context.ts';
import { sharedStateRows } from './rows.ts';

/** Above every character that a key may hold. */
const LAST = '\u{10ffff}';

export function createSharedStates({ db, write }: Context): SharedStateStore {
	const select = `SELECT ${sharedStateRows.columns} FROM shared_states`;

	return {
		async getShared(tenant, key) {
			const row = db.rows(`${select} WHERE tenant = ? AND key = ?`).get(tenant, key);
			return row === undefined ? null : sharedStateRows.fromRow(row);
		},

		putShared: (state, { expected, events }) =>
			write((tx) => {
				const next: SharedState = { ...state, revision: expected + 1 };
				const { changes } =
					expected === 0
						? db.sql(sharedStateRows.insertOrIgnore).run(...sharedStateRows.toRow(next))
						: db
								.sql(
									`UPDATE shared_states SET value = ?, dueAt = ?, keepUntil = ?, revision = revision + 1
									WHERE tenant = ? AND key = ? AND revision = ?`,
								)
								.run(
									JSON.stringify(state.value),
									state.dueAt,
									state.keepUntil,
									state.tenant,
									state.key,
									expected,
								);
				if (changes !== 1) return false;
				tx.events(events);
				return true;
			}),

		async listSharedDue(kind, now, limit) {
			return db
				.rows(
					`${select} INDEXED BY shared_states_due WHERE dueAt IS NOT NULL AND dueAt <= ?
					AND key >= ? AND key < ? ORDER BY dueAt LIMIT ?`,
				)
				.all(now, `${kind}:`, `${kind}:${LAST}`, limit)
				.map(sharedStateRows.fromRow);
		},

		async listShared(tenant, prefix, limit) {
			return db
				.rows(`${select} WHERE tenant = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?`)
				.all(tenant, prefix, prefix + LAST, limit)
				.map(sharedStateRows.fromRow);
		},
	};
}

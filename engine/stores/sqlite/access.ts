import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { findIdempotent, once } from './once.ts';
import { keyRows } from './rows.ts';

type Access = Pick<
	Store,
	'putKey' | 'getKey' | 'listKeys' | 'countKeys' | 'revokeKey' | 'findIdempotent' | 'keepAnswer'
>;

export function createAccess(context: Context): Access {
	const { db, write } = context;

	return {
		putKey: (key, events, record) =>
			write((tx) =>
				once(context, record, () => {
					db.sql(keyRows.insert).run(...keyRows.toRow(key));
					tx.events(events);
					return key;
				}),
			),

		async getKey(id) {
			const row = db.rows(`SELECT ${keyRows.columns} FROM api_keys WHERE id = ?`).get(id);
			return row === undefined ? null : keyRows.fromRow(row);
		},

		async listKeys(tenant) {
			return db
				.rows(`SELECT ${keyRows.columns} FROM api_keys WHERE tenant = ? ORDER BY id DESC`)
				.all(tenant)
				.map(keyRows.fromRow);
		},

		async countKeys() {
			return db.rows<[number]>('SELECT count(*) FROM api_keys').get()?.[0] ?? 0;
		},

		revokeKey: (tenant, id, at, events) =>
			write((tx) => {
				const { changes } = db
					.sql(
						'UPDATE api_keys SET revokedAt = ? WHERE id = ? AND tenant = ? AND revokedAt IS NULL',
					)
					.run(at, id, tenant);
				if (changes !== 1) return false;
				tx.events(events);
				return true;
			}),

		async findIdempotent(tenant, key, now) {
			return findIdempotent(db, { tenant, key }, now);
		},

		keepAnswer: (record) => write(() => once(context, record, () => null)),
	};
}

import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { INTO } from './inserts.ts';
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
				once(context, tx, record, () => {
					tx.insert(INTO.keys, key);
					tx.events(events);
					return Promise.resolve(key);
				}),
			),

		async getKey(id) {
			const row = await db.get(`SELECT ${keyRows.columns} FROM api_keys WHERE id = $1`, [id]);
			return row === undefined ? null : keyRows.fromRow(row);
		},

		async listKeys(tenant) {
			const rows = await db.rows(
				`SELECT ${keyRows.columns} FROM api_keys WHERE tenant = $1 ORDER BY id DESC`,
				[tenant],
			);
			return rows.map(keyRows.fromRow);
		},

		async countKeys() {
			return (await db.get<[number]>('SELECT count(*) FROM api_keys'))?.[0] ?? 0;
		},

		revokeKey: (tenant, id, at, events) =>
			write(async (tx) => {
				const changes = await tx.run(
					'UPDATE api_keys SET revokedAt = $1 WHERE id = $2 AND tenant = $3 AND revokedAt IS NULL',
					[at, id, tenant],
				);
				if (changes !== 1) return false;
				tx.events(events);
				return true;
			}),

		findIdempotent: (tenant, key, now) => findIdempotent(db, { tenant, key }, now),

		keepAnswer: (record) => write((tx) => once(context, tx, record, () => Promise.resolve(null))),
	};
}

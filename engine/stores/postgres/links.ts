import type { Link } from '../../contract/run.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { INTO } from './inserts.ts';
import { once } from './once.ts';
import { linkRows } from './rows.ts';

interface Links {
	port: Pick<Store, 'createLink' | 'findLink' | 'useLink' | 'revokeLink' | 'listUnusedLinks'>;
	linksOfRun(tenant: string, runId: string): Promise<Link[]>;
}

const SELECT = `SELECT ${linkRows.columns} FROM links`;

export function createLinks(context: Context): Links {
	const { db, write } = context;

	return {
		port: {
			createLink: (link, events, record) =>
				write((tx) =>
					once(context, tx, record, () => {
						tx.insert(INTO.links, link);
						tx.events(events);
						return Promise.resolve(link);
					}),
				),

			async findLink(id) {
				const row = await db.get(`${SELECT} WHERE id = $1`, [id]);
				return row === undefined ? null : linkRows.fromRow(row);
			},

			useLink: (id, secretHash, now) =>
				write(async (tx) => {
					const changes = await tx.run(
						`UPDATE links SET uses = uses + 1
						WHERE id = $1 AND secretHash = $2 AND revokedAt IS NULL AND expiresAt > $3
							AND (maxUses IS NULL OR uses < maxUses)`,
						[id, secretHash, now],
					);
					if (changes === 1) return 'used';
					const known = await tx.get('SELECT 1 FROM links WHERE id = $1 AND secretHash = $2', [
						id,
						secretHash,
					]);
					return known === undefined ? 'not_found' : 'spent';
				}),

			revokeLink: (tenant, id, at, events) =>
				write(async (tx) => {
					const changes = await tx.run(
						'UPDATE links SET revokedAt = $1 WHERE id = $2 AND tenant = $3 AND revokedAt IS NULL',
						[at, id, tenant],
					);
					if (changes === 1) {
						tx.events(events);
						return 'revoked';
					}
					const known = await tx.get('SELECT 1 FROM links WHERE id = $1 AND tenant = $2', [
						id,
						tenant,
					]);
					return known === undefined ? 'not_found' : 'revoked';
				}),

			async listUnusedLinks(after, until, limit) {
				const rows = await db.rows(
					`${SELECT} WHERE uses = 0 AND revokedAt IS NULL AND expiresAt > $1 AND expiresAt <= $2
					ORDER BY expiresAt LIMIT $3`,
					[after, until, limit],
				);
				return rows.map(linkRows.fromRow);
			},
		},

		async linksOfRun(tenant, runId) {
			const rows = await db.rows(`${SELECT} WHERE runId = $1 AND tenant = $2 ORDER BY id`, [
				runId,
				tenant,
			]);
			return rows.map(linkRows.fromRow);
		},
	};
}

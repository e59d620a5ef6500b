import type { Link } from '../../contract/run.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { once } from './once.ts';
import { linkRows } from './rows.ts';

interface Links {
	port: Pick<Store, 'createLink' | 'findLink' | 'useLink' | 'revokeLink' | 'listUnusedLinks'>;
	/** Inside a write. */
	insertLink(link: Link): void;
	linksOfRun(tenant: string, runId: string): Link[];
}

export function createLinks(context: Context): Links {
	const { db, write } = context;
	const select = `SELECT ${linkRows.columns} FROM links`;

	function insertLink(link: Link): void {
		db.sql(linkRows.insert).run(...linkRows.toRow(link));
	}

	return {
		port: {
			createLink: (link, events, record) =>
				write((tx) =>
					once(context, record, () => {
						insertLink(link);
						tx.events(events);
						return link;
					}),
				),

			async findLink(id) {
				const row = db.rows(`${select} WHERE id = ?`).get(id);
				return row === undefined ? null : linkRows.fromRow(row);
			},

			useLink: (id, secretHash, now) =>
				write(() => {
					const { changes } = db
						.sql(
							`UPDATE links SET uses = uses + 1
						WHERE id = ? AND secretHash = ? AND revokedAt IS NULL AND expiresAt > ?
							AND (maxUses IS NULL OR uses < maxUses)`,
						)
						.run(id, secretHash, now);
					if (changes === 1) return 'used';
					const known = db
						.rows('SELECT 1 FROM links WHERE id = ? AND secretHash = ?')
						.get(id, secretHash);
					return known === undefined ? 'not_found' : 'spent';
				}),

			revokeLink: (tenant, id, at, events) =>
				write((tx) => {
					const { changes } = db
						.sql('UPDATE links SET revokedAt = ? WHERE id = ? AND tenant = ? AND revokedAt IS NULL')
						.run(at, id, tenant);
					if (changes === 1) {
						tx.events(events);
						return 'revoked';
					}
					const known = db.rows('SELECT 1 FROM links WHERE id = ? AND tenant = ?').get(id, tenant);
					return known === undefined ? 'not_found' : 'revoked';
				}),

			async listUnusedLinks(after, until, limit) {
				return db
					.rows(
						`${select} INDEXED BY links_unused WHERE uses = 0 AND revokedAt IS NULL
						AND expiresAt > ? AND expiresAt <= ? ORDER BY expiresAt LIMIT ?`,
					)
					.all(after, until, limit)
					.map(linkRows.fromRow);
			},
		},

		insertLink,

		linksOfRun: (tenant, runId) =>
			db
				.rows(`${select} WHERE runId = ? AND tenant = ? ORDER BY id`)
				.all(runId, tenant)
				.map(linkRows.fromRow),
	};
}

import type { Link } from '../../contract/run.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Root } from './documents.ts';
import { is } from './documents.ts';
import { events as eventsEffect } from './effects.ts';
import { create } from './once.ts';
import { linkRows } from './rows.ts';

interface Links {
	port: Pick<Store, 'createLink' | 'findLink' | 'useLink' | 'revokeLink' | 'listUnusedLinks'>;
	linksOfRun(tenant: string, runId: string): Promise<Link[]>;
}

export function createLinks(context: Context): Links {
	const { db, commits } = context;

	return {
		port: {
			createLink: async (link, events, record) =>
				create(context, {
					record,
					root: { into: 'links', doc: linkRows.toDoc(link) },
					effects: eventsEffect(events),
					value: link,
				}),

			async findLink(id) {
				const doc = await db.run(async () => db.of('links').findOne({ _id: is(id) as never }));
				return doc === null ? null : linkRows.fromDoc(doc);
			},

			/** A use whose reply is lost is used: a link may be good for one less, never for one more. */
			async useLink(id, secretHash, now) {
				for (;;) {
					const doc = (await db.run(async () =>
						db.of('links').findOne({ _id: is(id) as never, secretHash: is(secretHash) }),
					)) as Root | null;
					if (doc === null) return 'not_found';
					const { revokedAt, expiresAt, maxUses, uses } = linkRows.fromDoc(doc);
					const spent = maxUses !== null && uses >= maxUses;
					if (revokedAt !== null || expiresAt <= now || spent) return 'spent';
					const change = {
						id: doc._id,
						v: doc.v,
						where: { uses, revokedAt: null },
						set: { uses: uses + 1 },
					};
					if ((await commits.change('links', [change]))[0] === true) return 'used';
				}
			},

			async listUnusedLinks(after, until, limit) {
				const unused = { uses: 0, revokedAt: null, expiresAt: { $gt: after, $lte: until } };
				const docs = await db.run(async () =>
					db.of('links').find(unused).sort({ expiresAt: 1 }).limit(limit).toArray(),
				);
				return docs.map(linkRows.fromDoc);
			},

			async revokeLink(tenant, id, at, events) {
				for (;;) {
					const doc = (await db.run(async () =>
						db.of('links').findOne({ _id: is(id) as never, tenant: is(tenant) }),
					)) as Root | null;
					if (doc === null) return 'not_found';
					if (linkRows.fromDoc(doc).revokedAt !== null) return 'revoked';
					const effects = eventsEffect(events);
					const change = { id: doc._id, v: doc.v, set: { revokedAt: at }, effects };
					if ((await commits.change('links', [change]))[0] === true) return 'revoked';
				}
			},
		},

		async linksOfRun(tenant, runId) {
			const docs = await db.run(async () =>
				db
					.of('links')
					.find({ runId: is(runId), tenant: is(tenant) })
					.sort({ _id: 1 })
					.toArray(),
			);
			return docs.map(linkRows.fromDoc);
		},
	};
}

import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { Root } from './documents.ts';
import { is } from './documents.ts';
import { events as eventsEffect } from './effects.ts';
import { create, findIdempotent } from './once.ts';
import { keyRows } from './rows.ts';

type Access = Pick<
	Store,
	'putKey' | 'getKey' | 'listKeys' | 'countKeys' | 'revokeKey' | 'findIdempotent' | 'keepAnswer'
>;

export function createAccess(context: Context): Access {
	const { db, commits } = context;

	return {
		putKey: async (key, events, record) =>
			create(context, {
				record,
				root: { into: 'keys', doc: keyRows.toDoc(key) },
				effects: eventsEffect(events),
				value: key,
			}),

		async getKey(id) {
			const doc = await db.run(async () => db.of('keys').findOne({ _id: is(id) as never }));
			return doc === null ? null : keyRows.fromDoc(doc);
		},

		async listKeys(tenant) {
			const docs = await db.run(async () =>
				db
					.of('keys')
					.find({ tenant: is(tenant) })
					.sort({ _id: -1 })
					.toArray(),
			);
			return docs.map(keyRows.fromDoc);
		},

		countKeys: async () => db.run(async () => db.of('keys').countDocuments()),

		async revokeKey(tenant, id, at, events) {
			for (;;) {
				const doc = (await db.run(async () =>
					db.of('keys').findOne({ _id: is(id) as never, tenant: is(tenant) }),
				)) as Root | null;
				if (doc === null || keyRows.fromDoc(doc).revokedAt !== undefined) return false;
				const effects = eventsEffect(events);
				const change = { id: doc._id, v: doc.v, set: { revokedAt: at }, effects };
				if ((await commits.change('keys', [change]))[0] === true) return true;
			}
		},

		findIdempotent: async (tenant, key, now) => findIdempotent(context, { tenant, key }, now),

		keepAnswer: async (record) => create(context, { record, root: null, effects: [], value: null }),
	};
}

import type { SharedState, SharedStateStore } from '../shared-state.port.ts';
import type { Context } from './context.ts';
import type { Fields, Root } from './documents.ts';
import { is } from './documents.ts';
import { events as eventsEffect } from './effects.ts';
import { sharedStateRows } from './rows.ts';

/** Above every character that a key may hold. */
const LAST = '\u{10ffff}';

export function createSharedStates({
	db,
	commits,
}: Pick<Context, 'db' | 'commits'>): SharedStateStore {
	async function read(tenant: string, key: string): Promise<Root | null> {
		const _id = JSON.stringify([String(tenant), String(key)]);
		return (await db.run(async () => db.of('shared').findOne({ _id }))) as Root | null;
	}

	async function list(filter: Fields, by: string, limit: number): Promise<SharedState[]> {
		const docs = await db.run(async () =>
			db
				.of('shared')
				.find(filter)
				.sort({ [by]: 1 })
				.limit(limit)
				.toArray(),
		);
		return docs.map(sharedStateRows.fromDoc);
	}

	return {
		async getShared(tenant, key) {
			const doc = await read(tenant, key);
			return doc === null ? null : sharedStateRows.fromDoc(doc);
		},

		async putShared(state, { expected, events }) {
			const doc = sharedStateRows.toDoc({ ...state, revision: expected + 1 });
			const effects = eventsEffect(events);
			if (expected === 0) return commits.insert('shared', doc, effects);
			for (;;) {
				const present = await read(state.tenant, state.key);
				if (present?.['revision'] !== expected) return false;
				const { _id: id, ...set } = doc;
				const made = await commits.change('shared', [{ id, v: present.v, set, effects }]);
				if (made[0] === true) return true;
			}
		},

		listSharedDue: async (kind, now, limit) =>
			list(
				{ dueAt: { $lte: now, $gt: 0 }, key: { $gte: `${kind}:`, $lt: `${kind}:${LAST}` } },
				'dueAt',
				limit,
			),

		listShared: async (tenant, prefix, limit) =>
			list({ tenant: is(tenant), key: { $gte: prefix, $lt: prefix + LAST } }, 'key', limit),
	};
}

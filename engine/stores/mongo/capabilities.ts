import type { Capability } from '../../contract/capability.ts';
import type { ScheduleId } from '../../contract/ids.ts';
import type { Store } from '../store.port.ts';
import { USED_BY_LIMIT } from '../shared/used-by.ts';
import type { Context } from './context.ts';
import type { Root } from './documents.ts';
import { is } from './documents.ts';
import { effect, events as eventsEffect } from './effects.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { capabilityRows } from './rows.ts';

type Capabilities = Pick<
	Store,
	'putCapability' | 'getCapability' | 'listCapabilities' | 'deleteCapability'
>;

/**
 * A deleted one is marked first, so that its event is part of the same write, and then taken away. Nothing is
 * kept in memory: another engine may have changed it.
 */
export function createCapabilities(context: Context): Capabilities {
	const { db, commits } = context;

	async function read(tenant: string, name: string): Promise<Root | null> {
		const _id = JSON.stringify([String(tenant), String(name)]);
		return (await db.run(async () => db.of('capabilities').findOne({ _id }))) as Root | null;
	}

	async function find(tenant: string, name: string): Promise<Capability | null> {
		const doc = await read(tenant, name);
		return doc === null || doc['deleted'] === true ? null : capabilityRows.fromDoc(doc);
	}

	async function usedBy(tenant: string, name: string): Promise<ScheduleId[]> {
		const docs = await db.run(async () =>
			db
				.of('schedules')
				.find({
					tenant: is(tenant),
					capability: is(name),
					state: { $in: ['active', 'paused'] },
				})
				.sort({ _id: 1 })
				.limit(USED_BY_LIMIT)
				.project<{ _id: ScheduleId }>({ _id: 1 })
				.toArray(),
		);
		return docs.map(({ _id }) => _id);
	}

	return {
		async putCapability(capability, { expected, events }) {
			const { tenant, name } = capability;
			for (;;) {
				const doc = await read(tenant, name);
				const gone = doc?.['deleted'] === true;
				const present = doc === null || gone ? null : capabilityRows.fromDoc(doc);
				if (expected !== undefined && expected !== (present?.revision ?? null)) {
					return 'revision_differs';
				}
				const kept: Capability = {
					...capability,
					revision: (present?.revision ?? 0) + 1,
					createdAt: present?.createdAt ?? capability.createdAt,
				};
				const { _id: id, ...set } = capabilityRows.toDoc(kept);
				const effects = eventsEffect(events);
				const made =
					doc === null
						? await commits.insert('capabilities', { _id: id, ...set }, effects)
						: (
								await commits.change('capabilities', [
									{ id, v: doc.v, set, unset: ['deleted'], effects },
								])
							)[0];
				if (made === true) return kept;
			}
		},

		getCapability: find,

		async listCapabilities(tenant, page) {
			const after = decodeCursor(page.cursor, 'string') ?? '';
			const docs = await db.run(async () =>
				db
					.of('capabilities')
					.find({ tenant: is(tenant), name: { $gt: after }, deleted: null })
					.sort({ name: 1 })
					.limit(readLimit(page))
					.toArray(),
			);
			return pageOf(docs.map(capabilityRows.fromDoc), page.limit, ({ name }) => name);
		},

		async deleteCapability(tenant, name, { expected, events }) {
			for (;;) {
				const doc = await read(tenant, name);
				if (doc === null || doc['deleted'] === true) return 'not_found';
				const { revision } = capabilityRows.fromDoc(doc);
				if (expected !== undefined && revision !== expected) return 'revision_differs';
				const users = await usedBy(tenant, name);
				if (users.length > 0) return { usedBy: users };
				const gone = effect('remove', { from: 'capabilities', id: doc._id });
				const effects = [...eventsEffect(events), gone];
				const change = { id: doc._id, v: doc.v, set: { deleted: true }, effects };
				if ((await commits.change('capabilities', [change]))[0] === true) return 'deleted';
			}
		},
	};
}

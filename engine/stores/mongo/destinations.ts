import type { Destination } from '../../contract/destination.ts';
import type { ScheduleId } from '../../contract/ids.ts';
import type { IdempotencyRecord, Once, Store } from '../store.port.ts';
import { USED_BY_LIMIT } from '../shared/used-by.ts';
import type { Context } from './context.ts';
import type { Root } from './documents.ts';
import { is, targetId } from './documents.ts';
import type { Effect, Pending } from './effects.ts';
import { effect, events as eventsEffect } from './effects.ts';
import type { Names } from './names.ts';
import { nameOf } from './names.ts';
import { create, findIdempotent } from './once.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { destinationRows } from './rows.ts';

interface Destinations {
	port: Pick<
		Store,
		| 'createDestination'
		| 'replaceDestination'
		| 'getDestination'
		| 'listDestinations'
		| 'deleteDestination'
		| 'disabledTarget'
		| 'destinationUsers'
	>;
	/** Remembers that targets answered 410. */
	disable: (pending: Pending<'disable'>[]) => Promise<void>;
}

/**
 * The order of writes: the name, the destination (with its event), then the name before is given back. A name
 * that was reserved for nothing is free after a minute; see names.ts.
 */
export function createDestinations(context: Context, names: Names): Destinations {
	const { db, commits } = context;

	async function read(
		filter: { _id: string } | { name: string },
		tenant: string,
	): Promise<Root | null> {
		const terms = Object.fromEntries(
			Object.entries(filter).map(([key, value]) => [key, is(value)]),
		);
		return (await db.run(async () =>
			db.of('destinations').findOne({ ...terms, tenant: is(tenant), deleted: null }),
		)) as Root | null;
	}

	async function usedBy({ tenant, id, name }: Destination): Promise<ScheduleId[]> {
		const docs = await db.run(async () =>
			db
				.of('schedules')
				.find({ tenant, uses: { $in: [id, name] }, state: { $in: ['active', 'paused'] } })
				.sort({ _id: 1 })
				.limit(USED_BY_LIMIT)
				.project<{ _id: ScheduleId }>({ _id: 1 })
				.toArray(),
		);
		return docs.map(({ _id }) => _id);
	}

	const unname = ({ tenant, id, name }: Destination): Effect =>
		effect('unname', { name: nameOf('destination', tenant, name), holder: id });

	async function disableOne({ of: { tenant, target } }: Pending<'disable'>): Promise<void> {
		const { scheduleId, targetKey, destination, reason, at } = target;
		if (destination !== null) {
			const doc =
				(await read({ _id: destination }, tenant)) ?? (await read({ name: destination }, tenant));
			if (doc === null) return;
			const { enabled, updatedAt, revision } = destinationRows.fromDoc(doc);
			// Not again what somebody switched on since.
			if (!enabled || updatedAt > at) return;
			const set = { enabled: false, disabledReason: reason, updatedAt: at, revision: revision + 1 };
			const change = { id: doc._id, v: doc.v, set };
			if ((await commits.change('destinations', [change]))[0] === true) return;
			return disableOne({ of: { tenant, target }, token: '', at });
		}
		if (scheduleId === null) return;
		await db.run(async () =>
			db.of('targets').updateOne(
				{ _id: targetId(scheduleId, targetKey) },
				{
					$set: { disabledReason: reason, disabledAt: at },
					$setOnInsert: { tenant, scheduleId, targetKey },
				},
				{ upsert: true },
			),
		);
	}

	async function createOnce(
		destination: Destination,
		effects: Effect[],
		record: IdempotencyRecord | undefined,
	): Promise<Once<Destination> | 'name_taken'> {
		const name = nameOf('destination', destination.tenant, destination.name);
		if (!(await names.reserve(name, destination.id))) return 'name_taken';
		const root = { into: 'destinations' as const, doc: destinationRows.toDoc(destination) };
		const made = await create(context, { record, root, effects, value: destination });
		if (made.replayed) await names.release([{ name, holder: destination.id }]);
		return made;
	}

	return {
		async disable(pending) {
			for (const one of pending) await disableOne(one);
		},

		port: {
			createDestination: async (destination, events, record) =>
				onceNamed(context, record, async () =>
					createOnce(destination, eventsEffect(events), record),
				),

			async replaceDestination(destination, { expected, events, once: record }) {
				const { tenant, id, name } = destination;
				for (;;) {
					// that the destination was changed says that its record is on its way
					const earlier = record && (await findIdempotent(context, record, context.clock.now()));
					if (earlier) return { replayed: true, earlier };
					const doc = await read({ _id: id }, tenant);
					if (doc === null) return 'not_found';
					const present = destinationRows.fromDoc(doc);
					if (expected !== undefined && present.revision !== expected) return 'revision_differs';
					const renamed = present.name !== name;
					if (renamed && !(await names.reserve(nameOf('destination', tenant, name), id))) {
						return 'name_taken';
					}
					const { revision, createdAt } = present;
					const kept: Destination = { ...destination, revision: revision + 1, createdAt };
					const effects = [
						...(record === undefined ? [] : [effect('once', record)]),
						...eventsEffect(events),
						...(renamed ? [unname(present)] : []),
					];
					const { _id, ...set } = destinationRows.toDoc(kept);
					const change = { id: _id, v: doc.v, set, effects };
					if ((await commits.change('destinations', [change]))[0] === true) {
						return { replayed: false, value: kept };
					}
				}
			},

			async getDestination(tenant, idOrName) {
				const doc =
					(await read({ _id: idOrName }, tenant)) ?? (await read({ name: idOrName }, tenant));
				return doc === null ? null : destinationRows.fromDoc(doc);
			},

			async listDestinations(tenant, page) {
				const before = decodeCursor(page.cursor, 'string');
				const docs = await db.run(async () =>
					db
						.of('destinations')
						.find({
							tenant: is(tenant),
							deleted: null,
							...(before === null ? {} : { _id: { $lt: before } }),
						})
						.sort({ _id: -1 })
						.limit(readLimit(page))
						.toArray(),
				);
				return pageOf(docs.map(destinationRows.fromDoc), page.limit, ({ id }) => id);
			},

			async deleteDestination(tenant, id, { expected, events }) {
				for (;;) {
					const doc = await read({ _id: id }, tenant);
					if (doc === null) return 'not_found';
					const present = destinationRows.fromDoc(doc);
					if (expected !== undefined && present.revision !== expected) return 'revision_differs';
					const users = await usedBy(present);
					if (users.length > 0) return { usedBy: users };
					const gone = effect('remove', { from: 'destinations', id });
					const effects = [...eventsEffect(events), unname(present), gone];
					const change = { id, v: doc.v, set: { deleted: true }, effects };
					if ((await commits.change('destinations', [change]))[0] === true) return 'deleted';
				}
			},

			async destinationUsers(tenant, id) {
				const doc = await read({ _id: id }, tenant);
				return doc === null ? [] : usedBy(destinationRows.fromDoc(doc));
			},

			async disabledTarget(tenant, scheduleId, targetKey) {
				const _id = targetId(scheduleId, targetKey);
				const doc = await db.run(async () => db.of('targets').findOne({ _id, tenant: is(tenant) }));
				return (doc?.['disabledReason'] as string | undefined) ?? null;
			},
		},
	};
}

/** How long the twin of a request may take that has reserved the name already: tries of 50 ms. */
const TWIN = 20;

/** A name that is taken may be so by the same request: then that one's answer counts. */
export async function onceNamed<T>(
	context: Pick<Context, 'db' | 'commits' | 'clock'>,
	record: IdempotencyRecord | undefined,
	make: () => Promise<Once<T> | 'name_taken'>,
): Promise<Once<T> | 'name_taken'> {
	const find = async () =>
		record === undefined ? null : findIdempotent(context, record, context.clock.now());
	const earlier = await find();
	if (earlier !== null) return { replayed: true, earlier };
	const made = await make();
	if (made !== 'name_taken' || record === undefined) return made;
	for (let tries = 0; tries < TWIN; tries++) {
		const twin = await find();
		if (twin !== null) return { replayed: true, earlier: twin };
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return 'name_taken';
}

import type { Archive } from '../archive.port.ts';
import type { DoctorStore } from '../doctor.port.ts';
import type { Mending } from '../shared/repair.ts';
import { createRepair as createSharedRepair } from '../shared/repair.ts';
import type { Store } from '../store.port.ts';
import type { MongoBlobs } from './blobs.ts';
import type { Context } from './context.ts';
import type { Doc, Fields } from './documents.ts';
import type { CollectionName } from './database.ts';
import { orphanedTimers } from './orphaned-timers.ts';
import type { Timers } from './timers.ts';

/** How many documents are looked at in one go. */
const WINDOW = 1_000;
const OF_RUNS = ['deliveries', 'notifications', 'links'] as const;

/**
 * Mends by deletions and conditional updates, one document after another: a document that an engine changes meanwhile is
 * not what was looked for any more. What a killed engine has left half done is done by `healTimers`.
 */
export function createRepair(
	{ db }: Pick<Context, 'db'>,
	parts: Pick<Store, 'healTimers'> &
		Pick<DoctorStore, 'doctor'> & {
			archive: Pick<Archive, 'rebuild'>;
			blobs: Pick<MongoBlobs, 'sweep'>;
			timers: Pick<Timers, 'set'>;
		},
): Pick<DoctorStore, 'repair'> {
	const { healTimers, doctor, archive, blobs, timers } = parts;

	async function update(name: CollectionName, where: Fields, set: Fields): Promise<number> {
		const { modifiedCount } = await db.run(async () =>
			db.of(name).updateMany(where, { $set: set, $inc: { v: 1 } } as never),
		);
		return modifiedCount;
	}

	async function orphansOf(name: CollectionName): Promise<number> {
		let removed = 0;
		for (let after = ''; ;) {
			const docs = await db.run(async () =>
				db
					.of(name)
					.find({ _id: { $gt: after } })
					.sort({ _id: 1 })
					.limit(WINDOW)
					.project<Doc>({ runId: 1 })
					.toArray(),
			);
			const runs = await runsAmong(docs.map((doc) => doc['runId']));
			const _id = { $in: docs.filter((doc) => !runs.has(doc['runId'])).map((doc) => doc._id) };
			const gone = await db.run(async () => db.of(name).deleteMany({ _id }));
			removed += gone.deletedCount;
			if (docs.length < WINDOW) return removed;
			after = docs.at(-1)?._id ?? '';
		}
	}

	async function runsAmong(ids: readonly unknown[]): Promise<Set<unknown>> {
		const filter = { _id: { $in: ids } } as never;
		const docs = await db.run(async () =>
			db.of('runs').find(filter).project<Doc>({ _id: 1 }).toArray(),
		);
		return new Set(docs.map(({ _id }) => _id));
	}

	/** Due or not: one that is far off would be there for years. */
	async function loseTimers(): Promise<number> {
		let removed = 0;
		for await (const { name, keys } of orphanedTimers({ db })) {
			await timers.set(keys.map((key) => ({ name, key, at: null })));
			removed += keys.length;
		}
		return removed;
	}

	const mendings: readonly Mending[] = [
		{
			code: 'ORPHAN',
			message: 'documents of runs that do not exist were removed',
			async mend() {
				let count = 0;
				for (const name of OF_RUNS) count += await orphansOf(name);
				return count;
			},
		},
		{
			code: 'LEASE_ENDLESS',
			message: 'leases without an end were ended: the next sweep takes the work over',
			async mend() {
				const running = { state: 'running', leaseUntil: null };
				const sending = { state: 'sending', leaseUntil: null };
				return (
					(await update('runs', running, { leaseUntil: 0, look: 0 })) +
					(await update('deliveries', sending, { leaseUntil: 0, leased: 0 })) +
					(await update('notifications', sending, { leaseUntil: 0, leased: 0 }))
				);
			},
		},
		{
			code: 'RUN_WAITS_FOR_EVER',
			message: 'runs that waited without a deadline have one now: they end as expired',
			mend: async (now) =>
				update(
					'runs',
					{ state: 'waiting', held: false, deadlineAt: null },
					{ deadlineAt: now, look: now },
				),
		},
		{
			code: 'TIMER_WITHOUT_WORK',
			message: 'timers of what does not ask for one were removed',
			mend: loseTimers,
		},
	];
	return createSharedRepair({
		doctor,
		healTimers,
		rebuild: () => archive.rebuild(),
		mendings,
		bytes: {
			code: 'BLOB_UNREFERENCED',
			message: 'bytes that nothing refers to were removed',
			mend: async () => blobs.sweep('all'),
		},
	});
}

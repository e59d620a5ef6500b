import type { Instant } from '../../contract/time.ts';
import type { Retention, Store } from '../store.port.ts';
import { idBound } from '../shared/id-bound.ts';
import type { MongoBlobs } from './blobs.ts';
import type { CollectionName } from './database.ts';
import type { Context } from './context.ts';
import type { Doc, Fields } from './documents.ts';
import { setMark } from './marks.ts';
import { runRows } from './rows.ts';
import type { createSpecs } from './specs.ts';
import type { Timers } from './timers.ts';

/** What one call of `prune` may still delete. */
interface Work {
	now: Instant;
	left: number;
	/** Blobs that nothing may refer to any more. */
	blobs: string[];
}

/** A spec that was written or used within this time may be about to be named. */
const GRACE = 3_600_000;
const OVER = ['succeeded', 'failed', 'cancelled', 'expired'];
const TRIED = { $in: ['pending', 'sending', 'failed'] };

/**
 * Counts what it deleted itself, for engines may prune at the same time. Deletes children before parents, so that a
 * crash in between leaves nothing that is not found again by the parent. Bytes go last, when no record refers to them.
 */
export function createRetention(
	context: Context,
	parts: {
		specs: Pick<ReturnType<typeof createSpecs>, 'forget'>;
		blobs: MongoBlobs;
		timers: Timers;
	},
): Pick<Store, 'prune'> {
	const { db, commits } = context;
	const { specs, blobs, timers } = parts;
	const steps = [
		pruneIdempotency,
		pruneResults,
		pruneRuns,
		pruneBackfills,
		pruneLedger,
		pruneEvents,
		pruneSchedules,
		pruneShared,
	];

	return {
		async prune(now, keep, limit) {
			const work: Work = { now, left: limit, blobs: [] };
			for (const step of steps) if (work.left > 0) await step(work, keep);
			await blobs.sweep(work.blobs);
			return limit - work.left + (await blobs.sweep('some'));
		},
	};

	async function find(
		name: CollectionName,
		filter: Fields,
		options: { limit: number; sort?: string },
	): Promise<Doc[]> {
		const { limit, sort = '_id' } = options;
		return db.run(async () =>
			db
				.of(name)
				.find(filter)
				.sort({ [sort]: 1 })
				.limit(limit)
				.toArray(),
		);
	}

	async function remove(name: CollectionName, filter: Fields): Promise<number> {
		const { deletedCount } = await db.run(async () => db.of(name).deleteMany(filter));
		return deletedCount;
	}

	async function pruneResults(work: Work, keep: Retention): Promise<void> {
		const old = { _id: { $lt: idBound('res', work.now - keep.results) } };
		await deleteResults(work, await find('results', old, { limit: work.left }));
	}

	async function deleteResults(work: Work, results: readonly Doc[]): Promise<void> {
		if (results.length === 0) return;
		const of = { resultId: { $in: results.map(({ _id }) => _id) } };
		const artifacts = await find('artifacts', of, { limit: 100_000 });
		for (const doc of [...artifacts, ...results]) work.blobs.push(doc['sha256'] as string);
		work.left -= await remove('artifacts', idsOf(artifacts));
		work.left -= await remove('results', idsOf(results));
	}

	async function pruneRuns(work: Work, keep: Retention): Promise<void> {
		const until = work.now - keep.runs;
		const old = await find(
			'runs',
			{ _id: { $lt: idBound('run', until) }, endedAt: { $lt: until }, state: { $in: OVER } },
			{ limit: work.left },
		);
		if (old.length === 0) return;
		await commits.help('runs', old);
		const runId = { $in: old.map(({ _id }) => _id) };
		const busy = new Set<unknown>();
		for (const name of ['deliveries', 'notifications'] as const) {
			const tried = { runId, state: TRIED };
			const docs = await db.run(async () => db.of(name).distinct('runId', tried));
			for (const id of docs) busy.add(id);
		}
		const gone = old.filter(({ _id }) => !busy.has(_id));
		if (gone.length > 0) await deleteRuns(work, gone, until);
	}

	async function deleteRuns(work: Work, docs: readonly Doc[], until: Instant): Promise<void> {
		await setMark(db, 'runsPrunedUntil', until);
		const of = { runId: { $in: docs.map(({ _id }) => _id) } };
		const deliveries = await find('deliveries', of, { limit: 100_000 });
		const notifications = await find('notifications', of, { limit: 100_000 });
		const done = [
			...deliveries.map((doc) => ({ name: 'delivery.due' as const, doc })),
			...notifications.map((doc) => ({ name: 'notification.due' as const, doc })),
		];
		await timers.set(done.map(({ name, doc }) => ({ name, key: String(doc['id']), at: null })));
		for (const doc of deliveries) {
			if (typeof doc['sha256'] === 'string') work.blobs.push(doc['sha256']);
		}
		const resultIds = docs.flatMap((doc) => (doc['resultId'] as string | null) ?? []);
		await deleteResults(
			work,
			await find('results', { _id: { $in: resultIds } }, { limit: 100_000 }),
		);
		for (const name of ['deliveries', 'notifications', 'links'] as const) {
			work.left -= await remove(name, of);
		}
		work.left -= await remove('runs', idsOf(docs));
		await deleteSpecs(
			work,
			docs.map((doc) => runRows.fromDoc(doc).specId),
		);
	}

	async function deleteSpecs(work: Work, ids: readonly string[]): Promise<void> {
		for (const specId of new Set(ids)) {
			const inRun = await db.run(async () => db.of('runs').findOne({ specId }));
			const used = inRun ?? (await db.run(async () => db.of('schedules').findOne({ specId })));
			if (used !== null) continue;
			specs.forget(specId);
			work.left -= await remove('specs', { _id: specId, usedAt: { $lte: work.now - GRACE } });
		}
	}

	async function pruneBackfills(work: Work, keep: Retention): Promise<void> {
		const over = {
			state: { $in: ['completed', 'cancelled'] },
			endedAt: { $lt: work.now - keep.runs },
		};
		work.left -= await remove(
			'backfills',
			idsOf(await find('backfills', over, { limit: work.left })),
		);
	}

	async function pruneLedger(work: Work, keep: Retention): Promise<void> {
		const until = work.now - keep.ledger;
		const old = { decidedAt: { $lt: until } };
		const docs = await find('occurrences', old, { limit: work.left, sort: 'decidedAt' });
		if (docs.length === 0) return;
		await setMark(db, 'ledgerPrunedUntil', until);
		work.left -= await remove('occurrences', idsOf(docs));
	}

	/** The last batch of a tenant stays, emptied: its number must not be given again. */
	async function pruneEvents(work: Work, keep: Retention): Promise<void> {
		const old = { at: { $lt: work.now - keep.events }, emptied: null };
		const docs = await find('events', old, { limit: work.left, sort: 'at' });
		if (docs.length === 0) return;
		const last = new Set<string>();
		for (const tenant of new Set(docs.map((doc) => doc['tenant'] as string))) {
			const newest = await db.run(async () =>
				db.of('events').find({ tenant }).sort({ seq: -1 }).limit(1).next(),
			);
			if (newest !== null) last.add(newest._id);
		}
		const kept = docs.filter(({ _id }) => last.has(_id));
		const { modifiedCount } = await db.run(async () =>
			db
				.of('events')
				.updateMany({ ...idsOf(kept), emptied: null }, { $set: { items: '[]', emptied: true } }),
		);
		work.left -= modifiedCount;
		work.left -= await remove('events', idsOf(docs.filter(({ _id }) => !last.has(_id))));
	}

	/** Schedules that were deleted or are completed, once their runs and their ledger are gone. */
	async function pruneSchedules(work: Work, keep: Retention): Promise<void> {
		const before = work.now - Math.min(keep.runs, keep.ledger);
		const over = { state: { $in: ['deleted', 'completed'] }, updatedAt: { $lt: before } };
		const docs = await find('schedules', over, { limit: work.left, sort: 'updatedAt' });
		// A run that somebody triggered follows from its schedule's document.
		await commits.help('schedules', docs);
		for (const doc of docs) {
			const scheduleId = doc._id;
			const row = await db.run(async () => db.of('occurrences').findOne({ scheduleId }));
			if ((row ?? (await db.run(async () => db.of('runs').findOne({ scheduleId })))) !== null)
				continue;
			await remove('targets', { scheduleId });
			work.left -= await remove('backfills', { scheduleId });
			work.left -= await remove('schedules', { _id: scheduleId, v: doc['v'] });
			await deleteSpecs(work, [doc['specId'] as string]);
		}
	}

	async function pruneShared(work: Work): Promise<void> {
		const old = await find('shared', { keepUntil: { $lte: work.now } }, { limit: work.left });
		await commits.help('shared', old);
		// Not one that was kept for longer meanwhile.
		const gone = { ...idsOf(old), keepUntil: { $lte: work.now } };
		work.left -= await remove('shared', gone);
	}

	async function pruneIdempotency(work: Work): Promise<void> {
		const old = await find('idempotency', { expiresAt: { $lte: work.now } }, { limit: work.left });
		await commits.help('idempotency', old);
		// Not one that was made anew under the same key meanwhile.
		const gone = { ...idsOf(old), expiresAt: { $lte: work.now } };
		work.left -= await remove('idempotency', gone);
	}
}

function idsOf(docs: readonly Doc[]): Fields {
	return { _id: { $in: docs.map(({ _id }) => _id) } };
}

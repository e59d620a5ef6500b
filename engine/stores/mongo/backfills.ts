import type { Backfill } from '../../contract/backfill.ts';
import type { Instant } from '../../contract/time.ts';
import type { Store } from '../store.port.ts';
import type { BackfillEnds } from './backfill-ends.ts';
import type { Context } from './context.ts';
import type { Doc, Fields } from './documents.ts';
import { is } from './documents.ts';
import { effect, events as eventsEffect } from './effects.ts';
import { create } from './once.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { backfillRows, runRows } from './rows.ts';
import type { createRuns } from './runs.ts';
import type { createSpecs } from './specs.ts';

type Backfills = Pick<
	Store,
	| 'createBackfill'
	| 'getBackfill'
	| 'listBackfills'
	| 'cancelBackfill'
	| 'cancellingBackfills'
	| 'openRunsOfBackfill'
	| 'instantsThatRan'
>;

const NOT_WELL = ['failed', 'cancelled', 'expired'];

export function createBackfills(
	context: Context,
	parts: {
		specs: ReturnType<typeof createSpecs>;
		runs: Pick<ReturnType<typeof createRuns>, 'effectsOf'>;
		ends: BackfillEnds;
	},
): Backfills {
	const { db, commits } = context;
	const { specs, runs, ends } = parts;

	async function withCounts(doc: Doc): Promise<Backfill> {
		const backfill = backfillRows.fromDoc(doc);
		return backfill.counts === null
			? { ...backfill, counts: await ends.countsOf(backfill.id) }
			: backfill;
	}

	async function find(tenant: string, id: string): Promise<Backfill | null> {
		const read = async () =>
			db.run(async () => db.of('backfills').findOne({ _id: is(id) as never, tenant: is(tenant) }));
		const doc = await read();
		if (doc === null) return null;
		// Its runs follow from the write that made it.
		const helped = await commits.help('backfills', [doc]);
		return withCounts((helped ? await read() : doc) ?? doc);
	}

	async function fired(filter: Fields, field: 'nominalAt' | 'movedFrom'): Promise<Instant[]> {
		const docs = await db.run(async () =>
			db
				.of('occurrences')
				.find({ outcome: 'fired', ...filter })
				.project<Fields>({ [field]: 1 })
				.toArray(),
		);
		return docs.map((doc) => doc[field] as Instant);
	}

	return {
		async createBackfill({ backfill, spec, runs: made, events }, record) {
			const { id, tenant, scheduleId, createdAt } = backfill;
			const schedule = await db.run(async () =>
				db.of('schedules').findOne({
					_id: is(scheduleId) as never,
					tenant: is(tenant),
					state: { $ne: 'deleted' },
				}),
			);
			if (schedule === null) return 'not_found';
			if (spec !== null) await specs.write([spec]);
			const doc = { ...backfillRows.toDoc(backfill), made: made.length };
			const done = await create(context, {
				record,
				root: { into: 'backfills', doc },
				effects: [
					...eventsEffect(events),
					...made.flatMap(runs.effectsOf),
					// One of nothing is over at once.
					...(made.length === 0 ? [effect('backfill', { id, at: createdAt })] : []),
				],
				value: backfill,
			});
			if (done.replayed) return done;
			return { replayed: false, value: (await find(tenant, id)) ?? backfill };
		},

		getBackfill: find,

		async listBackfills(tenant, scheduleId, page) {
			const before = decodeCursor(page.cursor, 'string');
			const docs = await db.run(async () =>
				db
					.of('backfills')
					.find({
						scheduleId: is(scheduleId),
						tenant: is(tenant),
						...(before === null ? {} : { _id: { $lt: before } }),
					})
					.sort({ _id: -1 })
					.limit(readLimit(page))
					.toArray(),
			);
			const items = await Promise.all(docs.map(withCounts));
			return pageOf(items, page.limit, ({ id }) => id);
		},

		async cancelBackfill({ tenant, id, at }) {
			await db.run(async () =>
				db
					.of('backfills')
					.updateOne(
						{ _id: is(id) as never, tenant: is(tenant), state: 'running' },
						{ $set: { state: 'cancelling' }, $inc: { v: 1 } as never },
					),
			);
			if ((await find(tenant, id)) === null) return null;
			await ends.runEnded([{ of: { id, at }, token: '', at }]);
			return find(tenant, id);
		},

		async cancellingBackfills(limit) {
			const docs = await db.run(async () =>
				db.of('backfills').find({ state: 'cancelling' }).limit(limit).toArray(),
			);
			return docs.map(backfillRows.fromDoc);
		},

		async openRunsOfBackfill(tenant, id, { states, limit }) {
			const docs = await db.run(async () =>
				db
					.of('runs')
					.find({ backfillId: is(id), tenant: is(tenant), state: { $in: [...states] } })
					.sort({ seq: -1 })
					.limit(limit)
					.toArray(),
			);
			return docs.map(runRows.fromDoc);
		},

		async instantsThatRan(tenant, scheduleId, { from, to }) {
			const own = { scheduleId: is(scheduleId), tenant: is(tenant) };
			const between = { $gte: from, $lte: to };
			const filled = async (): Promise<Instant[]> => {
				const docs = await db.run(async () =>
					db
						.of('runs')
						.find({
							...own,
							backfillId: { $gt: '' },
							nominalAt: between,
							state: { $nin: NOT_WELL },
						})
						.project<Fields>({ nominalAt: 1 })
						.toArray(),
				);
				return docs.map((doc) => doc['nominalAt'] as Instant);
			};
			const found = await Promise.all([
				fired({ ...own, movedFrom: null, nominalAt: between }, 'nominalAt'),
				fired({ ...own, movedFrom: between }, 'movedFrom'),
				filled(),
			]);
			return new Set(found.flat());
		},
	};
}

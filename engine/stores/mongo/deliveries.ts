import type { DeliverySettlement } from '../../contract/change.ts';
import type { Delivery, DeliveryAttempt } from '../../contract/run.ts';
import type { Store } from '../store.port.ts';
import type { Change } from './conditional-writes.ts';
import type { Context } from './context.ts';
import type { Doc, Root } from './documents.ts';
import { is, targetId } from './documents.ts';
import type { Effect, Pending } from './effects.ts';
import { effect, events as eventsEffect } from './effects.ts';
import { listDeliveries } from './delivery-lists.ts';
import { createGather } from './gather.ts';
import { create } from './once.ts';
import type { createResults } from './results.ts';
import { artifactRows, deliveryRows, resultRows, runRows } from './rows.ts';
import { claimSendables, expiredSendables, settleSendables } from './sendables.ts';
import type { Kind } from './sendables.ts';
import { deliveryDoc, dueOf, laterTimer } from './sendable-doc.ts';

interface Deliveries {
	port: Pick<
		Store,
		| 'claimDeliveries'
		| 'settleDeliveries'
		| 'replayDeliveries'
		| 'listExpiredDeliveries'
		| 'getDelivery'
		| 'listDeliveries'
		| 'deliveriesOfRun'
	>;
	settlePending: (pending: Pending<'delivery'>[]) => Promise<void>;
	remember: (pending: Pending<'delivered'>[]) => Promise<void>;
	ofRun(tenant: string, runId: string): Promise<Delivery[]>;
}

const KIND: Kind<Delivery> = {
	into: 'deliveries',
	timer: 'delivery.due',
	fromDoc: deliveryRows.fromDoc,
	order: { priority: -1, due: 1, seq: 1 },
};

export function createDeliveries(
	context: Context,
	{ results }: { results: ReturnType<typeof createResults> },
): Deliveries {
	const { db, clock, commits, nextSeq } = context;

	async function settleAll(settlements: readonly DeliverySettlement[]): Promise<boolean[]> {
		// Under their hashes, and of a result that is there: nobody is harmed by one that is left over.
		await results.writeBlobs(
			settlements.flatMap(({ artifact }) =>
				artifact === undefined ? [] : [{ ref: artifact.record.blob, inline: artifact.inline }],
			),
		);
		const sent = settlements.flatMap(({ set: { artifact } }) => artifact ?? []);
		await results.touch(sent.map(({ sha256 }) => sha256));
		return settleSendables(context, 'deliveries', {
			settlements,
			idOf: ({ deliveryId }) => deliveryId,
			changeOf,
		});
	}

	function changeOf(doc: Root, settlement: DeliverySettlement): Change {
		const before = deliveryRows.fromDoc(doc);
		const after: Delivery = { ...before, ...settlement.set };
		const due = dueOf(after);
		const { attempt } = settlement;
		const attempts = doc['attempts'] as { epoch: number }[];
		const isNew = attempt !== undefined && attempts.every(({ epoch }) => epoch !== attempt.epoch);
		const sent = after.artifact?.sha256;
		return {
			id: doc._id,
			v: doc.v,
			where: { state: before.state, epoch: before.epoch },
			set: {
				...deliveryRows.encode(settlement.set),
				...due,
				...(sent === undefined ? {} : { sha256: sent }),
			},
			unset: [
				...['due', 'leased'].filter((field) => !Object.hasOwn(due, field)),
				...(sent === undefined ? ['sha256'] : []),
			],
			push: isNew ? { attempts: { epoch: attempt.epoch, text: JSON.stringify(attempt) } } : {},
			effects: [...eventsEffect(settlement.events), ...followingOf(before, after, settlement)],
		};
	}

	function followingOf(
		before: Delivery,
		after: Delivery,
		settlement: DeliverySettlement,
	): Effect[] {
		const { artifact, next, disable, tenant } = settlement;
		const now = clock.now();
		const later = laterTimer('delivery.due', after, now);
		const made: Effect[] =
			later.length > 0
				? later
				: [effect('timer', { name: 'delivery.due', key: after.id, at: null })];
		if (artifact !== undefined) {
			const { record } = artifact;
			const doc = { ...artifactRows.toDoc(record), sha256: record.blob.sha256 };
			made.push(effect('insert', { into: 'artifacts', doc }));
		}
		if (after.state === 'delivered' && before.state !== 'delivered' && before.scheduleId !== null) {
			const { runId, scheduleId, targetKey } = before;
			const at = after.endedAt ?? now;
			made.push(effect('delivered', { tenant, runId, scheduleId, targetKey, at }));
		}
		if (next !== undefined) {
			const doc = { ...deliveryDoc(next, nextSeq()), v: 1, w: [] };
			made.push(effect('insert', { into: 'deliveries', doc }));
			made.push(...laterTimer('delivery.due', next, now));
		}
		if (disable !== undefined) made.push(effect('disable', { tenant, target: disable }));
		return made;
	}

	/** What the target has now, for `when: changed`; never an older one over a newer. */
	async function rememberOne({ of }: Pending<'delivered'>): Promise<void> {
		const { tenant, runId, scheduleId, targetKey, at } = of;
		const run = await db.run(async () => db.of('runs').findOne({ _id: runId }));
		const { resultId = null } = run === null ? {} : runRows.fromDoc(run);
		const result = await db.run(async () => db.of('results').findOne({ _id: resultId ?? '' }));
		if (result === null) return;
		const { sha256 } = resultRows.fromDoc(result).blob;
		const _id = targetId(scheduleId, targetKey);
		const mine = { tenant, scheduleId, targetKey };
		await db.run(async () =>
			db.of('targets').updateOne({ _id }, { $setOnInsert: mine }, { upsert: true }),
		);
		await db.run(async () =>
			db
				.of('targets')
				.updateOne(
					{ _id, $or: [{ deliveredAt: null }, { deliveredAt: { $lte: at } }] },
					{ $set: { deliveredSha256: sha256, deliveredAt: at } },
				),
		);
	}

	async function ofRun(tenant: string, runId: string): Promise<Delivery[]> {
		const docs = await db.run(async () =>
			db
				.of('deliveries')
				.find({ runId: is(runId), tenant: is(tenant) })
				.sort({ targetKey: 1 })
				.toArray(),
		);
		return docs.map(deliveryRows.fromDoc);
	}

	return {
		ofRun,
		settlePending: async (pending) => {
			await settleAll(pending.map(({ of }) => of));
		},
		async remember(pending) {
			for (const one of pending) await rememberOne(one);
		},

		port: {
			claimDeliveries: async (request, events) =>
				claimSendables(context, KIND, { request, event: (delivery) => events.delivery(delivery) }),

			settleDeliveries: createGather(settleAll),

			async replayDeliveries(settlements, record) {
				if (record === undefined) return { replayed: false, value: await settleAll(settlements) };
				// The record is the commit, and the settlements follow from it; none of them has bytes with it.
				const before = await db.run(async () =>
					db
						.of('deliveries')
						.find({ id: { $in: settlements.map(({ deliveryId }) => String(deliveryId)) } })
						.toArray(),
				);
				const effects = settlements.map((settlement) => effect('delivery', settlement));
				const done = await create(context, { record, root: null, effects, value: null });
				if (done.replayed) return done;
				return { replayed: false, value: await appliedOf(settlements, before) };
			},

			listExpiredDeliveries: async (now, limit, except) =>
				expiredSendables(context, KIND, { now, limit, except }),

			async getDelivery(tenant, id) {
				const doc = await db.run(async () =>
					db.of('deliveries').findOne({ id: is(id), tenant: is(tenant) }),
				);
				if (doc === null) return null;
				await commits.help('deliveries', [doc]);
				return { delivery: deliveryRows.fromDoc(doc), attempts: attemptsOf(doc) };
			},

			listDeliveries: async (tenant, filter, page) => listDeliveries(db, { tenant, filter, page }),

			/** All of them, also when the engine that ended the run has written only some yet. */
			async deliveriesOfRun(tenant, runId) {
				const run = await db.run(async () =>
					db.of('runs').findOne({ _id: is(runId) as never, tenant: is(tenant) }),
				);
				await commits.help('runs', [run]);
				return ofRun(tenant, runId);
			},
		},
	};

	/** Which of them were as the settlements demand before, and are not any more. */
	async function appliedOf(
		settlements: readonly DeliverySettlement[],
		before: readonly Doc[],
	): Promise<boolean[]> {
		const after = await db.run(async () =>
			db
				.of('deliveries')
				.find({ _id: { $in: before.map(({ _id }) => _id) } })
				.toArray(),
		);
		const version = (docs: readonly Doc[], id: string): Doc | undefined =>
			docs.find((doc) => doc['id'] === id);
		return settlements.map(({ deliveryId, tenant, from, epoch }) => {
			const was = version(before, deliveryId);
			return (
				was?.['tenant'] === tenant &&
				(from as readonly unknown[]).includes(was['state']) &&
				(epoch === null || epoch === was['epoch']) &&
				was['v'] !== version(after, deliveryId)?.['v']
			);
		});
	}
}

function attemptsOf(doc: Doc): DeliveryAttempt[] {
	const kept = doc['attempts'] as { epoch: number; text: string }[];
	return kept
		.toSorted((a, b) => a.epoch - b.epoch)
		.map(({ text }) => JSON.parse(text) as DeliveryAttempt);
}

import type { Backfill, RunCounts } from '../../contract/backfill.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { RunState } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import type { Context } from './context.ts';
import type { Root } from './documents.ts';
import type { Pending } from './effects.ts';
import { events } from './effects.ts';
import { backfillRows } from './rows.ts';

/** What settling a run and deleting a schedule mean for backfills. */
export interface BackfillEnds {
	/** Runs of them have ended: the last one ends the backfill, by one conditional update and so once. */
	runEnded: (pending: Pending<'backfill'>[]) => Promise<void>;
	/** Their schedules are deleted. */
	scheduleDeleted: (pending: Pending<'scheduleDeleted'>[]) => Promise<void>;
	countsOf(id: string): Promise<RunCounts>;
}

export function createBackfillEnds({ db, commits }: Pick<Context, 'db' | 'commits'>): BackfillEnds {
	async function countsOf(id: string): Promise<RunCounts> {
		const rows = await db.run(async () =>
			db
				.of('runs')
				.aggregate<{ _id: RunState; n: number }>([
					{ $match: { backfillId: { $eq: id } } },
					{ $group: { _id: '$state', n: { $sum: 1 } } },
				])
				.toArray(),
		);
		return Object.fromEntries(rows.map(({ _id, n }) => [_id, n]));
	}

	async function endIfOver(id: string, at: Instant): Promise<void> {
		for (;;) {
			const doc = (await db.run(async () =>
				db.of('backfills').findOne({ _id: id, state: { $in: ['running', 'cancelling'] } }),
			)) as Root | null;
			if (doc === null) return;
			const open = { backfillId: id, open: true };
			if ((await db.run(async () => db.of('runs').findOne(open))) !== null) return;
			const counts = await countsOf(id);
			const before = backfillRows.fromDoc(doc);
			// Its runs follow from the write that made it, and may not all be there yet.
			const there = Object.values(counts).reduce((sum, n) => sum + n, 0);
			if (there < Number(doc['made'] ?? 0)) return;
			const state = before.state === 'running' ? 'completed' : 'cancelled';
			const ended: Backfill = { ...before, state, counts, endedAt: at };
			const set = backfillRows.encode({ state, counts, endedAt: at });
			const effects = events([endEvent(ended, at)]);
			const made = await commits.change('backfills', [
				{ id, v: doc.v, where: { state: before.state }, set, effects },
			]);
			if (made[0] === true) return;
		}
	}

	return {
		countsOf,
		async runEnded(pending) {
			const latest = new Map<string, Instant>();
			for (const { of } of pending) latest.set(of.id, Math.max(of.at, latest.get(of.id) ?? 0));
			for (const [id, at] of latest) await endIfOver(id, at);
		},
		async scheduleDeleted(pending) {
			for (const { of } of pending) {
				const running = { scheduleId: of.id, state: 'running' };
				const docs = await db.run(async () => db.of('backfills').find(running).toArray());
				await db.run(async () =>
					db
						.of('backfills')
						.updateMany(running, { $set: { state: 'cancelling' }, $inc: { v: 1 } as never }),
				);
				for (const { _id } of docs) await endIfOver(_id, of.at);
			}
		},
	};
}

function endEvent(backfill: Backfill, at: Instant): EventDraft {
	const { id, tenant, scheduleId, state, total, counts } = backfill;
	return {
		type: state === 'completed' ? 'backfill.completed' : 'backfill.cancelled',
		tenant,
		at,
		subject: { backfillId: id, scheduleId },
		data: { total, ...counts },
	};
}

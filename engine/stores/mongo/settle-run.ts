import type { RunSettlement } from '../../contract/change.ts';
import type { Run } from '../../contract/run.ts';
import type { Context } from './context.ts';
import type { Change } from './conditional-writes.ts';
import type { Doc, Root } from './documents.ts';
import type { Effect } from './effects.ts';
import { effect, events } from './effects.ts';
import { derivedOf, gateId, holderOf, holdsKey, isOver, lookAtOf } from './look-at.ts';
import type { createResults } from './results.ts';
import { deliveryDoc, dueOf, laterTimer } from './sendable-doc.ts';
import { linkRows, notificationRows, runRows } from './rows.ts';

/** Applies settlements whose guards hold. @returns for each, whether it was applied */
export type SettleRuns = (settlements: readonly Settling[]) => Promise<boolean[]>;

export interface Settling {
	settlement: RunSettlement;
	/** What else follows, in the same commit. */
	also?: Effect[];
}

/** Whether the run is as the decision was made for. */
function holds(run: Run, settlement: RunSettlement): boolean {
	const { readBeatBy, readLeaseUntil, readSlaState } = settlement;
	return (
		run.tenant === settlement.tenant &&
		settlement.from.includes(run.state) &&
		(settlement.epoch === null || settlement.epoch === run.epoch) &&
		(readBeatBy === undefined || readBeatBy === run.beatBy) &&
		(readLeaseUntil === undefined || readLeaseUntil === run.leaseUntil) &&
		(readSlaState === undefined || readSlaState === run.slaState)
	);
}

export function createSettleRuns(
	context: Context,
	parts: { results: Pick<ReturnType<typeof createResults>, 'writeResults'> },
): SettleRuns {
	const { db, commits, clock, onFault, nextSeq } = context;

	/** One of each run; what was changed in between is looked at again. */
	async function settleRound(settling: readonly Settling[]): Promise<boolean[]> {
		const applied = settling.map(() => false);
		let left = settling.map((_, n) => n);
		while (left.length > 0) {
			const ids = left.map((n) => settling[n]!.settlement.runId as string);
			const docs = new Map(
				(
					await db.run(async () =>
						db
							.of('runs')
							.find({ _id: { $in: ids } })
							.toArray(),
					)
				).map((doc) => [doc._id, doc as Root]),
			);
			left = left.filter((n) => {
				const { settlement } = settling[n]!;
				const doc = docs.get(settlement.runId);
				return doc !== undefined && holds(runRows.fromDoc(doc), settlement);
			});
			const fit = await parts.results.writeResults(left.map((n) => settling[n]!.settlement));
			left = left.filter((n, at) => {
				const error = fit[at];
				if (error === null) return true;
				const id = settling[n]!.settlement.runId;
				onFault({ where: 'settleRuns', id, error });
				return false;
			});
			const changes = left.map((n) => {
				const one = settling[n]!;
				return changeOf(docs.get(one.settlement.runId)!, one);
			});
			const made = await commits.change('runs', changes);
			made.forEach((ok, at) => {
				if (ok) applied[left[at]!] = true;
			});
			left = left.filter((_, at) => made[at] !== true);
		}
		return applied;
	}

	function changeOf(doc: Root, { settlement, also = [] }: Settling): Change {
		const before = runRows.fromDoc(doc);
		const after: Run = { ...before, ...settlement.set };
		const blocked = doc['blocked'] === true && !isOver(after);
		const derived = derivedOf(after, blocked);
		const { attempt } = settlement;
		const attempts = doc['attempts'] as { epoch: number }[];
		// An attempt that was recorded when it ended is not changed by what comes later in its epoch.
		const isNew = attempt !== undefined && attempts.every(({ epoch }) => epoch !== attempt.epoch);
		return {
			id: doc._id,
			v: doc.v,
			where: { state: before.state, epoch: before.epoch },
			set: { ...runRows.encode(settlement.set), ...derived.set },
			unset: [...derived.unset, ...(isOver(after) ? ['blocked'] : [])],
			push: isNew ? { attempts: { epoch: attempt.epoch, text: JSON.stringify(attempt) } } : {},
			effects: [
				...events(settlement.events),
				...followingOf(settlement, { now: clock.now(), nextSeq }),
				...timersOf(before, after, settlement),
				...keysOf(before, after),
				...endsOf(before, after, settlement),
				...also,
			],
		};
	}

	return async (settlements) => {
		const applied = settlements.map(() => false);
		let rest = settlements.map((settling, n) => ({ settling, n }));
		while (rest.length > 0) {
			const seen = new Set<string>();
			const round = rest.filter(({ settling }) => {
				const first = !seen.has(settling.settlement.runId);
				seen.add(settling.settlement.runId);
				return first;
			});
			const done = await settleRound(round.map(({ settling }) => settling));
			round.forEach(({ n }, at) => (applied[n] = done[at] === true));
			const taken = new Set(round);
			rest = rest.filter((one) => !taken.has(one));
		}
		return applied;
	};
}

function followingOf(
	settlement: RunSettlement,
	{ now, nextSeq }: { now: number; nextSeq: () => number },
): Effect[] {
	const { links = [], deliveries = [], notifications = [] } = settlement;
	const insert = (into: 'links' | 'deliveries' | 'notifications', doc: Doc): Effect =>
		effect('insert', { into, doc: { ...doc, v: 1, w: [] } });
	return [
		...links.map((link) => insert('links', linkRows.toDoc(link))),
		...deliveries.flatMap((delivery) => [
			insert('deliveries', deliveryDoc(delivery, nextSeq())),
			...laterTimer('delivery.due', delivery, now),
		]),
		...notifications.flatMap((notification) => [
			insert('notifications', {
				...notificationRows.toDoc(notification),
				...dueOf(notification),
				seq: nextSeq(),
			}),
			...laterTimer('notification.due', notification, now),
		]),
	];
}

function timersOf(before: Run, after: Run, settlement: RunSettlement): Effect[] {
	const { runId, timer, set } = settlement;
	const made: Effect[] = [];
	const put = (name: 'run.retry' | 'run.deadline' | 'run.sla', at: number | null): void => {
		made.push(effect('timer', { name, key: runId, at }));
	};
	const had = before.state === 'waiting' || before.state === 'retrying';
	if (timer) {
		put(timer.name, timer.at);
		if (had) put(timer.name === 'run.retry' ? 'run.deadline' : 'run.retry', null);
	} else if (had) {
		// A run in any other state has no timer, whatever was said: one left behind would stay due for ever.
		const without = set.state !== undefined && set.state !== 'waiting' && set.state !== 'retrying';
		if (timer === null || without) {
			put('run.retry', null);
			put('run.deadline', null);
		}
	}
	if (after.state === 'waiting' && typeof set.beatBy === 'number') {
		put('run.deadline', lookAtOf(after) ?? 0);
	}
	if (set.slaState !== undefined) put('run.sla', null);
	return made;
}

function keysOf(before: Run, after: Run): Effect[] {
	const made: Effect[] = [];
	if (before.concurrencyKey !== null && holdsKey(before) && !holdsKey(after)) {
		const gate = gateId(before.tenant, before.concurrencyKey);
		made.push(effect('release', { gate, holder: holderOf(before) }));
	}
	if (before.serialKey !== null && isOver(after) && !isOver(before)) {
		made.push(effect('serial', { gate: gateId(before.tenant, before.serialKey) }));
	}
	return made;
}

function endsOf(before: Run, after: Run, settlement: RunSettlement): Effect[] {
	const { schedule, tenant, set } = settlement;
	const made: Effect[] = [];
	if (schedule !== undefined) made.push(effect('failure', { tenant, ...schedule }));
	if (before.backfillId !== null && isOver(after) && !isOver(before)) {
		made.push(effect('backfill', { id: before.backfillId, at: set.endedAt ?? 0 }));
	}
	return made;
}

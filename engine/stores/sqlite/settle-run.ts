import type { RunSettlement } from '../../contract/change.ts';
import type { RunState, SlaState } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import type { BackfillEnds } from './backfill-ends.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import type { createDeliveries } from './deliveries.ts';
import type { createLinks } from './links.ts';
import { lookAtOf } from '../shared/look-at.ts';
import type { LookAtFields } from '../shared/look-at.ts';
import type { createNotifications } from './notifications.ts';
import type { createResults } from './results.ts';
import { attemptRows, runRows } from './rows.ts';
import type { RunGates } from './run-gates.ts';
import { countFailure } from './schedule-failures.ts';
import { assignments } from './updates.ts';

/** Inside a write: applies the settlement if its guard holds. */
export type SettleRun = (tx: Transaction, settlement: RunSettlement) => boolean;

type Guarded = [
	seq: number,
	tenant: string,
	state: RunState,
	epoch: number,
	readyAt: Instant,
	leaseUntil: Instant | null,
	deadlineAt: Instant | null,
	held: number,
	serialKey: string | null,
	concurrencyKey: string | null,
	beatBy: Instant | null,
	priority: number,
	slaState: SlaState | null,
	backfillId: string | null,
];

const GUARDED = `SELECT seq, tenant, state, epoch, readyAt, leaseUntil, deadlineAt, held, serialKey, concurrencyKey,
		beatBy, priority, slaState, backfillId
	FROM runs WHERE id = ?`;

function lookAtFields(row: Guarded): LookAtFields {
	const [, , state, , readyAt, leaseUntil, deadlineAt, held, , , beatBy, priority] = row;
	return { state, readyAt, leaseUntil, deadlineAt, beatBy, held: held === 1, priority };
}

/** Whether the row is as the decision was made for. */
function holds(row: Guarded, settlement: RunSettlement): boolean {
	const [, tenant, state, epoch, , leaseUntil, , , , , beatBy, , slaState] = row;
	const { readBeatBy, readLeaseUntil, readSlaState } = settlement;
	return (
		tenant === settlement.tenant &&
		settlement.from.includes(state) &&
		(settlement.epoch === null || settlement.epoch === epoch) &&
		(readBeatBy === undefined || readBeatBy === beatBy) &&
		(readLeaseUntil === undefined || readLeaseUntil === leaseUntil) &&
		(readSlaState === undefined || readSlaState === slaState)
	);
}

export function createSettleRun(
	context: Context,
	parts: {
		gates: RunGates;
		results: Pick<ReturnType<typeof createResults>, 'insertResult'>;
		links: Pick<ReturnType<typeof createLinks>, 'insertLink'>;
		deliveries: Pick<ReturnType<typeof createDeliveries>, 'insertDelivery'>;
		notifications: Pick<ReturnType<typeof createNotifications>, 'insertNotification'>;
		backfills: BackfillEnds;
	},
): SettleRun {
	const { db, timers } = context;
	const { gates, results, links, deliveries, notifications, backfills } = parts;

	function setTimer({ runId, timer, set }: RunSettlement): void {
		if (timer) {
			timers.set(timer.name, runId, timer.at);
			timers.remove(runId, timer.name === 'run.retry' ? 'run.deadline' : 'run.retry');
			return;
		}
		// A run in any other state has no timer, whatever was said: one left behind would stay due for ever.
		const without = set.state !== undefined && set.state !== 'waiting' && set.state !== 'retrying';
		if (timer === null || without) timers.remove(runId, 'run.retry', 'run.deadline');
	}

	/** What it means for those with the same keys. @returns whether the run itself, when queued, waits for one */
	function mustWait(row: Guarded, next: LookAtFields): boolean {
		const [seq, tenant, state, , , , , , serialKey, concurrencyKey] = row;
		if (serialKey === null && concurrencyKey === null) return false;
		const headEnds = state !== 'queued' && lookAtOf(next, false) === null;
		if (!headEnds || serialKey === null || concurrencyKey !== null) return gates.move(seq, next);
		gates.headEnded(seq, { tenant, serialKey });
		return false;
	}

	return (tx, settlement) => {
		const { runId, set } = settlement;
		const row = db.rows<Guarded>(GUARDED).get(runId);
		if (row === undefined || !holds(row, settlement)) return false;
		const [seq, tenant, state, epoch] = row;
		const backfillId = row[13];

		const next = { ...lookAtFields(row), ...set };
		const lookAt = lookAtOf(next, mustWait(row, next));
		const { sql, values } = assignments(runRows, set);
		const update = db.sql(
			`UPDATE runs SET ${sql}${sql === '' ? '' : ', '}lookAt = ? WHERE seq = ? AND state = ? AND epoch = ?`,
		);
		update.run(...values, lookAt, seq, state, epoch);
		const now = set.state ?? state;
		// Only those two states have timers.
		if (settlement.timer || state === 'waiting' || state === 'retrying') setTimer(settlement);
		if (now === 'waiting' && typeof set.beatBy === 'number')
			timers.set('run.deadline', runId, lookAt ?? 0);
		if (set.slaState !== undefined) timers.remove(runId, 'run.sla');
		tx.tally('run', tenant, state, now);
		writeFollowing(tx, settlement);
		if (backfillId !== null && set.state !== undefined && lookAt === null) {
			backfills.runEnded(tx, backfillId, set.endedAt ?? 0);
		}
		return true;
	};

	function writeFollowing(tx: Transaction, settlement: RunSettlement): void {
		const { attempt, result, tenant, schedule } = settlement;
		if (attempt !== undefined) {
			// An attempt that was recorded when it ended is not changed by what comes later in its epoch.
			db.sql(attemptRows.insertOrIgnore).run(...attemptRows.toRow(attempt));
		}
		if (result !== undefined) results.insertResult(result.record, result.inline);
		for (const link of settlement.links ?? []) links.insertLink(link);
		for (const delivery of settlement.deliveries ?? []) deliveries.insertDelivery(tx, delivery);
		for (const notification of settlement.notifications ?? []) {
			notifications.insertNotification(notification);
		}
		tx.events(settlement.events);
		if (schedule !== undefined) countFailure(context, tx, { tenant, ...schedule });
	}
}

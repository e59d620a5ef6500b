import type { RunSettlement } from '../../contract/change.ts';
import type { Run, RunState, SlaState } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import { lookAtOf } from '../shared/look-at.ts';
import type { LookAtFields } from '../shared/look-at.ts';
import type { BackfillEnds } from './backfill-ends.ts';
import type { createDeliveries } from './deliveries.ts';
import { INTO } from './inserts.ts';
import type { createNotifications } from './notifications.ts';
import type { createResults } from './results.ts';
import { runRows } from './rows.ts';
import { isKeyed } from './run-gates.ts';
import type { RunGates } from './run-gates.ts';
import { countFailures } from './schedule-failures.ts';
import type { Transaction } from './transaction.ts';
import type { RowUpdate } from './updates.ts';
import { updateMany } from './updates.ts';
import { inWaves } from './waves.ts';

/** Inside a write: applies each settlement whose guard holds. */
export type SettleRuns = (
	tx: Transaction,
	settlements: readonly RunSettlement[],
) => Promise<boolean[]>;

type Guarded = [
	id: string,
	seq: number,
	tenant: string,
	state: RunState,
	epoch: number,
	readyAt: Instant,
	leaseUntil: Instant | null,
	deadlineAt: Instant | null,
	held: boolean,
	serialKey: string | null,
	concurrencyKey: string | null,
	beatBy: Instant | null,
	priority: number,
	slaState: SlaState | null,
	backfillId: string | null,
];

/** Locked in the order of their ids, as every write does it, so that none waits in a circle. */
const READ = `SELECT id, seq, tenant, state, epoch, readyAt, leaseUntil, deadlineAt, held, serialKey,
		concurrencyKey, beatBy, priority, slaState, backfillId
	FROM runs WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE`;

function lookAtFields(row: Guarded): LookAtFields {
	const [, , , state, , readyAt, leaseUntil, deadlineAt, held, , , beatBy, priority] = row;
	return { state, readyAt, leaseUntil, deadlineAt, beatBy, held, priority };
}

/** Whether the row is as the decision was made for. */
function holds(row: Guarded, settlement: RunSettlement): boolean {
	const [, , tenant, state, epoch, , leaseUntil, , , , , beatBy, , slaState] = row;
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

function setTimer(tx: Transaction, { runId, timer, set }: RunSettlement): void {
	if (timer) {
		tx.setTimer(timer.name, runId, timer.at);
		tx.removeTimers(runId, timer.name === 'run.retry' ? 'run.deadline' : 'run.retry');
		return;
	}
	// A run in any other state has no timer, whatever was said: one left behind would stay due for ever.
	const without = set.state !== undefined && set.state !== 'waiting' && set.state !== 'retrying';
	if (timer === null || without) tx.removeTimers(runId, 'run.retry', 'run.deadline');
}

export function createSettleRuns(parts: {
	gates: RunGates;
	results: Pick<ReturnType<typeof createResults>, 'insertResults'>;
	deliveries: Pick<ReturnType<typeof createDeliveries>, 'insertDelivery'>;
	notifications: Pick<ReturnType<typeof createNotifications>, 'insertNotification'>;
	backfills: BackfillEnds;
}): SettleRuns {
	const { gates, results, deliveries, notifications, backfills } = parts;

	async function settleWave(
		tx: Transaction,
		settlements: readonly RunSettlement[],
	): Promise<boolean[]> {
		// Runs that this commit has only just added are there to be read, then.
		await tx.flush();
		const rows = await tx.rows<Guarded>(READ, [settlements.map(({ runId }) => runId)]);
		const byId = new Map(rows.map((row) => [row[0], row]));
		const applied: { row: Guarded; settlement: RunSettlement }[] = [];
		const answers = settlements.map((settlement) => {
			const row = byId.get(settlement.runId);
			if (row === undefined || !holds(row, settlement)) return false;
			applied.push({ row, settlement });
			return true;
		});
		if (applied.length > 0) await apply(tx, applied);
		return answers;
	}

	async function apply(
		tx: Transaction,
		applied: readonly { row: Guarded; settlement: RunSettlement }[],
	): Promise<void> {
		const keysOf = ([, , tenant, , , , , , , serialKey, concurrencyKey]: Guarded) => ({
			tenant,
			serialKey,
			concurrencyKey,
		});
		await gates.lock(
			tx,
			applied.map(({ row }) => keysOf(row)),
		);
		const changes = applied.map(({ row, settlement }) => ({
			row,
			settlement,
			next: { ...lookAtFields(row), ...settlement.set },
		}));
		const gated = await gates.move(
			tx,
			changes
				.filter(({ row }) => isKeyed(keysOf(row)))
				.map(({ row: [, seq], next: { state, readyAt } }) => ({ seq, state, readyAt })),
		);
		const updates: RowUpdate<Run>[] = [];
		const ended = new Map<string, Instant>();
		for (const { row, settlement, next } of changes) {
			const [, seq, tenant, state] = row;
			const { runId, set } = settlement;
			const lookAt = lookAtOf(next, gated.has(seq));
			updates.push({ key: seq, set, extra: { lookAt } });
			const now = set.state ?? state;
			// Only those two states have timers.
			if (settlement.timer || state === 'waiting' || state === 'retrying') {
				setTimer(tx, settlement);
			}
			if (now === 'waiting' && typeof set.beatBy === 'number') {
				tx.setTimer('run.deadline', runId, lookAt ?? 0);
			}
			if (set.slaState !== undefined) tx.removeTimers(runId, 'run.sla');
			tx.tally('run', tenant, state, now);
			const backfillId = row[14];
			if (backfillId !== null && set.state !== undefined && lookAt === null) {
				ended.set(backfillId, set.endedAt ?? 0);
			}
		}
		updateMany(tx, { codec: runRows, key: 'seq', type: 'bigint' }, updates);
		await writeFollowing(
			tx,
			applied.map(({ settlement }) => settlement),
		);
		await backfills.runsEnded(tx, ended);
	}

	async function writeFollowing(
		tx: Transaction,
		settlements: readonly RunSettlement[],
	): Promise<void> {
		results.insertResults(
			tx,
			settlements.flatMap(({ result }) => (result === undefined ? [] : [result])),
		);
		for (const settlement of settlements) {
			if (settlement.attempt !== undefined) tx.insert(INTO.attempts, settlement.attempt);
			for (const link of settlement.links ?? []) tx.insert(INTO.links, link);
			for (const delivery of settlement.deliveries ?? []) deliveries.insertDelivery(tx, delivery);
			for (const notification of settlement.notifications ?? []) {
				notifications.insertNotification(tx, notification);
			}
			tx.events(settlement.events);
		}
		await countFailures(
			tx,
			settlements.flatMap(({ tenant, schedule }) =>
				schedule === undefined ? [] : [{ tenant, ...schedule }],
			),
		);
	}

	return (tx, settlements) =>
		inWaves(
			settlements,
			({ runId }) => runId,
			(wave) => settleWave(tx, wave),
		);
}

import type { Instant } from '../../contract/time.ts';
import type { Retention, Store } from '../store.port.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import type { Database } from './database.ts';
import { idBound } from '../shared/id-bound.ts';
import { setMark } from './marks.ts';
import type { createResults } from './results.ts';
import type { createSpecs } from './specs.ts';

type Results = ReturnType<typeof createResults>;

/** What one call of `prune` may still delete, and what it has. */
interface Work {
	tx: Transaction;
	now: Instant;
	left: number;
	/** Blobs in files that nothing refers to any more. */
	files: string[];
}

export function createRetention(
	context: Context,
	parts: {
		results: Results;
		specs: Pick<ReturnType<typeof createSpecs>, 'remove'>;
		blobs: {
			sweep(unreferenced: readonly string[], isReferenced: (sha256: string) => boolean): number;
		};
	},
): Pick<Store, 'prune'> {
	const { db, write } = context;
	const { results, specs, blobs } = parts;
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
			const { deleted, files } = await write((tx) => {
				const work: Work = { tx, now, left: limit, files: [] };
				for (const step of steps) if (work.left > 0) step(work, keep);
				return { deleted: limit - work.left, files: work.files };
			});
			return deleted + blobs.sweep(files, results.isReferenced);
		},
	};

	function pruneResults(work: Work, keep: Retention): void {
		const old = db
			.rows<[string]>('SELECT id FROM results WHERE id < ? ORDER BY id LIMIT ?')
			.all(idBound('res', work.now - keep.results), work.left);
		for (const [id] of old) deleteResult(work, id);
	}

	function deleteResult(work: Work, id: string): void {
		const gone = [
			...db.rows<[string]>('DELETE FROM artifacts WHERE resultId = ? RETURNING sha256').all(id),
			...db.rows<[string]>('DELETE FROM results WHERE id = ? RETURNING sha256').all(id),
		];
		for (const [sha256] of gone) drop(work, sha256);
		work.left -= gone.length;
	}

	function drop(work: Work, sha256: string): void {
		if (results.dropBlob(sha256)) work.files.push(sha256);
	}

	function pruneRuns(work: Work, keep: Retention): void {
		const until = work.now - keep.runs;
		const old = db
			.rows<OldRun>(
				`SELECT seq, id, tenant, state, scheduleId, specId, resultId FROM runs
				WHERE id < ? AND endedAt < ? AND state IN ('succeeded', 'failed', 'cancelled', 'expired')
					AND NOT EXISTS (SELECT 1 FROM deliveries d
						WHERE d.runId = runs.id AND d.state IN ('pending', 'sending', 'failed'))
					AND NOT EXISTS (SELECT 1 FROM notifications n
						WHERE n.runId = runs.id AND n.state IN ('pending', 'sending', 'failed'))
				ORDER BY id LIMIT ?`,
			)
			.all(idBound('run', until), until, work.left);
		if (old.length === 0) return;
		setMark(db, 'runsPrunedUntil', until);
		for (const run of old) deleteRun(work, run);
	}

	function deleteRun(
		work: Work,
		[seq, id, tenant, state, scheduleId, specId, resultId]: OldRun,
	): void {
		const deliveries = db
			.rows<[id: string, state: string, artifact: string | null]>(
				'DELETE FROM deliveries WHERE runId = ? RETURNING id, state, artifact',
			)
			.all(id);
		for (const [deliveryId, deliveryState, artifact] of deliveries) {
			work.left -= 1 + remove(db, 'delivery_attempts WHERE deliveryId = ?', deliveryId);
			context.timers.remove(deliveryId, 'delivery.due');
			work.tx.tally('delivery', tenant, deliveryState, null);
			if (artifact !== null) drop(work, (JSON.parse(artifact) as { sha256: string }).sha256);
		}
		const notifications = db
			.rows<[string]>('DELETE FROM notifications WHERE runId = ? RETURNING id')
			.all(id);
		for (const [notificationId] of notifications) {
			context.timers.remove(notificationId, 'notification.due');
		}
		work.left -= notifications.length;
		work.left -= remove(db, 'links WHERE runId = ?', id);
		work.left -= remove(db, 'run_attempts WHERE runId = ?', id);
		if (resultId !== null) deleteResult(work, resultId);
		work.left -= remove(db, 'runs WHERE seq = ?', seq);
		work.tx.tally('run', tenant, state, null);
		deleteSpec(work, specId, scheduleId);
	}

	function deleteSpec(work: Work, specId: string, scheduleId: string | null): void {
		const used =
			db.rows('SELECT 1 FROM schedules WHERE specId = ?').get(specId) ??
			db.rows('SELECT 1 FROM runs WHERE scheduleId IS NULL AND specId = ?').get(specId) ??
			(scheduleId === null
				? undefined
				: db
						.rows('SELECT 1 FROM runs WHERE scheduleId = ? AND specId = ? LIMIT 1')
						.get(scheduleId, specId));
		if (used === undefined) work.left -= specs.remove(specId);
	}

	function pruneBackfills(work: Work, keep: Retention): void {
		work.left -= remove(
			db,
			`backfills WHERE id IN (
				SELECT id FROM backfills INDEXED BY backfills_ended WHERE endedAt < ? LIMIT ?)`,
			work.now - keep.runs,
			work.left,
		);
	}

	function pruneLedger(work: Work, keep: Retention): void {
		const until = work.now - keep.ledger;
		const changes = remove(
			db,
			`occurrences WHERE (scheduleId, nominalAt) IN (
				SELECT scheduleId, nominalAt FROM occurrences WHERE decidedAt < ? ORDER BY decidedAt LIMIT ?)`,
			until,
			work.left,
		);
		if (changes > 0) setMark(db, 'ledgerPrunedUntil', until);
		work.left -= changes;
	}

	function pruneEvents(work: Work, keep: Retention): void {
		const first = db
			.rows<[seq: number, at: Instant]>('SELECT seq, at FROM event_batches ORDER BY seq LIMIT ?')
			.all(work.left);
		const kept = first.findIndex(([, at]) => at >= work.now - keep.events);
		const last = first[(kept === -1 ? first.length : kept) - 1];
		if (last !== undefined) work.left -= remove(db, 'event_batches WHERE seq <= ?', last[0]);
	}

	/** Schedules that were deleted or are completed, once their runs and their ledger are gone. */
	function pruneSchedules(work: Work, keep: Retention): void {
		pruneSchedulesIn('deleted', work, keep);
		if (work.left > 0) pruneSchedulesIn('completed', work, keep);
	}

	function pruneSchedulesIn(state: 'deleted' | 'completed', work: Work, keep: Retention): void {
		const gone = db
			.rows<[id: string, tenant: string, specId: string]>(
				`SELECT id, tenant, specId FROM schedules s INDEXED BY schedules_${state}
				WHERE state = '${state}' AND updatedAt < ?
					AND NOT EXISTS (SELECT 1 FROM occurrences o WHERE o.scheduleId = s.id)
					AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.scheduleId = s.id)
				LIMIT ?`,
			)
			.all(work.now - Math.min(keep.runs, keep.ledger), work.left);
		for (const [id, tenant, specId] of gone) {
			remove(db, 'schedule_labels WHERE tenant = ? AND scheduleId = ?', tenant, id);
			remove(db, 'schedule_destinations WHERE tenant = ? AND scheduleId = ?', tenant, id);
			remove(db, 'schedule_calendars WHERE scheduleId = ?', id);
			remove(db, 'targets WHERE scheduleId = ?', id);
			work.left -= remove(db, 'backfills WHERE scheduleId = ?', id);
			work.left -= remove(db, 'schedules WHERE id = ?', id);
			work.tx.tally('schedule', tenant, state, null);
			deleteSpec(work, specId, id);
		}
	}

	function pruneShared(work: Work): void {
		work.left -= remove(
			db,
			`shared_states WHERE (tenant, key) IN (
				SELECT tenant, key FROM shared_states WHERE keepUntil <= ? LIMIT ?)`,
			work.now,
			work.left,
		);
	}

	function pruneIdempotency(work: Work): void {
		work.left -= remove(
			db,
			`idempotency WHERE (tenant, key) IN (
				SELECT tenant, key FROM idempotency WHERE expiresAt <= ? LIMIT ?)`,
			work.now,
			work.left,
		);
	}
}

type OldRun = [
	seq: number,
	id: string,
	tenant: string,
	state: string,
	scheduleId: string | null,
	specId: string,
	resultId: string | null,
];

function remove(db: Database, from: string, ...values: (string | number)[]): number {
	return Number(db.sql(`DELETE FROM ${from}`).run(...values).changes);
}

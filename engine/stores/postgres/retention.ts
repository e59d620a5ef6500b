import type { Instant } from '../../contract/time.ts';
import { idBound } from '../shared/id-bound.ts';
import type { Retention, Store } from '../store.port.ts';
import type { BlobTable } from './blobs.ts';
import type { Context } from './context.ts';
import { setMark } from './marks.ts';
import type { createSpecs } from './specs.ts';
import type { Transaction } from './transaction.ts';

/** What one call of `prune` may still delete, and what it has. */
interface Work {
	tx: Transaction;
	now: Instant;
	left: number;
	/** Blobs that a record less refers to. */
	blobs: Set<string>;
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

/**
 * In batches, and what another engine is pruning or changing just now is left for the next: engines prune at the
 * same time without waiting for each other.
 */
export function createRetention(
	context: Context,
	parts: { specs: Pick<ReturnType<typeof createSpecs>, 'remove'>; blobs: Pick<BlobTable, 'sweep'> },
): Pick<Store, 'prune'> {
	const { write } = context;
	const { specs, blobs } = parts;
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
			const done = await write(async (tx) => {
				const work: Work = { tx, now, left: limit, blobs: new Set() };
				for (const step of steps) if (work.left > 0) await step(work, keep);
				await tx.flush();
				return { deleted: limit - work.left, blobs: work.blobs };
			});
			await blobs.sweep([...done.blobs], limit);
			return done.deleted;
		},
	};

	async function pruneResults(work: Work, keep: Retention): Promise<void> {
		const old = await work.tx.rows<[string]>(
			'SELECT id FROM results WHERE id < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED',
			[idBound('res', work.now - keep.results), work.left],
		);
		await deleteResults(
			work,
			old.map(([id]) => id),
		);
	}

	async function deleteResults(work: Work, ids: readonly string[]): Promise<void> {
		if (ids.length === 0) return;
		const { tx } = work;
		const gone = [
			...(await tx.rows<[string]>(
				'DELETE FROM artifacts WHERE resultId = ANY($1::text[]) RETURNING sha256',
				[ids],
			)),
			...(await tx.rows<[string]>(
				'DELETE FROM results WHERE id = ANY($1::text[]) RETURNING sha256',
				[ids],
			)),
		];
		for (const [sha256] of gone) work.blobs.add(sha256);
		work.left -= gone.length;
	}

	async function pruneRuns(work: Work, keep: Retention): Promise<void> {
		const until = work.now - keep.runs;
		const old = await work.tx.rows<OldRun>(
			`SELECT seq, id, tenant, state, scheduleId, specId, resultId FROM runs
			WHERE id < $1 AND endedAt < $2 AND state IN ('succeeded', 'failed', 'cancelled', 'expired')
				AND NOT EXISTS (SELECT 1 FROM deliveries d
					WHERE d.runId = runs.id AND d.state IN ('pending', 'sending', 'failed'))
				AND NOT EXISTS (SELECT 1 FROM notifications n
					WHERE n.runId = runs.id AND n.state IN ('pending', 'sending', 'failed'))
			ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED`,
			[idBound('run', until), until, work.left],
		);
		if (old.length === 0) return;
		await setMark(work.tx, 'runsPrunedUntil', until);
		await deleteRuns(work, old);
	}

	async function deleteRuns(work: Work, runs: readonly OldRun[]): Promise<void> {
		const { tx } = work;
		const ids = runs.map(([, id]) => id);
		const deliveries = await tx.rows<
			[id: string, tenant: string, state: string, sha256: string | null]
		>(
			`DELETE FROM deliveries WHERE runId = ANY($1::text[])
			RETURNING id, tenant, state, artifactSha256`,
			[ids],
		);
		for (const [id, tenant, state, sha256] of deliveries) {
			tx.removeTimers(id, 'delivery.due');
			tx.tally('delivery', tenant, state, null);
			if (sha256 !== null) work.blobs.add(sha256);
		}
		const notifications = await tx.rows<[string]>(
			'DELETE FROM notifications WHERE runId = ANY($1::text[]) RETURNING id',
			[ids],
		);
		for (const [id] of notifications) tx.removeTimers(id, 'notification.due');
		work.left -= deliveries.length + notifications.length;
		work.left -= await removeOf(
			tx,
			'delivery_attempts WHERE deliveryId',
			deliveries.map(([id]) => id),
		);
		work.left -= await removeOf(tx, 'links WHERE runId', ids);
		work.left -= await removeOf(tx, 'run_attempts WHERE runId', ids);
		await deleteResults(
			work,
			runs.flatMap(([, , , , , , resultId]) => resultId ?? []),
		);
		work.left -= await removeOf(tx, 'runs WHERE id', ids);
		for (const [, , tenant, state] of runs) tx.tally('run', tenant, state, null);
		await deleteSpecs(
			work,
			runs.map(([, , , , scheduleId, specId]) => ({ specId, scheduleId })),
		);
	}

	/** Those that nothing uses any more. The lock keeps out who is about to use one. */
	async function deleteSpecs(
		work: Work,
		used: readonly { specId: string; scheduleId: string | null }[],
	): Promise<void> {
		const { tx } = work;
		const bySpec = new Map(used.map((one) => [one.specId, one.scheduleId]));
		const locked = await tx.rows<[string]>(
			'SELECT id FROM specs WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE SKIP LOCKED',
			[[...bySpec.keys()]],
		);
		const free = await tx.rows<[string]>(
			`SELECT u.id FROM unnest($1::text[], $2::text[]) AS u (id, scheduleId)
			WHERE NOT EXISTS (SELECT 1 FROM schedules WHERE specId = u.id)
				AND NOT EXISTS (SELECT 1 FROM runs WHERE scheduleId IS NULL AND specId = u.id)
				AND NOT EXISTS (SELECT 1 FROM runs WHERE scheduleId = u.scheduleId AND specId = u.id)`,
			[locked.map(([id]) => id), locked.map(([id]) => bySpec.get(id) ?? null)],
		);
		for (const [id] of free) work.left -= await specs.remove(tx, id);
	}

	async function pruneBackfills(work: Work, keep: Retention): Promise<void> {
		work.left -= await work.tx.run(oldest('backfills', 'endedAt < $1', 'endedAt'), [
			work.now - keep.runs,
			work.left,
		]);
	}

	async function pruneLedger(work: Work, keep: Retention): Promise<void> {
		const until = work.now - keep.ledger;
		const changes = await work.tx.run(oldest('occurrences', 'decidedAt < $1', 'decidedAt'), [
			until,
			work.left,
		]);
		if (changes > 0) await setMark(work.tx, 'ledgerPrunedUntil', until);
		work.left -= changes;
	}

	/** From the oldest on, up to the first that is to be kept. */
	async function pruneEvents(work: Work, keep: Retention): Promise<void> {
		const first = await work.tx.rows<[position: number, at: Instant]>(
			'SELECT position, at FROM event_batches ORDER BY position LIMIT $1',
			[work.left],
		);
		const kept = first.findIndex(([, at]) => at >= work.now - keep.events);
		const last = first[(kept === -1 ? first.length : kept) - 1];
		if (last === undefined) return;
		work.left -= await work.tx.run('DELETE FROM event_batches WHERE position <= $1', [last[0]]);
	}

	/** Schedules that were deleted or are completed, once their runs and their ledger are gone. */
	async function pruneSchedules(work: Work, keep: Retention): Promise<void> {
		const { tx } = work;
		const gone = await tx.rows<[id: string, tenant: string, state: string, specId: string]>(
			`SELECT id, tenant, state, specId FROM schedules s
			WHERE (state = 'deleted' OR state = 'completed') AND updatedAt < $1
				AND NOT EXISTS (SELECT 1 FROM occurrences o WHERE o.scheduleId = s.id)
				AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.scheduleId = s.id)
			ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED`,
			[work.now - Math.min(keep.runs, keep.ledger), work.left],
		);
		if (gone.length === 0) return;
		const ids = gone.map(([id]) => id);
		for (const table of [
			'schedule_labels',
			'schedule_destinations',
			'schedule_calendars',
			'targets',
		]) {
			await removeOf(tx, `${table} WHERE scheduleId`, ids);
		}
		work.left -= await removeOf(tx, 'backfills WHERE scheduleId', ids);
		work.left -= await removeOf(tx, 'schedules WHERE id', ids);
		for (const [id, tenant, state] of gone) {
			tx.removeTimers(id, 'schedule.due');
			tx.tally('schedule', tenant, state, null);
		}
		await deleteSpecs(
			work,
			gone.map(([id, , , specId]) => ({ specId, scheduleId: id })),
		);
	}

	async function pruneShared(work: Work): Promise<void> {
		work.left -= await work.tx.run(oldest('shared_states', 'keepUntil <= $1', 'keepUntil'), [
			work.now,
			work.left,
		]);
	}

	async function pruneIdempotency(work: Work): Promise<void> {
		work.left -= await work.tx.run(oldest('idempotency', 'expiresAt <= $1', 'expiresAt'), [
			work.now,
			work.left,
		]);
	}
}

/** Deletes up to $2 rows, found by an index and then by where they lie, which the lock keeps as it is. */
function oldest(table: string, where: string, order: string): string {
	return `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
		SELECT ctid FROM ${table} WHERE ${where} ORDER BY ${order} LIMIT $2 FOR UPDATE SKIP LOCKED))`;
}

/** `from` is ours: a table and a column. */
async function removeOf(tx: Transaction, from: string, keys: readonly string[]): Promise<number> {
	return keys.length === 0 ? 0 : tx.run(`DELETE FROM ${from} = ANY($1::text[])`, [keys]);
}

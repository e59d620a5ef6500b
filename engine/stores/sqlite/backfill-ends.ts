import type { Backfill, RunCounts } from '../../contract/backfill.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { RunState } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import { backfillRows } from './rows.ts';

/** What settling a run and deleting a schedule mean for backfills; inside a write. */
export interface BackfillEnds {
	/** A run of it has ended: the last one ends the backfill, in the same commit and so once. */
	runEnded(tx: Transaction, id: string, at: Instant): void;
	/** Its schedule is deleted. */
	scheduleDeleted(tx: Transaction, scheduleId: string, at: Instant): void;
}

const OPEN = `state IN ('queued', 'running', 'waiting', 'retrying')`;

export function createBackfillEnds({ db }: Pick<Context, 'db'>): BackfillEnds {
	function runEnded(tx: Transaction, id: string, at: Instant): void {
		const open = db
			.rows(`SELECT 1 FROM runs INDEXED BY runs_backfill WHERE backfillId = ? AND ${OPEN} LIMIT 1`)
			.get(id);
		if (open !== undefined) return;
		const row = db
			.rows(
				`UPDATE backfills SET counts = ?, endedAt = ?,
					state = CASE state WHEN 'running' THEN 'completed' ELSE 'cancelled' END
				WHERE id = ? AND state IN ('running', 'cancelling') RETURNING ${backfillRows.columns}`,
			)
			.get(JSON.stringify(countsOf(db, id)), at, id);
		if (row !== undefined) tx.events([endEvent(backfillRows.fromRow(row), at)]);
	}

	return {
		runEnded,
		scheduleDeleted(tx, scheduleId, at) {
			const ids = db
				.rows<[string]>(
					`UPDATE backfills SET state = 'cancelling' WHERE scheduleId = ? AND state = 'running'
					RETURNING id`,
				)
				.all(scheduleId);
			for (const [id] of ids) runEnded(tx, id, at);
		},
	};
}

export function countsOf(db: Context['db'], id: string): RunCounts {
	const rows = db
		.rows<[state: RunState, count: number]>(
			`SELECT state, count(*) FROM runs INDEXED BY runs_backfill WHERE backfillId = ?
			GROUP BY state`,
		)
		.all(id);
	return Object.fromEntries(rows);
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

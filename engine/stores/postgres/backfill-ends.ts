import type { Backfill, RunCounts } from '../../contract/backfill.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { RunState } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import type { Queryable } from './database.ts';
import { backfillRows } from './rows.ts';
import type { Transaction } from './transaction.ts';

/** What settling a run and deleting a schedule mean for backfills; inside a write. */
export interface BackfillEnds {
	/** Runs of them have ended: the last one ends the backfill, in the same commit and so once. */
	runsEnded(tx: Transaction, ended: ReadonlyMap<string, Instant>): Promise<void>;
	/** Its schedule is deleted. */
	scheduleDeleted(tx: Transaction, scheduleId: string, at: Instant): Promise<void>;
}

const OPEN = `r.state IN ('queued', 'running', 'waiting', 'retrying')`;

export function createBackfillEnds(): BackfillEnds {
	async function runsEnded(tx: Transaction, ended: ReadonlyMap<string, Instant>): Promise<void> {
		if (ended.size === 0) return;
		await tx.flush();
		const ids = [...ended.keys()].sort();
		// First the lock, then the look: two engines that end the last two runs at once do it one after the other,
		// and the second sees what the first has written.
		await tx.run('SELECT 1 FROM backfills WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE', [
			ids,
		]);
		const over = await tx.rows<[string]>(
			`SELECT id FROM unnest($1::text[]) AS b (id) WHERE NOT EXISTS
				(SELECT 1 FROM runs r WHERE r.backfillId = b.id AND ${OPEN})`,
			[ids],
		);
		for (const [id] of over) await end(tx, id, ended.get(id) ?? 0);
	}

	async function end(tx: Transaction, id: string, at: Instant): Promise<void> {
		const row = await tx.get(
			`UPDATE backfills SET counts = $1, endedAt = $2,
				state = CASE state WHEN 'running' THEN 'completed' ELSE 'cancelled' END
			WHERE id = $3 AND state IN ('running', 'cancelling') RETURNING ${backfillRows.columns}`,
			[JSON.stringify(await countsOf(tx, id)), at, id],
		);
		if (row !== undefined) tx.events([endEvent(backfillRows.fromRow(row), at)]);
	}

	return {
		runsEnded,
		async scheduleDeleted(tx, scheduleId, at) {
			const ids = await tx.rows<[string]>(
				`UPDATE backfills SET state = 'cancelling' WHERE scheduleId = $1 AND state = 'running'
				RETURNING id`,
				[scheduleId],
			);
			await runsEnded(tx, new Map(ids.map(([id]) => [id, at])));
		},
	};
}

export async function countsOf(on: Queryable, id: string): Promise<RunCounts> {
	const rows = await on.rows<[state: RunState, count: number]>(
		'SELECT state, count(*) FROM runs WHERE backfillId = $1 GROUP BY state',
		[id],
	);
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

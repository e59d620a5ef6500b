import type { Backfill } from '../../contract/backfill.ts';
import type { Instant } from '../../contract/time.ts';
import type { Store } from '../store.port.ts';
import type { BackfillEnds } from './backfill-ends.ts';
import { countsOf } from './backfill-ends.ts';
import type { Context } from './context.ts';
import { once } from './once.ts';
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

export function createBackfills(
	context: Context,
	parts: {
		specs: ReturnType<typeof createSpecs>;
		runs: Pick<ReturnType<typeof createRuns>, 'insertRun'>;
		ends: BackfillEnds;
	},
): Backfills {
	const { db, write } = context;
	const { specs, runs, ends } = parts;
	const select = `SELECT ${backfillRows.columns} FROM backfills`;

	function find(tenant: string, id: string): Backfill | null {
		const row = db.rows(`${select} WHERE id = ? AND tenant = ?`).get(id, tenant);
		return row === undefined ? null : withCounts(backfillRows.fromRow(row));
	}

	function withCounts(backfill: Backfill): Backfill {
		return backfill.counts === null ? { ...backfill, counts: countsOf(db, backfill.id) } : backfill;
	}

	return {
		createBackfill: ({ backfill, spec, runs: made, events }, record) =>
			write((tx) => {
				const schedule = db
					.rows(`SELECT 1 FROM schedules WHERE id = ? AND tenant = ? AND state <> 'deleted'`)
					.get(backfill.scheduleId, backfill.tenant);
				if (schedule === undefined) return 'not_found';
				return once(context, record, () => {
					if (spec !== null) specs.insert(spec);
					db.sql(backfillRows.insert).run(...backfillRows.toRow(backfill));
					for (const run of made) runs.insertRun(tx, run);
					tx.events(events);
					// One of nothing is over at once.
					if (made.length === 0) ends.runEnded(tx, backfill.id, backfill.createdAt);
					return find(backfill.tenant, backfill.id) ?? backfill;
				});
			}),

		async getBackfill(tenant, id) {
			return find(tenant, id);
		},

		async listBackfills(tenant, scheduleId, page) {
			const before = decodeCursor(page.cursor, 'string');
			const items = db
				.rows(
					`${select} WHERE scheduleId = ? AND tenant = ? AND (?3 IS NULL OR id < ?3)
					ORDER BY id DESC LIMIT ?4`,
				)
				.all(scheduleId, tenant, before, readLimit(page))
				.map((row) => withCounts(backfillRows.fromRow(row)));
			return pageOf(items, page.limit, ({ id }) => id);
		},

		cancelBackfill: ({ tenant, id, at }) =>
			write((tx) => {
				db.sql(
					`UPDATE backfills SET state = 'cancelling' WHERE id = ? AND tenant = ? AND state = 'running'`,
				).run(id, tenant);
				ends.runEnded(tx, id, at);
				return find(tenant, id);
			}),

		async cancellingBackfills(limit) {
			return db
				.rows(`${select} INDEXED BY backfills_cancelling WHERE state = 'cancelling' LIMIT ?`)
				.all(limit)
				.map(backfillRows.fromRow);
		},

		async openRunsOfBackfill(tenant, id, { states, limit }) {
			return db
				.rows(
					`SELECT ${runRows.columns} FROM runs INDEXED BY runs_backfill
					WHERE backfillId = ? AND tenant = ? AND state IN (SELECT value FROM json_each(?))
					ORDER BY seq DESC LIMIT ?`,
				)
				.all(id, tenant, JSON.stringify(states), limit)
				.map(runRows.fromRow);
		},

		async instantsThatRan(tenant, scheduleId, { from, to }) {
			const fired = db
				.rows<[Instant]>(
					`SELECT nominalAt FROM occurrences WHERE scheduleId = ?1 AND tenant = ?2 AND outcome = 'fired'
						AND movedFrom IS NULL AND nominalAt BETWEEN ?3 AND ?4
					UNION SELECT movedFrom FROM occurrences INDEXED BY occurrences_moved
					WHERE scheduleId = ?1 AND tenant = ?2 AND outcome = 'fired' AND movedFrom BETWEEN ?3 AND ?4
					UNION SELECT nominalAt FROM runs INDEXED BY runs_backfilled
					WHERE scheduleId = ?1 AND tenant = ?2 AND backfillId IS NOT NULL
						AND nominalAt BETWEEN ?3 AND ?4 AND state NOT IN ('failed', 'cancelled', 'expired')`,
				)
				.all(scheduleId, tenant, from, to);
			return new Set(fired.map(([at]) => at));
		},
	};
}

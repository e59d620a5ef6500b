import type { Backfill } from '../../contract/backfill.ts';
import type { Instant } from '../../contract/time.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import type { Store } from '../store.port.ts';
import type { BackfillEnds } from './backfill-ends.ts';
import { countsOf } from './backfill-ends.ts';
import type { Context } from './context.ts';
import type { Queryable } from './database.ts';
import { INTO } from './inserts.ts';
import { once } from './once.ts';
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

const SELECT = `SELECT ${backfillRows.columns} FROM backfills`;

export function createBackfills(
	context: Context,
	parts: {
		specs: ReturnType<typeof createSpecs>;
		runs: Pick<ReturnType<typeof createRuns>, 'insertRuns'>;
		ends: BackfillEnds;
	},
): Backfills {
	const { db, write } = context;
	const { specs, runs, ends } = parts;

	async function find(on: Queryable, tenant: string, id: string): Promise<Backfill | null> {
		const row = await on.get(`${SELECT} WHERE id = $1 AND tenant = $2`, [id, tenant]);
		return row === undefined ? null : withCounts(on, backfillRows.fromRow(row));
	}

	async function withCounts(on: Queryable, backfill: Backfill): Promise<Backfill> {
		if (backfill.counts !== null) return backfill;
		return { ...backfill, counts: await countsOf(on, backfill.id) };
	}

	return {
		createBackfill: ({ backfill, spec, runs: made, events }, record) =>
			write(async (tx) => {
				// Shared, so that the schedule is not deleted before this commit, nor its backfills cancelled without it.
				const schedule = await tx.get(
					`SELECT 1 FROM schedules WHERE id = $1 AND tenant = $2 AND state <> 'deleted' FOR SHARE`,
					[backfill.scheduleId, backfill.tenant],
				);
				if (schedule === undefined) return 'not_found';
				return once(context, tx, record, async () => {
					if (spec !== null) specs.insert(tx, [spec]);
					tx.insert(INTO.backfills, backfill);
					await runs.insertRuns(tx, made);
					tx.events(events);
					await tx.flush();
					// One of nothing is over at once.
					if (made.length === 0) {
						await ends.runsEnded(tx, new Map([[backfill.id, backfill.createdAt]]));
					}
					return (await find(tx, backfill.tenant, backfill.id)) ?? backfill;
				});
			}),

		getBackfill: (tenant, id) => find(db, tenant, id),

		async listBackfills(tenant, scheduleId, page) {
			const before = decodeCursor(page.cursor, 'string');
			const rows = await db.rows(
				`${SELECT} WHERE scheduleId = $1 AND tenant = $2 AND ($3::text IS NULL OR id < $3)
				ORDER BY id DESC LIMIT $4`,
				[scheduleId, tenant, before, readLimit(page)],
			);
			const items = await Promise.all(
				rows.map(async (row) => withCounts(db, backfillRows.fromRow(row))),
			);
			return pageOf(items, page.limit, ({ id }) => id);
		},

		cancelBackfill: ({ tenant, id, at }) =>
			write(async (tx) => {
				const cancelled = await tx.run(
					`UPDATE backfills SET state = 'cancelling'
					WHERE id = $1 AND tenant = $2 AND state IN ('running', 'cancelling')`,
					[id, tenant],
				);
				if (cancelled === 1) await ends.runsEnded(tx, new Map([[id, at]]));
				return find(tx, tenant, id);
			}),

		async cancellingBackfills(limit) {
			const rows = await db.rows(`${SELECT} WHERE state = 'cancelling' ORDER BY id LIMIT $1`, [
				limit,
			]);
			return rows.map(backfillRows.fromRow);
		},

		async openRunsOfBackfill(tenant, id, { states, limit }) {
			const rows = await db.rows(
				`SELECT ${runRows.columns} FROM runs
				WHERE backfillId = $1 AND tenant = $2 AND state = ANY($3::text[])
				ORDER BY seq DESC LIMIT $4`,
				[id, tenant, states, limit],
			);
			return rows.map(runRows.fromRow);
		},

		async instantsThatRan(tenant, scheduleId, { from, to }) {
			const fired = await db.rows<[Instant]>(
				`SELECT nominalAt FROM occurrences WHERE scheduleId = $1 AND tenant = $2
					AND outcome = 'fired' AND movedFrom IS NULL AND nominalAt BETWEEN $3 AND $4
				UNION SELECT movedFrom FROM occurrences WHERE scheduleId = $1 AND tenant = $2
					AND outcome = 'fired' AND movedFrom BETWEEN $3 AND $4
				UNION SELECT nominalAt FROM runs WHERE scheduleId = $1 AND tenant = $2
					AND backfillId IS NOT NULL AND nominalAt BETWEEN $3 AND $4
					AND state NOT IN ('failed', 'cancelled', 'expired')`,
				[scheduleId, tenant, from, to],
			);
			return new Set(fired.map(([at]) => at));
		},
	};
}

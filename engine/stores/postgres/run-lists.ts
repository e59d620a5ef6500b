import type { Run } from '../../contract/run.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import type { Page, PageRequest, RunFilter } from '../store.port.ts';
import { createConditions } from './conditions.ts';
import type { Queryable } from './database.ts';
import { runRows } from './rows.ts';
import type { RunState } from '../../contract/run.ts';

/** The condition of the partial index of a state, written out so that it is used; `succeeded` has none. */
const BY_STATE: Record<RunState, string> = {
	queued: `state = 'queued' AND lookAt IS NOT NULL`,
	running: `state = 'running' AND lookAt IS NOT NULL`,
	waiting: `state = 'waiting' AND lookAt IS NOT NULL`,
	retrying: `state = 'retrying' AND lookAt IS NOT NULL`,
	succeeded: `state = 'succeeded'`,
	failed: `state = 'failed' AND lookAt IS NULL AND state <> 'succeeded'`,
	cancelled: `state = 'cancelled' AND lookAt IS NULL AND state <> 'succeeded'`,
	expired: `state = 'expired' AND lookAt IS NULL AND state <> 'succeeded'`,
};

/** Newest first. */
export async function listRuns(
	db: Queryable,
	tenant: string,
	filter: RunFilter,
	page: PageRequest,
): Promise<Page<Run>> {
	const { state, scheduleId, backfillId, capability } = filter;
	const where = createConditions();
	where.add('tenant = ?', tenant);
	if (state !== undefined && Object.hasOwn(BY_STATE, state)) where.add(BY_STATE[state]);
	if (scheduleId !== undefined) where.add('scheduleId = ?', scheduleId);
	if (backfillId !== undefined) where.add('backfillId = ?', backfillId);
	if (capability !== undefined) where.add('capability = ?', capability);
	const before = decodeCursor(page.cursor, 'string');
	if (before !== null) where.add('id < ?', before);
	const rows = await db.rows(
		`SELECT ${runRows.columns} FROM runs WHERE ${where.sql}
		ORDER BY id DESC LIMIT ${where.bind(readLimit(page))}`,
		where.values,
	);
	return pageOf(rows.map(runRows.fromRow), page.limit, ({ id }) => id);
}

import type { Run, RunState } from '../../contract/run.ts';
import type { Page, PageRequest, RunFilter } from '../store.port.ts';
import type { Database } from './database.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { runRows } from './rows.ts';

const FAILED = `lookAt IS NULL AND state <> 'succeeded'`;
const UNFINISHED = 'lookAt IS NOT NULL';
const WATCHED = `${UNFINISHED} AND state <> 'queued'`;

/** The index to go by, and the condition that SQLite wants to see before it uses a partial one. */
interface Way {
	index: string;
	/** Given, since it is partial. */
	where?: string;
}

/** States have an index each, but for `succeeded`, which most runs are. */
const BY_STATE: Record<RunState, Way | null> = {
	queued: { index: 'runs_queued' },
	running: { index: 'runs_watched', where: WATCHED },
	waiting: { index: 'runs_watched', where: WATCHED },
	retrying: { index: 'runs_watched', where: WATCHED },
	succeeded: null,
	failed: { index: 'runs_failed', where: FAILED },
	cancelled: { index: 'runs_failed', where: FAILED },
	expired: { index: 'runs_failed', where: FAILED },
};
const ACTIVE: ReadonlySet<RunState> = new Set(['queued', 'running', 'waiting', 'retrying']);

function wayOf({ state, scheduleId, capability, backfillId }: RunFilter): Way {
	if (backfillId !== undefined) {
		return { index: 'runs_backfill', where: 'backfillId IS NOT NULL' };
	}
	if (state !== undefined && scheduleId !== undefined && ACTIVE.has(state)) {
		return { index: 'runs_unfinished', where: UNFINISHED };
	}
	const byState = state === undefined ? null : BY_STATE[state];
	if (byState !== null) return byState;
	if (scheduleId !== undefined) return { index: 'runs_schedule', where: 'scheduleId IS NOT NULL' };
	return { index: capability === undefined ? 'runs_tenant' : 'runs_capability' };
}

/** Newest first. */
export function listRuns(
	db: Database,
	tenant: string,
	filter: RunFilter,
	page: PageRequest,
): Page<Run> {
	const { index, where } = wayOf(filter);
	const terms = ['tenant = ?'];
	const values: (string | number)[] = [tenant];
	const add = (term: string, value: string): void => {
		terms.push(term);
		values.push(value);
	};
	// A literal, because a partial index is not used for a parameter; the record's keys are all there is.
	if (filter.state !== undefined && Object.hasOwn(BY_STATE, filter.state)) {
		terms.push(`state = '${filter.state}'`);
	}
	if (where !== undefined) terms.push(where);
	if (filter.scheduleId !== undefined) add('scheduleId = ?', filter.scheduleId);
	if (filter.backfillId !== undefined) add('backfillId = ?', filter.backfillId);
	if (filter.capability !== undefined) add('capability = ?', filter.capability);
	const before = decodeCursor(page.cursor, 'string');
	if (before !== null) add('id < ?', before);
	const items = db
		.rows(
			`SELECT ${runRows.columns} FROM runs INDEXED BY ${index} WHERE ${terms.join(' AND ')}
			ORDER BY id DESC LIMIT ?`,
		)
		.all(...values, readLimit(page))
		.map(runRows.fromRow);
	return pageOf(items, page.limit, ({ id }) => id);
}

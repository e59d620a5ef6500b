import type { Run } from '../../contract/run.ts';
import type { Page, PageRequest, RunFilter } from '../store.port.ts';
import type { Database } from './database.ts';
import type { Fields } from './documents.ts';
import { is } from './documents.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { runRows } from './rows.ts';

/** Newest first. What a reader is shown is what a majority has. */
export async function listRuns(
	db: Database,
	{ tenant, filter, page }: { tenant: string; filter: RunFilter; page: PageRequest },
): Promise<Page<Run>> {
	const { state, scheduleId, capability, backfillId } = filter;
	const terms: Fields = { tenant: is(tenant) };
	if (state !== undefined) terms['state'] = is(state);
	if (scheduleId !== undefined) terms['scheduleId'] = is(scheduleId);
	if (backfillId !== undefined) terms['backfillId'] = is(backfillId);
	if (capability !== undefined) terms['capability'] = is(capability);
	const before = decodeCursor(page.cursor, 'string');
	if (before !== null) terms['_id'] = { $lt: before };
	const docs = await db.run(async () =>
		db
			.of('runs')
			.find(terms, { readConcern: { level: 'majority' } })
			.sort({ _id: -1 })
			.limit(readLimit(page))
			.toArray(),
	);
	return pageOf(docs.map(runRows.fromDoc), page.limit, ({ id }) => id);
}

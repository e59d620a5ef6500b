import type { Schedule } from '../../contract/schedule.ts';
import type { Page, PageRequest, ScheduleFilter } from '../store.port.ts';
import type { Database } from './database.ts';
import type { Fields } from './documents.ts';
import { is } from './documents.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { scheduleRows } from './rows.ts';
import { tagOf } from './schedule-doc.ts';

/** Newest first; never those that are deleted. */
export async function listSchedules(
	db: Database,
	{ tenant, filter, page }: { tenant: string; filter: ScheduleFilter; page: PageRequest },
): Promise<Page<Schedule>> {
	const { state, capability, name, label } = filter;
	const terms: Fields[] = [{ tenant: is(tenant), state: { $ne: 'deleted' } }];
	if (state !== undefined) terms.push({ state: is(state) });
	if (capability !== undefined) terms.push({ capability: is(capability) });
	if (name !== undefined) terms.push({ name: is(name) });
	if (label !== undefined) terms.push({ tags: is(tagOf(label.key, label.value)) });
	const before = decodeCursor(page.cursor, 'string');
	if (before !== null) terms.push({ _id: { $lt: before } });
	const docs = await db.run(async () =>
		db
			.of('schedules')
			.find({ $and: terms }, { readConcern: { level: 'majority' } })
			.sort({ _id: -1 })
			.limit(readLimit(page))
			.toArray(),
	);
	return pageOf(docs.map(scheduleRows.fromDoc), page.limit, ({ id }) => id);
}

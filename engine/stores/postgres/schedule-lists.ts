import type { Schedule } from '../../contract/schedule.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import type { Page, PageRequest, ScheduleFilter } from '../store.port.ts';
import { createConditions } from './conditions.ts';
import type { Queryable } from './database.ts';
import { scheduleRows } from './rows.ts';

/** Newest first; never those that are deleted. */
export async function listSchedules(
	db: Queryable,
	tenant: string,
	filter: ScheduleFilter,
	page: PageRequest,
): Promise<Page<Schedule>> {
	const { state, capability, name, label } = filter;
	const where = createConditions();
	where.add(`s.tenant = ? AND s.state <> 'deleted'`, tenant);
	if (state !== undefined) where.add('s.state = ?', state);
	if (capability !== undefined) where.add('s.capability = ?', capability);
	if (name !== undefined) where.add('s.name = ?', name);
	if (label !== undefined) {
		where.add('l.tenant = ? AND l.key = ? AND l.value = ?', tenant, label.key, label.value);
	}
	const before = decodeCursor(page.cursor, 'string');
	if (before !== null) where.add(`${label === undefined ? 's.id' : 'l.scheduleId'} < ?`, before);
	const from =
		label === undefined
			? 'schedules s'
			: 'schedule_labels l JOIN schedules s ON s.id = l.scheduleId';
	const rows = await db.rows(
		`SELECT ${scheduleRows.columnsOf('s')} FROM ${from} WHERE ${where.sql}
		ORDER BY ${label === undefined ? 's.id' : 'l.scheduleId'} DESC LIMIT ${where.bind(readLimit(page))}`,
		where.values,
	);
	return pageOf(rows.map(scheduleRows.fromRow), page.limit, ({ id }) => id);
}

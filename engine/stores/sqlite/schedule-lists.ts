import type { Schedule } from '../../contract/schedule.ts';
import type { Page, PageRequest, ScheduleFilter } from '../store.port.ts';
import type { Database } from './database.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { scheduleRows } from './rows.ts';

function indexOf({ state, name, capability }: ScheduleFilter): string {
	if (name !== undefined) return 'schedules_name';
	if (capability !== undefined) {
		return state === undefined ? 'schedules_capability' : 'schedules_capability_state';
	}
	return state === undefined ? 'schedules_tenant' : 'schedules_state';
}

/** Newest first; never those that are deleted. */
export function listSchedules(
	db: Database,
	tenant: string,
	filter: ScheduleFilter,
	page: PageRequest,
): Page<Schedule> {
	const { state, capability, name, label } = filter;
	const terms = ['s.tenant = ?', `s.state <> 'deleted'`];
	const values: (string | number)[] = [tenant];
	const add = (term: string, ...more: string[]): void => {
		terms.push(term);
		values.push(...more);
	};
	if (state !== undefined) add('s.state = ?', state);
	if (capability !== undefined) add('s.capability = ?', capability);
	if (name !== undefined) add('s.name IS NOT NULL AND s.name = ?', name);
	if (label !== undefined)
		add('l.tenant = ? AND l.key = ? AND l.value = ?', tenant, label.key, label.value);
	const before = decodeCursor(page.cursor, 'string');
	if (before !== null) add('s.id < ?', before);
	const from =
		label === undefined
			? `schedules s INDEXED BY ${indexOf(filter)}`
			: 'schedule_labels l CROSS JOIN schedules s ON s.id = l.scheduleId';
	const items = db
		.rows(
			`SELECT ${columns} FROM ${from} WHERE ${terms.join(' AND ')}
			ORDER BY ${label === undefined ? 's.id' : 'l.scheduleId'} DESC LIMIT ?`,
		)
		.all(...values, readLimit(page))
		.map(scheduleRows.fromRow);
	return pageOf(items, page.limit, ({ id }) => id);
}

const columns = scheduleRows.columns
	.split(', ')
	.map((column) => `s.${column}`)
	.join(', ');

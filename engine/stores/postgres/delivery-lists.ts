import type { DeliveryState } from '../../contract/delivery.ts';
import { DELIVERY_STATES } from '../../contract/delivery.ts';
import type { Delivery } from '../../contract/run.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import type { DeliveryFilter, Page, PageRequest } from '../store.port.ts';
import { createConditions } from './conditions.ts';
import type { Queryable } from './database.ts';
import { deliveryRows } from './rows.ts';

/** Newest first. */
export async function listDeliveries(
	db: Queryable,
	tenant: string,
	filter: DeliveryFilter,
	page: PageRequest,
): Promise<Page<Delivery>> {
	const { state, runId, scheduleId } = filter;
	const where = createConditions();
	where.add('tenant = ?', tenant);
	if (state !== undefined) where.add(inState(state));
	if (runId !== undefined) where.add('runId = ?', runId);
	if (scheduleId !== undefined) where.add('scheduleId = ?', scheduleId);
	const before = decodeCursor(page.cursor, 'string');
	if (before !== null) where.add('id < ?', before);
	const rows = await db.rows(
		`SELECT ${deliveryRows.columns} FROM deliveries WHERE ${where.sql}
		ORDER BY id DESC LIMIT ${where.bind(readLimit(page))}`,
		where.values,
	);
	return pageOf(rows.map(deliveryRows.fromRow), page.limit, ({ id }) => id);
}

/** A literal, with the condition of the partial index beside it; only a known state becomes part of a statement. */
function inState(state: DeliveryState): string {
	const known = DELIVERY_STATES.find((one) => one === state) ?? '';
	return known === 'delivered'
		? `state = 'delivered'`
		: `state = '${known}' AND state <> 'delivered'`;
}

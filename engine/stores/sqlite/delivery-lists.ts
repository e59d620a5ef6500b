import type { DeliveryState } from '../../contract/delivery.ts';
import { DELIVERY_STATES } from '../../contract/delivery.ts';
import type { Delivery } from '../../contract/run.ts';
import type { DeliveryFilter, Page, PageRequest } from '../store.port.ts';
import type { Database } from './database.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { deliveryRows } from './rows.ts';

/** Written as in the index: SQLite uses a partial one only where it sees its condition. */
const OTHERS = `state <> 'delivered'`;

function indexOf({ runId, state, scheduleId }: DeliveryFilter): string {
	if (runId !== undefined) return 'deliveries_target';
	if (state !== undefined && state !== 'delivered') return 'deliveries_state';
	return scheduleId === undefined ? 'deliveries_tenant' : 'deliveries_schedule';
}

/** Newest first. */
export function listDeliveries(
	db: Database,
	tenant: string,
	filter: DeliveryFilter,
	page: PageRequest,
): Page<Delivery> {
	const index = indexOf(filter);
	const terms = ['tenant = ?'];
	const values: (string | number)[] = [tenant];
	const add = (term: string, value: string): void => {
		terms.push(term);
		values.push(value);
	};
	if (index === 'deliveries_state') terms.push(OTHERS);
	if (filter.state !== undefined) terms.push(`state = '${literal(filter.state)}'`);
	if (filter.runId !== undefined) add('runId = ?', filter.runId);
	if (filter.scheduleId !== undefined) add('scheduleId = ?', filter.scheduleId);
	const before = decodeCursor(page.cursor, 'string');
	if (before !== null) add('id < ?', before);
	const items = db
		.rows(
			`SELECT ${deliveryRows.columns} FROM deliveries INDEXED BY ${index}
			WHERE ${terms.join(' AND ')} ORDER BY id DESC LIMIT ?`,
		)
		.all(...values, readLimit(page))
		.map(deliveryRows.fromRow);
	return pageOf(items, page.limit, ({ id }) => id);
}

/** Only a known state becomes a part of a statement. */
function literal(state: DeliveryState): string {
	return DELIVERY_STATES.find((known) => known === state) ?? '';
}

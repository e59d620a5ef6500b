import type { Delivery } from '../../contract/run.ts';
import type { DeliveryFilter, Page, PageRequest } from '../store.port.ts';
import type { Database } from './database.ts';
import type { Fields } from './documents.ts';
import { is } from './documents.ts';
import { decodeCursor, pageOf, readLimit } from '../shared/pages.ts';
import { deliveryRows } from './rows.ts';

/** Newest first. What a reader is shown is what a majority has. */
export async function listDeliveries(
	db: Database,
	{ tenant, filter, page }: { tenant: string; filter: DeliveryFilter; page: PageRequest },
): Promise<Page<Delivery>> {
	const terms: Fields = { tenant: is(tenant) };
	if (filter.state !== undefined) terms['state'] = is(filter.state);
	if (filter.runId !== undefined) terms['runId'] = is(filter.runId);
	if (filter.scheduleId !== undefined) terms['scheduleId'] = is(filter.scheduleId);
	const before = decodeCursor(page.cursor, 'string');
	if (before !== null) terms['id'] = { $lt: before };
	const docs = await db.run(async () =>
		db
			.of('deliveries')
			.find(terms, { readConcern: { level: 'majority' } })
			.sort({ id: -1 })
			.limit(readLimit(page))
			.toArray(),
	);
	return pageOf(docs.map(deliveryRows.fromDoc), page.limit, ({ id }) => id);
}

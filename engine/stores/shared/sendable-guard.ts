import type { DeliverySettlement, NotificationSettlement } from '../../contract/change.ts';
import type { Delivery } from '../../contract/run.ts';

type Guard = Pick<
	DeliverySettlement | NotificationSettlement,
	'tenant' | 'from' | 'epoch' | 'readLeaseUntil'
>;

/** Whether a delivery or notification is as the decision was made for. */
export function sendableHolds(
	row: Pick<Delivery, 'tenant' | 'state' | 'epoch' | 'leaseUntil'>,
	{ tenant, from, epoch, readLeaseUntil }: Guard,
): boolean {
	return (
		row.tenant === tenant &&
		(from as readonly string[]).includes(row.state) &&
		(epoch === null || epoch === row.epoch) &&
		(readLeaseUntil === undefined || readLeaseUntil === row.leaseUntil)
	);
}

import type { Parcel } from '../channel.port.ts';
import { contentDisposition } from './content-disposition.ts';

/** The headers that tell the receiver what it gets. Values are ASCII without control characters. */
export function parcelHeaders(parcel: Parcel): Record<string, string> {
	const about: [string, string | null][] = [
		['x-capscheduler-run', parcel.runId],
		['x-capscheduler-schedule', parcel.scheduleId],
		['x-capscheduler-capability', parcel.capability],
		['x-capscheduler-action', parcel.action],
		['x-capscheduler-nominal-at', parcel.nominalAt],
	];
	return {
		'content-type': parcel.contentType,
		'content-disposition': contentDisposition(parcel.filename),
		'idempotency-key': parcel.deliveryId,
		...Object.fromEntries(about.filter((entry): entry is [string, string] => entry[1] !== null)),
	};
}

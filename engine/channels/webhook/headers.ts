import type { Parcel } from '../channel.port.ts';

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

/** RFC 6266: a plain name for old readers, and the true one in UTF-8 where they differ. */
export function contentDisposition(filename: string): string {
	const name = filename.toWellFormed();
	const plain = name.replace(/[^\x20-\x7e]|["\\%]/gu, '_');
	if (plain === name) return `attachment; filename="${plain}"`;
	const encoded = encodeURIComponent(name).replace(
		/['()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
	return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

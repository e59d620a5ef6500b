import type { Parcel, ReportLink } from '../channel.port.ts';
import type { Row } from '../../contract/envelope.ts';
import { cellText } from '../shared/summary.ts';
import { fieldsOf, renderTemplate } from '../shared/template.ts';
import { isRowField } from './settings.ts';
import type { KafkaSettings } from './settings.ts';

export interface Message {
	key: string | null;
	value: Buffer;
	headers: Record<string, string>;
}

/** Headers of the engine: a consumer that saw `capscheduler-delivery` (with `capscheduler-row`) drops the repeat. */
function ownHeaders(parcel: Parcel): Record<string, string> {
	const about: [string, string | null][] = [
		['capscheduler-delivery', parcel.deliveryId],
		['capscheduler-run', parcel.runId],
		['capscheduler-schedule', parcel.scheduleId],
		['capscheduler-capability', parcel.capability],
		['capscheduler-action', parcel.action],
		['capscheduler-nominal-at', parcel.nominalAt],
		['capscheduler-sha256', parcel.sha256],
	];
	return Object.fromEntries(
		about.filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== ''),
	);
}

export function fileMessage(parcel: Parcel, settings: KafkaSettings, value: Buffer): Message {
	const { key = '{{deliveryId}}' } = settings;
	return {
		key: renderTemplate(key, parcel, { more: noRow }),
		value,
		headers: {
			...rendered(parcel, settings, noRow),
			...ownHeaders(parcel),
			'content-type': parcel.contentType,
			'capscheduler-filename': parcel.filename,
		},
	};
}

/** The claim check: where the file is, and how to know it. */
export function linkMessage(parcel: Parcel, settings: KafkaSettings, link: ReportLink): Message {
	const { filename, contentType, size, sha256 } = parcel;
	const file = { filename, contentType, size, sha256 };
	const value = Buffer.from(JSON.stringify({ type: 'capscheduler.link', ...link, file }));
	const message = fileMessage(parcel, settings, value);
	return { ...message, headers: { ...message.headers, 'content-type': 'application/json' } };
}

/** The row's own bytes as they stand in the file. */
export type RowMessages = (line: Buffer, number: number) => Message;

export function rowMessages(parcel: Parcel, settings: KafkaSettings): RowMessages {
	const { key } = settings;
	// as few as are of use: they come with every row
	const own = {
		'capscheduler-delivery': parcel.deliveryId,
		'capscheduler-run': parcel.runId,
		'content-type': 'application/json',
	};
	const templates = [key ?? '', ...Object.values(settings.headers)];
	const needsRow = templates.some((template) => fieldsOf(template)?.some(isRowField) ?? false);
	return (line, number) => {
		const row = needsRow ? (JSON.parse(line.toString()) as Row) : {};
		const more = (field: string): string | undefined =>
			isRowField(field) ? cellText(row, field.slice(4)) : undefined;
		return {
			key: key === undefined ? null : renderTemplate(key, parcel, { more }),
			value: line,
			headers: { ...rendered(parcel, settings, more), ...own, 'capscheduler-row': `${number}` },
		};
	};
}

const noRow = (field: string): string | undefined => (isRowField(field) ? '' : undefined);

function rendered(
	parcel: Parcel,
	{ headers }: KafkaSettings,
	more: (field: string) => string | undefined,
): Record<string, string> {
	return Object.fromEntries(
		Object.entries(headers).map(([name, template]) => [
			name,
			renderTemplate(template, parcel, { more }),
		]),
	);
}

import { CapError, inputError } from '../../contract/errors.ts';
import type { Parcel } from '../channel.port.ts';
import type { Deadline } from '../shared/deadline.ts';
import type { Body } from '../shared/http-send.ts';
import { linesOf } from '../shared/lines.ts';
import { readParcel, readWhole } from '../shared/source.ts';
import { fieldsOf, renderTemplate } from '../shared/template.ts';
import type { WebhookSettings } from './settings.ts';
import { isLinkField } from './settings.ts';

/** One request of a delivery. */
export interface Part {
	/** The same in every attempt. */
	id: string;
	headers: Record<string, string>;
	/** In hand, or opened anew for every reading: to sign and to send. */
	body: Uint8Array | { size: number; open(): AsyncIterable<Uint8Array> };
}

/** Up to here a parcel is read once into memory; above it is read twice, to sign and to send. */
const IN_HAND_BYTES = 262_144;
/** A row larger than this is no row of a batch. */
const ROW_BYTES = 10_000_000;

/** The file as it is, what the template makes of it, or its rows in batches. */
export async function* partsOf(
	parcel: Parcel,
	settings: WebhookSettings,
	deadline: Deadline,
): AsyncGenerator<Part> {
	const { body, bodyType, batchRows } = settings;
	const id = parcel.deliveryId;
	if (parcel.message === undefined && body !== undefined) {
		const bytes = Buffer.from(await templated(parcel, { body, bodyType }));
		yield { id, headers: { 'content-type': bodyType }, body: bytes };
	} else if (parcel.message === undefined && batchRows !== undefined) {
		yield* batchesOf(parcel, batchRows, deadline);
	} else if (parcel.size <= IN_HAND_BYTES) {
		yield { id, headers: {}, body: await readWhole(parcel, deadline) };
	} else {
		const open = (): AsyncIterable<Uint8Array> => readParcel(parcel, deadline);
		yield { id, headers: {}, body: { size: parcel.size, open } };
	}
}

export function bodyOf({ body }: Part): Body {
	return body instanceof Uint8Array ? body : { size: body.size, stream: body.open() };
}

async function templated(
	parcel: Parcel,
	{ body, bodyType }: Pick<WebhookSettings, 'bodyType'> & { body: string },
): Promise<string> {
	const wantsLink = fieldsOf(body)?.some(isLinkField) ?? false;
	const link = wantsLink ? await parcel.report?.link() : undefined;
	if (wantsLink && link === undefined)
		throw new CapError('GONE', 'nothing gives a link to the file');
	const isJson = /[/+]json\b/i.test(bodyType);
	return renderTemplate(body, parcel, {
		more: (field) =>
			field === 'link' ? link?.url : field === 'linkExpiresAt' ? link?.expiresAt : undefined,
		// between the quotes that the template has
		encode: (value) => (isJson ? JSON.stringify(value).slice(1, -1) : value),
	});
}

const [OPEN, COMMA, CLOSE] = ['[', ',', ']'].map((mark) => Buffer.from(mark)) as [
	Buffer,
	Buffer,
	Buffer,
];

/** Lists of rows in the bytes that the file has; numbered, so that a receiver can drop what it has. */
async function* batchesOf(parcel: Parcel, rows: number, deadline: Deadline): AsyncGenerator<Part> {
	if (parcel.readRows === undefined) {
		throw inputError('FORMAT_UNSUITABLE', {
			path: 'format',
			expected: 'rows as "ndjson", of one table and not packed',
			received: parcel.contentType,
		});
	}
	// read once before anything is sent: what was sent cannot be taken back
	let count = 0;
	for await (const lines of linesOf(readParcel(parcel, deadline), ROW_BYTES)) count += lines.length;
	const batches = Math.max(1, Math.ceil(count / rows));
	let number = 0;
	const partOf = (lines: readonly Buffer[]): Part => ({
		id: `${parcel.deliveryId}_${(number += 1)}`,
		headers: {
			'content-type': 'application/json',
			'idempotency-key': `${parcel.deliveryId}_${number}`,
			'x-capscheduler-batch': `${number}/${batches}`,
		},
		body: Buffer.concat([
			OPEN,
			...lines.flatMap((line, at) => (at === 0 ? [line] : [COMMA, line])),
			CLOSE,
		]),
	});
	let batch: Buffer[] = [];
	for await (const lines of linesOf(readParcel(parcel, deadline), ROW_BYTES)) {
		for (const line of lines) {
			batch.push(line);
			if (batch.length < rows) continue;
			yield partOf(batch);
			batch = [];
		}
	}
	// without any rows the receiver is told so all the same
	if (batch.length > 0 || number === 0) yield partOf(batch);
}

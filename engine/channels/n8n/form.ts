import { createHash } from 'node:crypto';

import type { Parcel } from '../channel.port.ts';

/** A form with the file in it, of known length. */
export interface Form {
	contentType: string;
	size: number;
	stream: AsyncIterable<Uint8Array>;
}

/**
 * `multipart/form-data` (RFC 7578): n8n's Webhook node makes the part with a file name a binary property whatever its
 * type is, and the others its JSON. A body of one file it would read as JSON, text or XML by its type.
 */
export function formOf(parcel: Parcel, bytes: AsyncIterable<Uint8Array>): Form {
	// not in the file but by a chance of 2^-128, and the same in every attempt
	const mark = createHash('sha256').update(`${parcel.deliveryId}/${parcel.sha256}`).digest('hex');
	const boundary = `capscheduler-${mark.slice(0, 32)}`;
	const part = (disposition: string): string =>
		`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n`;
	const fields = Object.entries(aboutOf(parcel)).map(
		([name, value]) => `${part(`name="${name}"`)}\r\n${value}\r\n`,
	);
	const file = `${part(`name="data"; filename="${quoted(parcel.filename)}"`)}Content-Type: ${parcel.contentType}\r\n\r\n`;
	const head = Buffer.from(fields.join('') + file);
	const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
	return {
		contentType: `multipart/form-data; boundary=${boundary}`,
		size: head.length + parcel.size + tail.length,
		stream: joined(head, bytes, tail),
	};
}

async function* joined(
	head: Uint8Array,
	bytes: AsyncIterable<Uint8Array>,
	tail: Uint8Array,
): AsyncGenerator<Uint8Array> {
	yield head;
	yield* bytes;
	yield tail;
}

/** What browsers do (HTML, "multipart/form-data encoding algorithm"). */
function quoted(name: string): string {
	return name.toWellFormed().replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22');
}

/** Fields beside the file: ids and names of the engine, none of which has a line break. */
function aboutOf(parcel: Parcel): Record<string, string> {
	const { deliveryId, runId, scheduleId, capability, action, nominalAt, size, sha256 } = parcel;
	const about = { deliveryId, runId, scheduleId, capability, action, nominalAt, sha256 };
	const known = Object.entries({ ...about, size: String(size) }).filter(
		(entry): entry is [string, string] => entry[1] !== null && entry[1] !== '',
	);
	return Object.fromEntries(known);
}

import { createHash } from 'node:crypto';

import type { Channel, Parcel, SendOutcome } from '../channels/channel.port.ts';
import type { Row } from '../contract/envelope.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Message } from '../contract/message.ts';
import type { Duration } from '../contract/time.ts';

/** Word of something, to be sent by any channel. */
export interface Told {
	/** The same in every attempt: what makes repeats harmless. */
	id: string;
	tenant: string;
	/** The exact JSON: what channels send that have no form of their own for messages. */
	body: string;
	message: Message;
	/** What it is about; empty texts where it is about no run. */
	about: Pick<Parcel, 'runId' | 'scheduleId' | 'capability' | 'action' | 'nominalAt'>;
}

/**
 * Sends a message through a channel, in the form that the channel has for it: text in a mail, a post in a chat, a row
 * in a table, a JSON file elsewhere. Never throws for what the other side does.
 * @throws CapError where the channel cannot be used with these settings
 */
export async function sendMessage(
	told: Told,
	{ channel, settings }: { channel: Channel; settings: JsonObject },
	context: { signal: AbortSignal; attempt: number; timeout?: Duration },
): Promise<SendOutcome> {
	const parcel = parcelOfMessage(told);
	const prepared = channel.prepare(settings, parcel);
	return channel.send(prepared, settings, parcel, { timeout: channel.timeout, ...context });
}

export function parcelOfMessage({ id, tenant, body, message, about }: Told): Parcel {
	const bytes = Buffer.from(body);
	return {
		...about,
		deliveryId: id,
		tenant,
		filename: `${id}.json`,
		contentType: 'application/json',
		size: bytes.length,
		sha256: createHash('sha256').update(bytes).digest('hex'),
		async *open() {
			await Promise.resolve();
			yield bytes;
		},
		message,
		async *readRows(source) {
			const chunks: Uint8Array[] = [];
			for await (const chunk of source) chunks.push(chunk);
			yield [rowOf(id, message, JSON.parse(Buffer.concat(chunks).toString()) as JsonObject)];
		},
	};
}

/** As a table of such messages would have it. */
function rowOf(id: string, { title, tone }: Message, body: JsonObject): Row {
	const { type, timestamp, data } = body;
	const { runId, capability, action, state } = (data ?? {}) as JsonObject;
	const fields = { id, type, timestamp, title, tone, runId, capability, action, state, body };
	return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value ?? null]));
}

import { toIso } from '../../contract/time.ts';
import type { Channel, Parcel } from '../channel.port.ts';
import { WEBHOOK_RETRIES } from '../channel.port.ts';
import type { Deadline } from '../shared/deadline.ts';
import { createDeadline } from '../shared/deadline.ts';
import { collect, readParcel } from '../shared/source.ts';
import type { Answer } from './exchange.ts';
import { parcelHeaders } from './headers.ts';
import type { Body, WebhookTools } from './post-signed.ts';
import { secondsOf, sendSigned } from './post-signed.ts';
import { probeEndpoint } from './probe.ts';
import type { WebhookSettings } from './settings.ts';
import { splitHeader, webhookSettingsSchema } from './settings.ts';
import { failureFrom } from './verdict.ts';

export { createPostSigned } from './post-signed.ts';

/** Up to here a parcel is read once into memory; above it is read twice, to sign and to send. */
const IN_HAND_BYTES = 262_144;

/** Of the headers, and of silence. The caller gives large parcels more time on the whole. */
const TIMEOUT = 20_000;

/** `prepare`'s plan; without secrets, signature and time, which every attempt has its own of. */
type Plan = Pick<WebhookSettings, 'url' | 'method'> & { headers: Record<string, string> };

/** Sends the artifact as the body of a request, signed by Standard Webhooks 1.0. */
export function createWebhookChannel(tools: WebhookTools): Channel {
	const { egress, signer, clock } = tools;

	async function signed(
		parcel: Parcel,
		secret: string,
		deadline: Deadline,
	): Promise<{ body: Body; signature: Record<string, string> }> {
		const message = { id: parcel.deliveryId, timestamp: secondsOf(clock) };
		if (parcel.size <= IN_HAND_BYTES) {
			const body = await collect(readParcel(parcel, deadline));
			return { body, signature: signer.sign(secret, { ...message, body }) };
		}
		const signature = await signer.signStream(secret, {
			...message,
			body: readParcel(parcel, deadline),
		});
		return { body: { size: parcel.size, stream: readParcel(parcel, deadline) }, signature };
	}

	return {
		name: 'webhook',
		title: 'Webhook',
		abilities: {
			streaming: true,
			atomic: false,
			receipt: 'the status of the answer, and its ETag or request id',
			idempotency: 'every attempt carries the same webhook-id and Idempotency-Key',
		},
		limits: { answerBytesRead: 65_536, secondsOfSilence: TIMEOUT / 1000 },
		settings: webhookSettingsSchema(signer),
		secrets: ['secret', 'previousSecret', 'secretHeader'],
		neverSent: ['secret', 'previousSecret'],
		rotation: { secret: 'secret', previous: 'previousSecret' },
		retries: WEBHOOK_RETRIES,
		timeout: TIMEOUT,
		generate(settings): Record<string, string> {
			const given = (settings as WebhookSettings).secret !== undefined;
			return given ? {} : { secret: signer.generateSecret() };
		},
		async check(settings) {
			await egress.checkUrl((settings as WebhookSettings).url, 'url');
		},
		prepare(settings, parcel) {
			const { url, method, headers } = settings as WebhookSettings;
			return { url, method, headers: { ...lowerCased(headers), ...parcelHeaders(parcel) } };
		},
		async send(prepared, settings, parcel, { signal, timeout }) {
			const { url, method, headers } = prepared as Plan;
			const { secret, previousSecret, secretHeader } = settings as WebhookSettings;
			const deadline = createDeadline(clock, { signal, timeout, silence: TIMEOUT });
			try {
				const secrets = [secret, previousSecret].filter((one) => one !== undefined).join(' ');
				const { body, signature } = await signed(parcel, secrets, deadline);
				const sent = await sendSigned(
					{
						url,
						method,
						headers: { ...headers, ...credential(secretHeader), ...signature },
						body,
					},
					{ egress, clock, deadline },
				);
				if ('kind' in sent) return sent;
				const { size, sha256 } = parcel;
				const at = toIso(clock.now());
				const remote = wordOf(sent);
				const location = locationOf(url);
				return {
					kind: 'delivered',
					receipt: { channel: 'webhook', location, size, sha256, remote, at },
				};
			} catch (error) {
				return failureFrom(error);
			} finally {
				deadline.end();
			}
		},
		probe: (settings, context) =>
			probeEndpoint(settings as WebhookSettings, { ...tools, context, credential }),
	};
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
	return Object.fromEntries(
		Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
	);
}

function credential(line: string | undefined): Record<string, string> {
	const header = line === undefined ? null : splitHeader(line);
	return header ? { [header.name.toLowerCase()]: header.value } : {};
}

/** Without the query, which may hold credentials. */
function locationOf(text: string): string {
	const url = new URL(text);
	return url.origin + url.pathname;
}

/** The receiver's own word for what it got. */
function wordOf({ status, headers }: Answer): { status: number; [name: string]: string | number } {
	const word: ReturnType<typeof wordOf> = { status };
	for (const [key, name] of [
		['etag', 'etag'],
		['requestId', 'x-request-id'],
	] as const) {
		const value = [headers[name]].flat()[0];
		if (value !== undefined) word[key] = value.slice(0, 200);
	}
	return word;
}

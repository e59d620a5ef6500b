import { CapError } from '../../contract/errors.ts';
import { toIso } from '../../contract/time.ts';
import type { Channel, Parcel } from '../channel.port.ts';
import { WEBHOOK_RETRIES } from '../channel.port.ts';
import type { Deadline } from '../shared/deadline.ts';
import { CertifiedDispatchers } from '../shared/certified.ts';
import { createDeadline } from '../shared/deadline.ts';
import type { Answer } from '../shared/http-exchange.ts';
import { parcelHeaders } from '../shared/http-headers.ts';
import { sendHttp } from '../shared/http-send.ts';
import type { WebhookTools } from './post-signed.ts';
import { secondsOf } from './post-signed.ts';
import type { Part } from './parts.ts';
import { bodyOf, partsOf } from './parts.ts';
import { probeEndpoint } from './probe.ts';
import type { WebhookSettings } from './settings.ts';
import { splitHeader, webhookSettingsSchema } from './settings.ts';
import type { Failed } from '../shared/failed.ts';
import { failedWith } from '../shared/failed.ts';

export { createPostSigned } from './post-signed.ts';

/** Of the headers, and of silence. The caller gives large parcels more time on the whole. */
const TIMEOUT = 20_000;

/** `prepare`'s plan; without secrets, signature and time, which every attempt has its own of. */
type Plan = Pick<WebhookSettings, 'url' | 'method'> & { headers: Record<string, string> };

/** Sends the artifact as the body of a request, signed by Standard Webhooks 1.0. */
export function createWebhookChannel(tools: WebhookTools): Channel {
	const { egress, signer, clock } = tools;

	const dispatchers = new CertifiedDispatchers(egress);

	/** Nothing for receivers that know no signature. */
	async function signatureOf(
		{ id, body }: Part,
		{ secret, previousSecret, signed }: WebhookSettings,
	): Promise<Record<string, string>> {
		// settings of before this was a choice do not have it
		if ((signed as boolean | undefined) === false) return {};
		const secrets = [secret, previousSecret].filter((one) => one !== undefined).join(' ');
		const message = { id, timestamp: secondsOf(clock) };
		return body instanceof Uint8Array
			? signer.sign(secrets, { ...message, body })
			: signer.signStream(secrets, { ...message, body: body.open() });
	}

	/** The answer to the last of them; why not, as soon as one is refused. */
	async function sendParts(
		parcel: Parcel,
		settings: WebhookSettings,
		{ plan: { url, method, headers }, deadline }: { plan: Plan; deadline: Deadline },
	): Promise<(Answer & { requests: number }) | Failed> {
		let last: Answer | undefined;
		let requests = 0;
		for await (const part of partsOf(parcel, settings, deadline)) {
			const signature = await signatureOf(part, settings);
			const dispatcher = dispatchers.of(certificatesOf(settings));
			const sent = await sendHttp(
				{
					url,
					method,
					headers: {
						...headers,
						...part.headers,
						...credential(settings.secretHeader),
						...signature,
					},
					body: bodyOf(part),
				},
				{ egress, clock, deadline, ...(dispatcher === undefined ? {} : { dispatcher }) },
			);
			if ('kind' in sent) return sent;
			deadline.progress();
			last = sent;
			requests += 1;
		}
		if (last === undefined) throw new CapError('INTERNAL', 'nothing was sent', { retry: 'later' });
		return { ...last, requests };
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
		secrets: ['secret', 'previousSecret', 'secretHeader', 'clientKey'],
		neverSent: ['secret', 'previousSecret', 'clientKey'],
		rotation: { secret: 'secret', previous: 'previousSecret' },
		retries: WEBHOOK_RETRIES,
		timeout: TIMEOUT,
		generate(settings): Record<string, string> {
			const { secret, signed } = settings as WebhookSettings;
			const wanted = secret === undefined && (signed as boolean | undefined) !== false;
			return wanted ? { secret: signer.generateSecret() } : {};
		},
		format: (settings) =>
			(settings as WebhookSettings).batchRows === undefined ? undefined : 'ndjson',
		async check(settings) {
			await egress.checkUrl((settings as WebhookSettings).url, 'url');
		},
		prepare(settings, parcel) {
			const { url, method, headers } = settings as WebhookSettings;
			return { url, method, headers: { ...lowerCased(headers), ...parcelHeaders(parcel) } };
		},
		async send(prepared, settings, parcel, { signal, timeout }) {
			const plan = prepared as Plan;
			const given = settings as WebhookSettings;
			const deadline = createDeadline(clock, { signal, timeout, silence: TIMEOUT });
			try {
				const sent = await sendParts(parcel, given, { plan, deadline });
				if ('kind' in sent) return sent;
				const { size, sha256 } = parcel;
				const at = toIso(clock.now());
				const { requests } = sent;
				const remote = { ...wordOf(sent), ...(requests === 1 ? {} : { requests }) };
				const location = locationOf(plan.url);
				return {
					kind: 'delivered',
					receipt: { channel: 'webhook', location, size, sha256, remote, at },
				};
			} catch (error) {
				return failedWith(error);
			} finally {
				deadline.end();
			}
		},
		probe: (settings, context) => {
			const given = settings as WebhookSettings;
			const dispatcher = dispatchers.of(certificatesOf(given));
			return probeEndpoint(given, { ...tools, context, credential, dispatcher });
		},
		async close() {
			await dispatchers.close();
		},
	};
}

function certificatesOf({ ca, clientCert: cert, clientKey: key }: WebhookSettings) {
	return { ca, cert, key };
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

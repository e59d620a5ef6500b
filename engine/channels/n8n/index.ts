import type { Clock } from '../../clock.ts';
import { toIso } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Channel, Parcel } from '../channel.port.ts';
import { WEBHOOK_RETRIES } from '../channel.port.ts';
import { createDeadline } from '../shared/deadline.ts';
import type { Deadline } from '../shared/deadline.ts';
import { parcelHeaders } from '../shared/http-headers.ts';
import type { HttpSend } from '../shared/http-send.ts';
import { askHttp } from '../shared/http-send.ts';
import type { Failed } from '../shared/failed.ts';
import { failedWith } from '../shared/failed.ts';
import { failureOf } from '../shared/http-verdict.ts';
import type { Answer } from '../shared/http-exchange.ts';
import { readParcel } from '../shared/source.ts';
import { formOf } from './form.ts';
import type { N8nSettings } from './settings.ts';
import { n8nSettingsSchema } from './settings.ts';

export interface N8nTools {
	egress: Egress;
	clock: Clock;
}

/** Of the headers, and of silence. The caller gives large parcels more time on the whole. */
const TIMEOUT = 20_000;

/** Starts a workflow with the artifact, as a file or as its JSON. */
export function createN8nChannel({ egress, clock }: N8nTools): Channel {
	return {
		name: 'n8n',
		title: 'n8n',
		abilities: {
			streaming: true,
			atomic: true,
			receipt: 'the status of the answer of the Webhook node',
			idempotency:
				'none by n8n: every attempt carries the same deliveryId, by which a workflow can tell',
		},
		limits: { secondsOfSilence: TIMEOUT / 1000 },
		settings: n8nSettingsSchema,
		secrets: ['headerValue', 'password'],
		retries: WEBHOOK_RETRIES,
		timeout: TIMEOUT,
		format: (settings) => ((settings as N8nSettings).body === 'json' ? 'json' : undefined),
		async check(settings) {
			await egress.checkUrl((settings as N8nSettings).url, 'url');
		},
		prepare(settings) {
			const { url, body } = settings as N8nSettings;
			return { url, body };
		},
		async send(_prepared, settings, parcel, { signal, timeout }) {
			const given = settings as N8nSettings;
			const deadline = createDeadline(clock, { signal, timeout, silence: TIMEOUT });
			try {
				deadline.signal.throwIfAborted();
				const answer = await askHttp(requestOf(parcel, given, deadline), {
					egress,
					clock,
					deadline,
				});
				const failure = judge(answer, clock.now());
				if (failure !== null) return failure;
				const { size, sha256 } = parcel;
				const { origin, pathname } = new URL(given.url);
				const remote = { status: answer.status, sentAs: given.body };
				const at = toIso(clock.now());
				const receipt = { channel: 'n8n', location: origin + pathname, size, sha256, remote, at };
				return { kind: 'delivered', receipt };
			} catch (error) {
				return failedWith(deadline.signal.aborted ? deadline.signal.reason : error);
			} finally {
				deadline.end();
			}
		},
	};
}

function requestOf(parcel: Parcel, settings: N8nSettings, deadline: Deadline): HttpSend {
	const bytes = readParcel(parcel, deadline);
	const { 'content-disposition': disposition = '', ...own } = parcelHeaders(parcel);
	const common = { url: settings.url, method: 'POST' } as const;
	const headers = { ...own, ...credentials(settings) };
	// word of a run is JSON, whatever files are
	if (settings.body === 'json' || parcel.message !== undefined) {
		return {
			...common,
			headers: { ...headers, 'content-disposition': disposition },
			body: { size: parcel.size, stream: bytes },
		};
	}
	const { contentType, size, stream } = formOf(parcel, bytes);
	return {
		...common,
		headers: { ...headers, 'content-type': contentType },
		body: { size, stream },
	};
}

function credentials({
	headerName,
	headerValue,
	user,
	password,
}: N8nSettings): Record<string, string> {
	if (headerName !== undefined && headerValue !== undefined) {
		return { [headerName.toLowerCase()]: headerValue };
	}
	if (user === undefined || password === undefined) return {};
	return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

/** A workflow that is not published answers 404, and may be again; what it refuses it goes on refusing. */
function judge(answer: Answer, now: number): Failed | null {
	const failure = failureOf(answer, now);
	if (failure === null || ![401, 403, 413].includes(answer.status)) return failure;
	const code = answer.status === 413 ? 'RESULT_TOO_LARGE' : 'TARGET_REFUSED';
	return { kind: 'failed', code, message: `answered ${answer.status}`, retry: 'never' };
}

import { Readable } from 'node:stream';

import type { Clock } from '../../clock.ts';
import { inputError } from '../../contract/errors.ts';
import type { Egress, Signer } from '../../security/security.port.ts';
import type { PostSigned } from '../channel.port.ts';
import type { Deadline } from '../shared/deadline.ts';
import { createDeadline } from '../shared/deadline.ts';
import type { Answer } from './exchange.ts';
import { exchange } from './exchange.ts';
import type { Failed } from './verdict.ts';
import { failureFrom, failureOf } from './verdict.ts';

export interface WebhookTools {
	egress: Egress;
	signer: Signer;
	clock: Clock;
}

/** Bytes in hand, or a stream of known length. */
export type Body = Uint8Array | { size: number; stream: AsyncIterable<Uint8Array> };

export interface SignedRequest {
	url: string;
	method: 'POST' | 'PUT';
	/** With the signature. */
	headers: Record<string, string>;
	body: Body;
}

const USER_AGENT = 'CapScheduler (+https://www.standardwebhooks.com)';

/** Sends small bodies, signed by Standard Webhooks; never throws for what the other side does. */
export function createPostSigned({ egress, signer, clock }: WebhookTools): PostSigned {
	return async ({ url, secret, id, body, contentType, headers, timeout, signal }) => {
		const deadline = createDeadline(clock, { signal, timeout, silence: timeout });
		try {
			const timestamp = secondsOf(clock);
			const sent = await sendSigned(
				{
					url,
					method: 'POST',
					headers: {
						...headers,
						'content-type': contentType,
						...signer.sign(secret, { id, timestamp, body }),
					},
					body,
				},
				{ egress, clock, deadline },
			);
			return 'kind' in sent ? sent : { kind: 'delivered', status: sent.status };
		} finally {
			deadline.end();
		}
	};
}

/** One signed request; the answer when it is a 2xx, else why not. */
export async function sendSigned(
	{ url, method, headers, body }: SignedRequest,
	{ egress, clock, deadline }: { egress: Egress; clock: Clock; deadline: Deadline },
): Promise<Answer | Failed> {
	try {
		const { origin, path } = targetOf(url);
		const inHand = body instanceof Uint8Array;
		const answer = await exchange(
			{
				origin,
				path,
				method,
				headers: {
					'user-agent': USER_AGENT,
					...headers,
					...(inHand ? {} : { 'content-length': String(body.size) }),
				},
				body: inHand ? body : Readable.from(body.stream, { objectMode: false }),
			},
			{
				dispatcher: egress.dispatcher,
				signal: deadline.signal,
				onProgress: () => {
					deadline.progress();
				},
			},
		);
		return failureOf(answer, clock.now()) ?? answer;
	} catch (error) {
		return failureFrom(error);
	}
}

/** `webhook-timestamp`: whole seconds. */
export function secondsOf(clock: Clock): number {
	return Math.floor(clock.now() / 1000);
}

/** The guard judges hosts when it connects; what a URL can hide besides is refused here. */
function targetOf(text: string): { origin: string; path: string } {
	const url = new URL(text);
	const web = url.protocol === 'https:' || url.protocol === 'http:';
	if (!web || url.username !== '' || url.password !== '') {
		throw inputError('EGRESS_BLOCKED', {
			path: 'url',
			expected: 'an http or https URL without user and password',
		});
	}
	return { origin: url.origin, path: url.pathname + url.search };
}

import { Readable } from 'node:stream';

import type { Dispatcher } from 'undici';

import type { Clock } from '../../clock.ts';
import { inputError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Deadline } from './deadline.ts';
import type { Answer } from './http-exchange.ts';
import { exchange, exchangeSmall } from './http-exchange.ts';
import type { Failed } from './failed.ts';
import { failedWith } from './failed.ts';
import { failureOf } from './http-verdict.ts';

/** Bytes in hand, or a stream of known length. */
export type Body = Uint8Array | { size: number; stream: AsyncIterable<Uint8Array> };

export interface HttpSend {
	url: string;
	method: 'POST' | 'PUT';
	/** All of them, in lower case. */
	headers: Record<string, string>;
	body: Body;
}

const USER_AGENT = 'CapScheduler (+https://www.standardwebhooks.com)';

interface SendTools {
	egress: Pick<Egress, 'dispatcher' | 'http'>;
	clock: Clock;
	deadline: Deadline;
	/** In the place of the guard's own: with certificates of its own. */
	dispatcher?: Dispatcher;
	/** How many bytes of the answer's body are kept; default none. */
	keep?: number;
}

/** One request; the answer when it is a 2xx, else why not. */
export async function sendHttp(request: HttpSend, tools: SendTools): Promise<Answer | Failed> {
	try {
		const answer = await askHttp(request, tools);
		return failureOf(answer, tools.clock.now()) ?? answer;
	} catch (error) {
		return failedWith(error);
	}
}

/** One request and whatever is answered. @throws what went wrong before there was an answer */
export async function askHttp(
	{ url, method, headers, body }: HttpSend,
	{ egress, deadline, dispatcher, keep = 0 }: SendTools,
): Promise<Answer> {
	const { origin, path } = targetOf(url);
	const { signal, progress: onProgress } = deadline;
	const given = { 'user-agent': USER_AGENT, ...headers };
	const options = { signal, keep, onProgress };
	if (!(body instanceof Uint8Array)) {
		const sized = { ...given, 'content-length': String(body.size) };
		const stream = Readable.from(body.stream, { objectMode: false });
		return exchange(
			{ origin, path, method, headers: sized, body: stream },
			{ ...options, dispatcher: dispatcher ?? egress.dispatcher },
		);
	}
	const flat = Object.entries(given).flat();
	if (dispatcher === undefined && flat.every(isAscii)) {
		const request = { origin, path, method, headers: flat, body };
		return exchangeSmall(request, { ...options, http: egress.http });
	}
	return exchange(
		{ origin, path, method, headers: given, body },
		{ ...options, dispatcher: dispatcher ?? egress.dispatcher },
	);
}

/** What the client for small messages takes as a header. */
function isAscii(text: string): boolean {
	return /^[\t\x20-\x7e]*$/.test(text);
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

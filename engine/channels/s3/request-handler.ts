import type { Dispatcher } from 'undici';

import { slicedBody } from '../shared/sliced-body.ts';

/** What the SDK's handlers get; by shape, so that none of its packages is loaded before it is needed. */
interface SdkRequest {
	protocol: string;
	hostname: string;
	port?: number;
	path: string;
	query?: Record<string, string | string[] | null>;
	method: string;
	headers: Record<string, string>;
	body?: unknown;
}

/** The SDK's way out, over the guard. `progressOf`: who is told that bytes of a request move, by its signal. */
export function createRequestHandler(
	dispatcher: () => Dispatcher,
	progressOf: WeakMap<AbortSignal, () => void>,
) {
	return {
		metadata: { handlerProtocol: 'http/1.1' },
		async handle(request: SdkRequest, { abortSignal }: { abortSignal?: AbortSignal } = {}) {
			const { protocol, hostname, port, path, query = {}, method, body } = request;
			const origin = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
			// undici sends no request that waits for leave, and sets the host itself
			const headers = Object.entries(request.headers).filter(
				([name]) => !/^(?:expect|host)$/i.test(name),
			);
			const text = queryString(query);
			const onProgress = abortSignal && progressOf.get(abortSignal);
			const answer = await dispatcher().request({
				origin,
				path: text === '' ? path : `${path}?${text}`,
				method,
				headers: Object.fromEntries(headers),
				body: slicedBody((body ?? null) as string | Uint8Array | null, onProgress),
				headersTimeout: 0,
				bodyTimeout: 0,
				...(abortSignal ? { signal: abortSignal } : {}),
			});
			onProgress?.();
			return {
				response: {
					statusCode: answer.statusCode,
					headers: Object.fromEntries(
						Object.entries(answer.headers).map(([name, value]) => [
							name,
							[value].flat().join(', '),
						]),
					),
					body: answer.body,
				},
			};
		},
		updateHttpClientConfig() {
			// nothing can be set
		},
		httpHandlerConfigs: () => ({}),
		destroy() {
			// the sockets are the guard's
		},
	};
}

function queryString(query: Record<string, string | string[] | null>): string {
	const parts: string[] = [];
	for (const name of Object.keys(query).sort()) {
		for (const value of [query[name] ?? null].flat()) {
			parts.push(value === null ? escape(name) : `${escape(name)}=${escape(value)}`);
		}
	}
	return parts.join('&');
}

/** RFC 3986, as signatures demand. */
function escape(text: string): string {
	return encodeURIComponent(text).replace(
		/[!'()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
}

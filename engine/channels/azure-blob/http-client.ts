import type { HttpOperationResponse, IHttpClient, WebResource } from '@azure/storage-blob';
import type { Dispatcher } from 'undici';

import { CapError } from '../../contract/errors.ts';
import { slicedBody } from '../shared/sliced-body.ts';

/** The SDK's way out, over the guard. It follows no redirect, and takes no proxy of the environment. */
export function createHttpClient(
	dispatcher: () => Dispatcher,
	onProgress: () => void,
): IHttpClient {
	return {
		async sendRequest(request: WebResource): Promise<HttpOperationResponse> {
			const { origin, pathname, search } = new URL(request.url);
			const headers = Object.entries(request.headers.toJson({ preserveCase: true })).filter(
				([name]) => !/^(?:host|connection|accept-encoding)$/i.test(name),
			);
			const answer = await dispatcher().request({
				origin,
				path: pathname + search,
				method: request.method,
				headers: Object.fromEntries(headers),
				body: slicedBody((request.body ?? null) as string | Uint8Array | null, onProgress),
				headersTimeout: 0,
				bodyTimeout: 0,
				// ours, which the SDK hands through
				signal: (request.abortSignal ?? null) as AbortSignal | null,
			});
			onProgress();
			const { statusCode: status, body } = answer;
			if (status >= 300 && status < 400 && status !== 304) {
				await body.dump();
				throw new CapError('TARGET_REDIRECT', `answered ${status}; redirects are not followed`);
			}
			const told = Object.fromEntries(
				Object.entries(answer.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
			);
			const streams = request.streamResponseStatusCodes;
			const streamed = streams?.has(status) === true || streams?.has(Number.POSITIVE_INFINITY);
			return {
				request,
				status,
				// all that the SDK asks of them
				headers: { toJson: () => told } as unknown as HttpOperationResponse['headers'],
				...(streamed === true ? { readableStreamBody: body } : { bodyAsText: await body.text() }),
			};
		},
	};
}

import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** What is kept of an answer. */
export interface Answer {
	status: number;
	headers: IncomingHttpHeaders;
	/** The beginning of its body, where that was asked for; else it is read and dropped. */
	text: string;
}

export interface ExchangeOptions {
	dispatcher: Dispatcher;
	signal: AbortSignal;
	/** Called whenever the other side shows life. */
	onProgress?: () => void;
	/** How many bytes of the answer's body are kept; default none. */
	keep?: number;
}

/** More of an answer's body is not read; the connection is closed instead. */
const MAX_ANSWER_BYTES = 65_536;

const enough = new Error('the answer is longer than what is read of it');

/**
 * One request and its answer, straight on the dispatcher: no response stream is built for a body that
 * nobody reads. Follows no redirect. Rejects with undici's, the socket's or the guard's error, or with the
 * signal's reason as soon as it aborts.
 */
export function exchange(
	request: Omit<Dispatcher.DispatchOptions, 'headersTimeout' | 'bodyTimeout'>,
	{ dispatcher, signal, onProgress, keep = 0 }: ExchangeOptions,
): Promise<Answer> {
	return new Promise((resolve, reject) => {
		let controller: Dispatcher.DispatchController | undefined;
		let answer: Answer | undefined;
		let bytes = 0;
		const kept: Uint8Array[] = [];
		const onAbort = (): void => {
			const reason = asError(signal.reason);
			controller?.abort(reason);
			// while it waits for a connection it cannot be taken back, only ended before its first byte
			end(reason);
		};
		const end = (error: Error | null): void => {
			signal.removeEventListener('abort', onAbort);
			// the status stands, whatever becomes of the body
			if (answer) resolve({ ...answer, text: Buffer.concat(kept).toString().slice(0, keep) });
			else reject(error ?? new Error('the connection ended without an answer'));
		};
		if (signal.aborted) {
			reject(asError(signal.reason));
			return;
		}
		signal.addEventListener('abort', onAbort, { once: true });
		dispatcher.dispatch(
			{ ...request, headersTimeout: 0, bodyTimeout: 0 },
			{
				onRequestStart(given) {
					controller = given;
					if (signal.aborted) given.abort(asError(signal.reason));
				},
				onResponseStart(_, status, headers) {
					if (status < 200) return;
					answer = { status, headers, text: '' };
					onProgress?.();
				},
				onResponseData(given, chunk) {
					if (bytes < keep) kept.push(chunk);
					bytes += chunk.length;
					if (bytes > MAX_ANSWER_BYTES) given.abort(enough);
				},
				onResponseEnd() {
					end(null);
				},
				onResponseError(_, error) {
					end(error);
				},
			},
		);
	});
}

function asError(reason: unknown): Error {
	return reason instanceof Error ? reason : new Error(String(reason));
}

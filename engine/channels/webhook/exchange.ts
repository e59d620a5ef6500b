import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** What is kept of an answer: its body is read and dropped. */
export interface Answer {
	status: number;
	headers: IncomingHttpHeaders;
}

export interface ExchangeOptions {
	dispatcher: Dispatcher;
	signal: AbortSignal;
	/** Called whenever the other side shows life. */
	onProgress?: () => void;
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
	{ dispatcher, signal, onProgress }: ExchangeOptions,
): Promise<Answer> {
	return new Promise((resolve, reject) => {
		let controller: Dispatcher.DispatchController | undefined;
		let answer: Answer | undefined;
		let bytes = 0;
		const onAbort = (): void => {
			const reason = asError(signal.reason);
			controller?.abort(reason);
			// while it waits for a connection it cannot be taken back, only ended before its first byte
			end(reason);
		};
		const end = (error: Error | null): void => {
			signal.removeEventListener('abort', onAbort);
			// the status stands, whatever becomes of the body
			if (answer) resolve(answer);
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
					answer = { status, headers };
					onProgress?.();
				},
				onResponseData(given, chunk) {
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

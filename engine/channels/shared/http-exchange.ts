import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

import type { HttpClient, HttpExchange, HttpRequest } from '../../security/security.port.ts';

/** What is kept of an answer. */
export interface Answer {
	status: number;
	headers: IncomingHttpHeaders;
	/** The beginning of its body, where that was asked for; else it is read and dropped. */
	text: string;
}

export interface ExchangeOptions {
	signal: AbortSignal;
	/** Called whenever the other side shows life. */
	onProgress?: () => void;
	/** How many bytes of the answer's body are kept; default none. */
	keep?: number;
}

/** More of an answer's body is not read; the connection is closed instead. */
const MAX_ANSWER_BYTES = 65_536;

const enough = new Error('the answer is longer than what is read of it');

/** What has come of an answer; settles its promise once. */
class Coming {
	readonly answer: Promise<Answer>;
	readonly #options: ExchangeOptions;
	readonly #kept: Uint8Array[] = [];
	#resolve!: (answer: Answer) => void;
	#reject!: (error: Error) => void;
	#abort: (reason: Error) => void = () => undefined;
	#head: Pick<Answer, 'status' | 'headers'> | null = null;
	#bytes = 0;

	constructor(options: ExchangeOptions) {
		this.#options = options;
		this.answer = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
		options.signal.addEventListener('abort', this.#onAbort, { once: true });
	}

	/** Right before it is sent. */
	start(abort: (reason: Error) => void): void {
		this.#abort = abort;
		if (this.#options.signal.aborted) abort(asError(this.#options.signal.reason));
	}

	head(status: number, headers: IncomingHttpHeaders): void {
		if (status < 200) return;
		this.#head = { status, headers };
		this.#options.onProgress?.();
	}

	data(chunk: Uint8Array): void {
		// a client may write over its bytes
		if (this.#bytes < this.#keep) this.#kept.push(Buffer.from(chunk));
		this.#bytes += chunk.length;
		if (this.#bytes > MAX_ANSWER_BYTES) this.#abort(enough);
	}

	/** The status stands, whatever becomes of the body. */
	end(error: Error | null): void {
		this.#options.signal.removeEventListener('abort', this.#onAbort);
		if (this.#head === null) {
			this.#reject(error ?? new Error('the connection ended without an answer'));
			return;
		}
		const text = Buffer.concat(this.#kept).toString().slice(0, this.#keep);
		this.#resolve({ ...this.#head, text });
	}

	get #keep(): number {
		return this.#options.keep ?? 0;
	}

	#onAbort = (): void => {
		const reason = asError(this.#options.signal.reason);
		this.#abort(reason);
		// while it waits for a connection it cannot be taken back, only ended before its first byte
		this.end(reason);
	};
}

/**
 * One request and its answer, straight on the dispatcher: no response stream is built for a body that
 * nobody reads. Follows no redirect. Rejects with undici's, the socket's or the guard's error, or with the
 * signal's reason as soon as it aborts.
 */
export async function exchange(
	request: Omit<Dispatcher.DispatchOptions, 'headersTimeout' | 'bodyTimeout'>,
	{ dispatcher, ...options }: ExchangeOptions & { dispatcher: Dispatcher },
): Promise<Answer> {
	if (options.signal.aborted) throw asError(options.signal.reason);
	const coming = new Coming(options);
	dispatcher.dispatch(
		{ ...request, headersTimeout: 0, bodyTimeout: 0 },
		{
			onRequestStart(controller) {
				coming.start((reason) => {
					controller.abort(reason);
				});
			},
			onResponseStart(_, status, headers) {
				coming.head(status, headers);
			},
			onResponseData(_, chunk) {
				coming.data(chunk);
			},
			onResponseEnd() {
				coming.end(null);
			},
			onResponseError(_, error) {
				coming.end(error);
			},
		},
	);
	return coming.answer;
}

/** The same for bytes in hand, by the client for small messages. */
export async function exchangeSmall(
	request: HttpRequest,
	{ http, ...options }: ExchangeOptions & { http: HttpClient },
): Promise<Answer> {
	if (options.signal.aborted) throw asError(options.signal.reason);
	const coming = new Coming(options);
	http.dispatch(request, {
		onStart(started: HttpExchange) {
			coming.start((reason) => {
				started.abort(reason);
			});
		},
		onHead(_, status, headers) {
			coming.head(status, headers);
		},
		onData(_, bytes) {
			coming.data(bytes);
		},
		onEnd() {
			coming.end(null);
		},
		onError(error) {
			coming.end(error);
		},
	});
	return coming.answer;
}

function asError(reason: unknown): Error {
	return reason instanceof Error ? reason : new Error(String(reason));
}

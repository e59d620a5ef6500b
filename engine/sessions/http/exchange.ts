import type { IncomingHttpHeaders } from 'node:http';

import type { CapError } from '../../contract/errors.ts';
import type { HttpExchange, HttpListener } from '../../security/security.port.ts';
import type { TimeLimit } from '../shared/time-limit.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { networkFault } from './faults.ts';

type Headers = IncomingHttpHeaders;

/** An answer whose body is either here in whole, or still coming. */
export type Answer = { status: number; headers: Headers } & (
	{ bytes: Buffer; stream: null } | { bytes: null; stream: ChunkQueue }
);

/** Most bytes of a body that are held in memory before it becomes a stream. */
export const JSON_HELD = 1024 * 1024;
const OTHER_HELD = 64 * 1024;
/** Most bytes that are read of the body of an answer that is no success. */
const ERROR_HELD = 16 * 1024;
const EMPTY = Buffer.alloc(0);

/** Reason for dropping a connection whose answer we have seen enough of. */
const ENOUGH = new Error('read enough');

/** One request and its answer: one that is small, as nearly all are, costs one promise and no stream. */
export class Exchange implements HttpListener {
	readonly answer: Promise<Answer>;
	#resolve!: (answer: Answer) => void;
	#reject!: (error: CapError) => void;
	#limit: TimeLimit;
	#exchange: HttpExchange | null = null;
	#status = 0;
	#headers: Headers = {};
	#held: Buffer[] = [];
	#heldBytes = 0;
	#holdAtMost = 0;
	#queue: ChunkQueue | null = null;
	#settled = false;

	constructor(limit: TimeLimit) {
		this.#limit = limit;
		this.answer = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
		limit.onStop((reason) => {
			this.#stop(reason);
		});
	}

	onStart(exchange: HttpExchange): void {
		this.#exchange = exchange;
		if (this.#limit.stopped !== null) exchange.abort(this.#limit.stopped);
	}

	onHead(exchange: HttpExchange, status: number, headers: Headers): void {
		this.#status = status;
		this.#headers = headers;
		this.#holdAtMost = status >= 300 ? ERROR_HELD : isJson(headers) ? JSON_HELD : OTHER_HELD;
		const length = Number(headers['content-length'] ?? 0);
		if (status < 300 && length > this.#holdAtMost) this.#becomeStream(exchange);
	}

	onData(exchange: HttpExchange, chunk: Buffer): void {
		if (this.#queue !== null) {
			this.#queue.push(chunk);
			return;
		}
		this.#held.push(chunk);
		this.#heldBytes += chunk.length;
		if (this.#heldBytes <= this.#holdAtMost) return;
		if (this.#status < 300) {
			this.#becomeStream(exchange);
			return;
		}
		this.#finish();
		exchange.abort(ENOUGH);
	}

	onEnd(): void {
		if (this.#queue === null) {
			this.#finish();
			return;
		}
		this.#limit.release();
		this.#queue.end();
	}

	onError(error: Error): void {
		this.#limit.release();
		this.#fail(networkFault(error));
	}

	#becomeStream(exchange: HttpExchange): void {
		this.#queue = new ChunkQueue(exchange, this.#held, () => {
			this.#limit.release();
		});
		this.#held = [];
		this.#settled = true;
		this.#resolve({
			status: this.#status,
			headers: this.#headers,
			bytes: null,
			stream: this.#queue,
		});
	}

	#finish(): void {
		if (this.#settled) return;
		this.#settled = true;
		this.#limit.release();
		const only = this.#held.length === 1 ? this.#held[0] : undefined;
		const bytes = only ?? (this.#heldBytes === 0 ? EMPTY : Buffer.concat(this.#held));
		this.#resolve({ status: this.#status, headers: this.#headers, bytes, stream: null });
	}

	/** Settles at once, even while a connection is still being made, and frees what there is. */
	#stop(reason: CapError): void {
		this.#fail(reason);
		this.#exchange?.abort(reason);
		this.#limit.release();
	}

	#fail(error: CapError): void {
		this.#queue?.fail(error);
		if (this.#settled) return;
		this.#settled = true;
		this.#held = [];
		this.#reject(error);
	}
}

export function isJson(headers: Headers): boolean {
	const type = headers['content-type'];
	return type !== undefined && /^(?:application|text)\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type);
}

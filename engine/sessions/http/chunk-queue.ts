import type { HttpExchange } from '../../security/security.port.ts';

/** Bytes that wait to be read before the other side is asked to pause. */
const HIGH_WATER = 256 * 1024;
const LOW_WATER = 64 * 1024;

type Item = IteratorResult<Buffer, undefined>;
interface Reader {
	resolve(item: Item): void;
	reject(error: Error): void;
}

/** A body on its way, read once, with backpressure down to the socket. */
export class ChunkQueue implements AsyncIterableIterator<Buffer, undefined> {
	#exchange: HttpExchange;
	#chunks: Buffer[];
	#bytes: number;
	#paused = false;
	#ended = false;
	#error: Error | null = null;
	#reader: Reader | null = null;
	#onClose: () => void;

	constructor(exchange: HttpExchange, chunks: Buffer[], onClose: () => void) {
		this.#exchange = exchange;
		this.#chunks = chunks;
		this.#bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
		this.#onClose = onClose;
		this.#pauseWhenFull();
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	push(chunk: Buffer): void {
		if (this.#ended || this.#error !== null) return;
		if (this.#reader !== null) {
			const reader = this.#reader;
			this.#reader = null;
			reader.resolve({ value: chunk, done: false });
			return;
		}
		this.#chunks.push(chunk);
		this.#bytes += chunk.length;
		this.#pauseWhenFull();
	}

	end(): void {
		this.#ended = true;
		this.#reader?.resolve({ value: undefined, done: true });
		this.#reader = null;
	}

	fail(error: Error): void {
		if (this.#ended || this.#error !== null) return;
		this.#error = error;
		this.#chunks = [];
		this.#reader?.reject(error);
		this.#reader = null;
	}

	next(): Promise<Item> {
		if (this.#error !== null) return Promise.reject(this.#error);
		const chunk = this.#chunks.shift();
		if (chunk !== undefined) {
			this.#bytes -= chunk.length;
			if (this.#paused && this.#bytes <= LOW_WATER) {
				this.#paused = false;
				this.#exchange.resume();
			}
			return Promise.resolve({ value: chunk, done: false });
		}
		if (this.#ended) return Promise.resolve({ value: undefined, done: true });
		return new Promise((resolve, reject) => {
			this.#reader = { resolve, reject };
		});
	}

	/** The reader has enough: the connection is dropped. */
	return(): Promise<Item> {
		const open = !this.#ended && this.#error === null;
		this.#ended = true;
		this.#chunks = [];
		this.#onClose();
		if (open) this.#exchange.abort(new Error('not read to its end'));
		return Promise.resolve({ value: undefined, done: true });
	}

	#pauseWhenFull(): void {
		if (this.#paused || this.#bytes < HIGH_WATER) return;
		this.#paused = true;
		this.#exchange.pause();
	}
}

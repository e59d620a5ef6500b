import type { Row } from '../../contract/envelope.ts';

/** Rows in order, taken in parts: what one sheet or file leaves, the next begins with. */
export class RowCursor {
	readonly #batches: AsyncIterator<readonly Row[]>;
	#ahead: readonly Row[] = [];
	#at = 0;
	#ended = false;

	constructor(batches: AsyncIterable<readonly Row[]>) {
		this.#batches = batches[Symbol.asyncIterator]();
	}

	/** Some rows, at most so many, in steps that keep the cost of a row low. @returns none at the end */
	async take(most: number): Promise<readonly Row[]> {
		if (!(await this.hasMore())) return [];
		const from = this.#at;
		this.#at = Math.min(this.#ahead.length, from + most);
		return from === 0 && this.#at === this.#ahead.length
			? this.#ahead
			: this.#ahead.slice(from, this.#at);
	}

	async hasMore(): Promise<boolean> {
		while (this.#at >= this.#ahead.length && !this.#ended) await this.#read();
		return this.#at < this.#ahead.length;
	}

	/** The next rows, so many if there are, without taking them. The source is read one batch too far at most. */
	async peek(count: number): Promise<readonly Row[]> {
		while (this.#ahead.length - this.#at < count && !this.#ended) {
			const kept = this.#ahead.slice(this.#at);
			await this.#read();
			this.#ahead = [...kept, ...this.#ahead];
		}
		return this.#ahead.slice(this.#at, this.#at + count);
	}

	/** Frees the source; safe at any time. */
	async close(): Promise<void> {
		this.#ended = true;
		await this.#batches.return?.();
	}

	async #read(): Promise<void> {
		const next = await this.#batches.next();
		this.#ended = next.done === true;
		this.#ahead = next.done === true ? [] : next.value;
		this.#at = 0;
	}
}

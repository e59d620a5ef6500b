import type { IncomingHttpHeaders } from 'node:http';

import type { AnswerHead } from './answer-head.ts';
import { AnswerError, readHead } from './answer-head.ts';
import { Chunked } from './chunked.ts';
import type { LastHead } from './last-head.ts';

/** As in Node: what a server may send before the body. */
const HEAD_AT_MOST = 16_384;
/** Answers of 1xx before the one that counts. */
const INTERIM_AT_MOST = 8;
const EMPTY_LINE = '\r\n\r\n';

export interface AnswerListener {
	onHead(status: number, headers: IncomingHttpHeaders): void;
	/** The bytes are the listener's own. */
	onData(bytes: Buffer): void;
}

/** Reads one answer from the bytes of a connection. */
export class AnswerReader {
	/** Whether it is complete. */
	done = false;
	/** Milliseconds for which its connection may be used again, known when it is complete. */
	keptFor = 0;
	readonly #listener: AnswerListener;
	readonly #lastHead: LastHead;
	/** What came of the head. */
	#pending: Buffer | null = null;
	#interim = 0;
	#head: AnswerHead | null = null;
	#left = 0;
	#chunked: Chunked | null = null;

	/** @param lastHead of the origin that answers */
	constructor(listener: AnswerListener, lastHead: LastHead) {
		this.#listener = listener;
		this.#lastHead = lastHead;
	}

	/**
	 * @param bytes may be written over after the call
	 * @returns how many of them belong to the answer; fewer than given only when it is done
	 * @throws AnswerError
	 */
	read(bytes: Buffer): number {
		let at = 0;
		while (this.#head === null) {
			const found = this.#readHead(at === 0 ? bytes : bytes.subarray(at));
			if (found === -1) return bytes.length;
			at += found;
		}
		if (this.done) return at;
		return at + this.#readBody(at === 0 ? bytes : bytes.subarray(at), this.#head);
	}

	/** The other side has closed. @returns whether that is how the answer ends */
	close(): boolean {
		if (this.#head?.framing.kind !== 'close') return false;
		this.done = true;
		return true;
	}

	/** @returns the bytes that belong to the head, or -1 while there are more to come */
	#readHead(bytes: Buffer): number {
		const known = this.#pending === null ? this.#lastHead.match(bytes) : null;
		if (known !== null) {
			this.#take(known.head);
			return known.length;
		}
		const before = this.#pending?.length ?? 0;
		const all = this.#pending === null ? bytes : Buffer.concat([this.#pending, bytes]);
		const end = all.indexOf(EMPTY_LINE, Math.max(0, before - 3), 'latin1');
		if ((end === -1 ? all.length : end) > HEAD_AT_MOST)
			throw new AnswerError('the headers are too long');
		if (end === -1) {
			this.#pending = before === 0 ? Buffer.from(bytes) : all;
			return -1;
		}
		this.#pending = null;
		const head = readHead(all.toString('latin1', 0, end));
		const length = end + EMPTY_LINE.length;
		if (head.status >= 200) this.#lastHead.keep(all.subarray(0, length), head);
		this.#take(head);
		return length - before;
	}

	#take(head: AnswerHead): void {
		const { status, framing, headers } = head;
		if (status < 200) {
			this.#interim += 1;
			// nobody asked for another protocol, nor waits before sending a body
			const unasked = status === 100 || status === 101;
			if (unasked || this.#interim > INTERIM_AT_MOST) throw new AnswerError(`unexpected ${status}`);
			return;
		}
		this.#head = head;
		if (framing.kind === 'length') this.#left = framing.bytes;
		if (framing.kind === 'chunked') this.#chunked = new Chunked();
		this.keptFor = head.keptFor;
		this.done = framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0);
		this.#listener.onHead(status, headers);
	}

	#readBody(bytes: Buffer, { framing }: AnswerHead): number {
		if (bytes.length === 0) return 0;
		if (this.#chunked !== null) {
			const taken = this.#chunked.read(bytes, (part) => {
				this.#listener.onData(Buffer.from(part));
			});
			this.done = this.#chunked.done;
			return taken;
		}
		const taken = framing.kind === 'length' ? Math.min(bytes.length, this.#left) : bytes.length;
		this.#left -= taken;
		this.#listener.onData(Buffer.from(taken === bytes.length ? bytes : bytes.subarray(0, taken)));
		this.done = framing.kind === 'length' && this.#left === 0;
		return taken;
	}
}

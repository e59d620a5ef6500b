import type { IncomingHttpHeaders } from 'node:http';

import { addHeader, AnswerError } from './answer-head.ts';

/** A line of size with its extensions; trailers as a whole. */
const LINE_AT_MOST = 4_096;
const TRAILERS_AT_MOST = 16_384;
const SIZE = /^([0-9a-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i;

/**
 * Takes the chunks of a body apart (RFC 9112, 7.1), however they are cut on their way. Trailers are read and
 * dropped: nobody here asks for any.
 *
 *   size --a size--> data --all of it--> after --CRLF--> size
 *     '--0--> trailers --an empty line--> done
 */
export class Chunked {
	#state: 'size' | 'data' | 'after' | 'trailers' | 'done' = 'size';
	#left = 0;
	#line = '';
	#trailers = 0;

	get done(): boolean {
		return this.#state === 'done';
	}

	/**
	 * @param onData gets views of `bytes`
	 * @returns how many bytes belong to the body; fewer than given only when it is done
	 * @throws AnswerError
	 */
	read(bytes: Buffer, onData: (part: Buffer) => void): number {
		let at = 0;
		while (at < bytes.length && this.#state !== 'done') {
			if (this.#state === 'data') {
				const end = Math.min(bytes.length, at + this.#left);
				onData(bytes.subarray(at, end));
				this.#left -= end - at;
				at = end;
				if (this.#left === 0) this.#state = 'after';
			} else {
				at = this.#readLine(bytes, at);
			}
		}
		return at;
	}

	#readLine(bytes: Buffer, start: number): number {
		const feed = bytes.indexOf(0x0a, start);
		const end = feed === -1 ? bytes.length : feed + 1;
		this.#line += bytes.toString('latin1', start, end);
		if (this.#line.length > LINE_AT_MOST) throw new AnswerError('a chunk is malformed');
		if (feed !== -1) {
			const line = this.#line;
			this.#line = '';
			if (!line.endsWith('\r\n')) throw new AnswerError('a chunk is malformed');
			this.#take(line.slice(0, -2));
		}
		return end;
	}

	#take(line: string): void {
		if (this.#state === 'size') {
			const digits = SIZE.exec(line)?.[1];
			if (digits === undefined) throw new AnswerError('the size of a chunk is malformed');
			this.#left = Number.parseInt(digits, 16);
			this.#state = this.#left === 0 ? 'trailers' : 'data';
		} else if (this.#state === 'after') {
			if (line !== '') throw new AnswerError('a chunk is longer than its size');
			this.#state = 'size';
		} else {
			this.#trailers += line.length;
			if (this.#trailers > TRAILERS_AT_MOST) throw new AnswerError('the trailers are too long');
			if (line === '') this.#state = 'done';
			else checkTrailer(line);
		}
	}
}

/** What would tell where a body ends comes too late here. */
function checkTrailer(line: string): void {
	const trailer: IncomingHttpHeaders = {};
	addHeader(trailer, line);
	if (
		Object.keys(trailer).some((name) => name === 'content-length' || name === 'transfer-encoding')
	) {
		throw new AnswerError('a trailer of the frame');
	}
}

import type { IncomingHttpHeaders } from 'node:http';

/** An answer that is no HTTP/1.1: what follows on its connection cannot be trusted. */
export class AnswerError extends Error {
	readonly code = 'ERR_HTTP_ANSWER';
	override readonly name = 'AnswerError';
}

/** How the end of a body is known (RFC 9112, 6.3). */
export type Framing =
	{ kind: 'none' } | { kind: 'length'; bytes: number } | { kind: 'chunked' } | { kind: 'close' };

/** Status line and headers of an answer. */
export interface AnswerHead {
	status: number;
	/** Lower-case names; values of the same name are joined by `, `, those of `set-cookie` are a list. */
	headers: IncomingHttpHeaders;
	framing: Framing;
	/** Milliseconds for which the connection may be used again; 0: never. */
	keptFor: number;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const LENGTH = /^\d{1,15}$/;

/** What is taken for granted of servers that say nothing of it, in milliseconds; the others are believed up to ten minutes. */
export const KEPT_FOR = 4_000;
const KEPT_AT_MOST = 600_000;
/** A connection is left alone so long before the server closes it. */
const CLOSING_SOON = 2_000;

/**
 * Reads what stands before the empty line. Strict, as llhttp is: no folded lines, no bare line feeds, no name with a
 * space behind it, and no doubt about where the body ends, since whoever doubts takes the rest for the next answer.
 * @param text one character a byte, without the empty line
 * @throws AnswerError
 */
export function readHead(text: string): AnswerHead {
	const lines = text.split('\r\n');
	const [, minor, digits] = STATUS_LINE.exec(lines[0] ?? '') ?? [];
	if (digits === undefined) throw new AnswerError('the status line is malformed');
	const headers: IncomingHttpHeaders = {};
	for (let i = 1; i < lines.length; i++) addHeader(headers, lines[i]!);
	const status = Number(digits);
	const framing = framingOf(status, headers, minor === '1');
	const reusable = minor === '1' && framing.kind !== 'close' && !hasStrayBody(framing, headers);
	return { status, headers, framing, keptFor: reusable ? keptFor(headers) : 0 };
}

/** @throws AnswerError */
export function addHeader(headers: IncomingHttpHeaders, line: string): void {
	const colon = line.indexOf(':');
	const name = line.slice(0, Math.max(0, colon));
	if (!NAME.test(name)) throw new AnswerError('a header line is malformed');
	const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '');
	if (!VALUE.test(value)) throw new AnswerError('a header value is malformed');
	const key = name.toLowerCase();
	if (key === 'set-cookie') {
		(headers['set-cookie'] ??= []).push(value);
		return;
	}
	if (key === '__proto__') return;
	const before = Object.hasOwn(headers, key) ? headers[key] : undefined;
	headers[key] = before === undefined ? value : `${before as string}, ${value}`;
}

function framingOf(status: number, headers: IncomingHttpHeaders, modern: boolean): Framing {
	const coding = headers['transfer-encoding'];
	const length = headers['content-length'];
	if (coding !== undefined) {
		if (length !== undefined) throw new AnswerError('two ways to tell where the body ends');
		if (!modern || coding.toLowerCase() !== 'chunked') {
			throw new AnswerError('Transfer-Encoding: expected chunked');
		}
	}
	if (length !== undefined && !LENGTH.test(length)) {
		throw new AnswerError('Content-Length: expected one number');
	}
	if (status < 200 || status === 204 || status === 304) return { kind: 'none' };
	if (coding !== undefined) return { kind: 'chunked' };
	return length === undefined ? { kind: 'close' } : { kind: 'length', bytes: Number(length) };
}

/** Some send a body where none may be: it would be taken for the next answer. */
function hasStrayBody(framing: Framing, headers: IncomingHttpHeaders): boolean {
	if (framing.kind !== 'none') return false;
	return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Of a connection that may be used again, in milliseconds. */
function keptFor(headers: IncomingHttpHeaders): number {
	const { connection } = headers;
	if (connection !== undefined && /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(connection)) return 0;
	const told = headers['keep-alive'];
	if (told === undefined) return KEPT_FOR;
	const seconds = /(?:^|[,;\t ])timeout=(\d{1,9})/i.exec(String(told))?.[1];
	if (seconds === undefined) return KEPT_FOR;
	return Math.max(0, Math.min(KEPT_AT_MOST, Number(seconds) * 1000 - CLOSING_SOON));
}

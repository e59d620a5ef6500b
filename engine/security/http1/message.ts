import type { HttpRequest } from '../security.port.ts';

const PATH = /^\/[\x21-\x7e]*$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** ASCII only, so that head and body can go out as one text. */
const VALUE = /^[\t\x20-\x7e]*$/;

/** Bodies of bytes up to here are copied behind their head: one write costs more than that. */
const COPIED = 16_384;

/** What goes out: text, or the head as bytes and behind it as many more as are not copied. */
export type Outgoing =
	{ text: string; encoding: 'latin1' | 'utf8' } | { bytes: Uint8Array; rest: Uint8Array | null };

/**
 * What goes out, head and body in one where that is cheaper.
 * @throws TypeError when a part could end its line: a fault of ours, as settings are checked when they are made
 */
export function messageOf(request: HttpRequest, host: string): Outgoing {
	const { method, path, headers, fixedHeaders, body } = request;
	if (!PATH.test(path)) throw new TypeError('a path with forbidden characters');
	let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
	if (fixedHeaders !== undefined) text += fixedLines(fixedHeaders);
	text += linesOf(headers);
	const length = body === null ? 0 : Buffer.byteLength(body);
	if (body !== null || method !== 'GET') text += `content-length: ${length}\r\n`;
	text += '\r\n';
	if (body instanceof Uint8Array) return behindHead(text, body);
	if (body !== null) text += body;
	// one byte a character is copied as it is
	return { text, encoding: length === (body?.length ?? 0) ? 'latin1' : 'utf8' };
}

const written = new WeakMap<readonly string[], string>();

function fixedLines(headers: readonly string[]): string {
	let lines = written.get(headers);
	if (lines === undefined) written.set(headers, (lines = linesOf(headers)));
	return lines;
}

/** @throws TypeError */
function linesOf(headers: readonly string[]): string {
	let lines = '';
	for (let i = 0; i < headers.length; i += 2) {
		const name = headers[i] ?? '';
		const value = headers[i + 1] ?? '';
		if (!NAME.test(name)) throw new TypeError('a header name with forbidden characters');
		if (!VALUE.test(value)) throw new TypeError(`header ${name}: forbidden characters`);
		lines += `${name}: ${value}\r\n`;
	}
	return lines;
}

function behindHead(head: string, body: Uint8Array): Outgoing {
	if (body.length > COPIED) return { bytes: Buffer.from(head, 'latin1'), rest: body };
	const bytes = Buffer.allocUnsafe(head.length + body.length);
	bytes.write(head, 0, 'latin1');
	bytes.set(body, head.length);
	return { bytes, rest: null };
}

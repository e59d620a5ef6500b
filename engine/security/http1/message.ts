import type { HttpRequest } from '../security.port.ts';

const PATH = /^\/[\x21-\x7e]*$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** ASCII only, so that head and body can go out as one text. */
const VALUE = /^[\t\x20-\x7e]*$/;

/**
 * What goes out, head and body in one.
 * @throws TypeError when a part could end its line: a fault of ours, as settings are checked when they are made
 */
export function messageOf(
	{ method, path, headers, body }: HttpRequest,
	host: string,
): { text: string; encoding: 'latin1' | 'utf8' } {
	if (!PATH.test(path)) throw new TypeError('a path with forbidden characters');
	let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
	for (let i = 0; i < headers.length; i += 2) {
		const name = headers[i] ?? '';
		const value = headers[i + 1] ?? '';
		if (!NAME.test(name)) throw new TypeError('a header name with forbidden characters');
		if (!VALUE.test(value)) throw new TypeError(`header ${name}: forbidden characters`);
		text += `${name}: ${value}\r\n`;
	}
	const length = body === null ? 0 : Buffer.byteLength(body);
	if (body !== null || method === 'POST') text += `content-length: ${length}\r\n`;
	text += '\r\n';
	if (body !== null) text += body;
	// one byte a character is copied as it is
	return { text, encoding: length === (body?.length ?? 0) ? 'latin1' : 'utf8' };
}

import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import { CapError } from '../contract/errors.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

/** What is said of a request that never became one, by Node's code. */
const REFUSALS: Readonly<Record<string, [status: number, expected: string]>> = {
	HPE_HEADER_OVERFLOW: [431, 'a request line and headers of at most 16,384 bytes'],
	HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'chunks without long extensions'],
	ERR_HTTP_REQUEST_TIMEOUT: [408, 'the whole request in time'],
};
const OTHERWISE: [number, string] = [400, 'HTTP/1.1 that can be read'];

/** Answers what the parser of HTTP refuses before any route sees it: a problem like any other, and the end of it. */
export function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
	if (!socket.writable || error.code === 'ECONNRESET') {
		socket.destroy();
		return;
	}
	const [status, expected] = REFUSALS[error.code ?? ''] ?? OTHERWISE;
	const issues = [{ path: 'request', expected }];
	const refusal = new CapError('INVALID_REQUEST', `request: expected ${expected}`, { issues });
	const body = JSON.stringify({ ...problemOf(refusal, ''), status, requestId: undefined });
	socket.end(
		`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
			`content-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
			`connection: close\r\n\r\n${body}`,
	);
}

import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';

import type { Clock } from '../clock.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { Duration } from '../contract/time.ts';

const inflate = promisify(gunzip);

/** How long a JSON body may take to arrive. */
const BODY_WITHIN: Duration = 30_000;
/** Of a body that is too long this much is read and dropped, so that the client gets to read the answer. */
const DROP_AT_MOST = 16 * 1_048_576;

export interface BodyLimits {
	/** Of the bytes as sent and of the inflated ones. */
	maxBytes: number;
	clock: Clock;
}

export function hasBody(request: IncomingMessage): boolean {
	return (
		request.headers['transfer-encoding'] !== undefined ||
		Number(request.headers['content-length'] ?? 0) > 0
	);
}

/** @throws CapError UNSUPPORTED_MEDIA_TYPE unless the body is said to be JSON in UTF-8 */
export function demandJson(request: IncomingMessage): void {
	const sent = request.headers['content-type'];
	const [type = '', ...parameters] = (sent ?? '').toLowerCase().split(';');
	const charset = parameters.map((p) => p.trim()).find((p) => p.startsWith('charset='));
	const utf8 = charset === undefined || /^charset="?utf-8"?$/.test(charset);
	if (type.trim() === 'application/json' && utf8) return;
	throw inputError('UNSUPPORTED_MEDIA_TYPE', {
		path: 'header Content-Type',
		expected: 'application/json (UTF-8)',
		received: sent === undefined ? 'none' : JSON.stringify(sent.slice(0, 100)),
	});
}

/** The whole body, inflated. @throws CapError BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Uint8Array> {
	const zipped = isGzip(request);
	const bytes = await collect(request, limits);
	if (!zipped) return bytes;
	try {
		return await inflate(bytes, { maxOutputLength: limits.maxBytes });
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
			throw tooLarge(limits.maxBytes);
		throw notGzip(error);
	}
}

/** The body as a stream, inflated; whoever reads it limits its length. */
export async function* streamBody(request: IncomingMessage): AsyncGenerator<Uint8Array> {
	if (!isGzip(request)) {
		// whoever stops reading still has an answer to send: the socket must stay
		yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
		return;
	}
	const inflating = createGunzip();
	request.on('error', (error) => inflating.destroy(error));
	request.pipe(inflating);
	try {
		yield* inflating as AsyncIterable<Uint8Array>;
	} catch (error) {
		throw request.errored ?? notGzip(error);
	} finally {
		inflating.destroy();
	}
}

/** Reads what comes; of what is too long only the beginning, and drops it. */
function collect(request: IncomingMessage, { maxBytes, clock }: BodyLimits): Promise<Buffer> {
	const declared = Number(request.headers['content-length'] ?? 0);
	if (declared > maxBytes + DROP_AT_MOST) return Promise.reject(tooLarge(maxBytes));
	const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
	let chunks: Buffer[] = [];
	let size = 0;
	const onData = (chunk: Buffer): void => {
		size += chunk.length;
		if (size <= maxBytes) chunks.push(chunk);
		else chunks = [];
		if (size > maxBytes + DROP_AT_MOST) reject(tooLarge(maxBytes));
	};
	const onEnd = (): void => {
		if (size > maxBytes) reject(tooLarge(maxBytes));
		else resolve(Buffer.concat(chunks, size));
	};
	const cancel = clock.after(BODY_WITHIN, () => {
		reject(slowBody());
	});
	request.on('data', onData).on('end', onEnd).on('error', reject);
	return promise.finally(() => {
		cancel();
		request.off('data', onData).off('end', onEnd).off('error', reject).pause();
	});
}

function isGzip(request: IncomingMessage): boolean {
	const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
	if (encoding === 'identity') return false;
	if (encoding === 'gzip') return true;
	throw inputError('UNSUPPORTED_MEDIA_TYPE', {
		path: 'header Content-Encoding',
		expected: 'gzip or none',
		received: JSON.stringify(encoding.slice(0, 100)),
	});
}

const tooLarge = (maxBytes: number): CapError =>
	new CapError('BODY_TOO_LARGE', `body: expected at most ${maxBytes} bytes, inflated`, {
		issues: [{ path: 'body', expected: `at most ${maxBytes} bytes, inflated` }],
	});

const notGzip = (cause: unknown): CapError =>
	new CapError('INVALID_REQUEST', 'body: expected whole and valid gzip', {
		issues: [{ path: 'body', expected: 'whole and valid gzip' }],
		cause,
	});

const slowBody = (): CapError =>
	new CapError('INVALID_REQUEST', `body: expected to arrive within ${BODY_WITHIN / 1000} s`);

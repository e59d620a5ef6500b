import { connect } from 'node:net';
import type { LookupFunction, Socket } from 'node:net';

import { CapError } from '../contract/errors.ts';
import type { Duration } from '../contract/time.ts';
import type { Endpoint } from './endpoint.ts';

/** A connected socket, within the time. The guard is in `lookup`; a literal was judged before. */
export function openSocket(
	endpoint: Endpoint,
	lookup: LookupFunction,
	{ signal, timeout }: { signal: AbortSignal | undefined; timeout: Duration },
): Promise<Socket> {
	return new Promise((resolve, reject) => {
		const fail = (error: Error): void => {
			socket.destroy();
			reject(error);
		};
		const onAbort = (): void => {
			fail(new CapError('CANCELLED', 'the attempt was cancelled', { retry: 'later' }));
		};
		const socket = connect({ host: endpoint.host, port: endpoint.port, lookup, noDelay: true });
		const timer = setTimeout(() => {
			const where = `${endpoint.host}:${endpoint.port}`;
			fail(new CapError('TIMEOUT', `${where}: no connection in ${timeout} ms`, { retry: 'later' }));
		}, timeout);
		const settle = (): void => {
			clearTimeout(timer);
			signal?.removeEventListener('abort', onAbort);
		};
		const onError = (error: Error): void => {
			settle();
			fail(error instanceof CapError ? error : unreachable(endpoint, error));
		};
		socket.once('connect', () => {
			settle();
			socket.off('error', onError);
			// until its new owner listens, an error must not end the process
			socket.on('error', () => undefined);
			resolve(socket);
		});
		socket.once('error', onError);
		socket.once('close', settle);
		signal?.addEventListener('abort', onAbort, { once: true });
		if (signal?.aborted) onAbort();
	});
}

export function unreachable({ host, port }: Endpoint, cause: Error): CapError {
	const why = (cause as NodeJS.ErrnoException).code ?? cause.message;
	return new CapError('TARGET_UNREACHABLE', `${host}:${port}: ${why}`, { retry: 'later', cause });
}

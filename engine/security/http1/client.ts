import type { buildConnector } from 'undici';

import type { HttpClient } from '../security.port.ts';
import { Origin } from './origin.ts';

const SWEEP_EVERY = 1_000;

export interface Http1Client extends HttpClient {
	/** Ends everything at once. */
	close(): void;
}

/**
 * HTTP/1.1 for small messages, in a fraction of the processor time that a general client takes (see docs/decisions.md):
 * text out, an answer in, no streams, one exchange a connection at a time. Follows no redirect.
 * @param connect makes every socket: the guard is in it
 */
export function createHttp1Client(options: {
	connect: buildConnector.connector;
	/** Connections to one origin at most. */
	connections: number;
}): Http1Client {
	const origins = new Map<string, Origin>();
	let sweeping: NodeJS.Timeout | null = null;
	let closed = false;

	function originOf(text: string): Origin {
		const known = origins.get(text);
		if (known !== undefined) return known;
		const { hostname, host, protocol, port } = new URL(text);
		const target = { hostname: hostname.replace(/^\[|\]$/g, ''), host, protocol, port };
		const origin = new Origin(host, {
			most: options.connections,
			connect: (callback) => {
				options.connect(target, (error, socket) => {
					callback(error, socket);
				});
			},
		});
		origins.set(text, origin);
		sweeping ??= setInterval(sweep, SWEEP_EVERY).unref();
		return origin;
	}

	function sweep(): void {
		const now = performance.now();
		for (const [text, origin] of origins) {
			origin.sweep(now);
			if (origin.unused) origins.delete(text);
		}
		if (origins.size > 0 || sweeping === null) return;
		clearInterval(sweeping);
		sweeping = null;
	}

	return {
		dispatch(request, listener) {
			if (closed) listener.onError(new Error('the engine is closing its connections'));
			else originOf(request.origin).dispatch(request, listener);
		},
		close() {
			closed = true;
			if (sweeping !== null) clearInterval(sweeping);
			for (const origin of origins.values()) {
				origin.end(new Error('the engine is closing its connections'));
			}
			origins.clear();
		},
	};
}

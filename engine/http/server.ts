import type { RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

import { CapError } from '../contract/errors.ts';
import type { Duration } from '../contract/time.ts';
import { refuseUnreadable } from './unreadable.ts';

export interface RunningServer {
	/** Where it listens: `http://127.0.0.1:7070`. */
	url: string;
	port: number;
	/**
	 * Takes no more connections, ends idle ones and event streams at once, waits for answers under way,
	 * and cuts off what is left after that time.
	 */
	close(within: Duration): Promise<void>;
}

const LIMITS = {
	/** The headers must be there by then: slow senders hold no connection. */
	headersTimeout: 15_000,
	/** So must the whole request; the longest are results that capabilities send. */
	requestTimeout: 30 * 60_000,
	keepAliveTimeout: 65_000,
	connectionsCheckingInterval: 5_000,
	maxHeaderSize: 16_384,
};
/** A connection on which nothing moves for that long is cut; longer than any wait that we offer. */
const STALLED = 120_000;
const MAX_REQUESTS_OF_CONNECTION = 100_000;
const CHECK_EVERY = 25;

/** @throws CapError INTERNAL when the address cannot be listened on */
export async function startServer(
	app: RequestListener,
	{ host, port }: { host: string; port: number },
): Promise<RunningServer> {
	const open = new Set<ServerResponse>();
	let closing = false;
	const server = createServer(LIMITS, (request, response) => {
		open.add(response);
		response.once('close', () => open.delete(response));
		if (closing) response.setHeader('connection', 'close');
		void app(request, response);
	});
	server.on('clientError', (error, socket) => {
		const answering = [...open].some((one) => one.socket === socket && one.headersSent);
		if (answering) socket.destroy();
		else refuseUnreadable(error, socket);
	});
	server.timeout = STALLED;
	server.maxRequestsPerSocket = MAX_REQUESTS_OF_CONNECTION;
	server.listen({ host, port });
	try {
		await once(server, 'listening');
	} catch (error) {
		throw new CapError(
			'INTERNAL',
			`cannot listen on ${host}:${port}: ${(error as Error).message}`,
			{
				cause: error,
			},
		);
	}
	const { address, port: bound, family } = server.address() as AddressInfo;
	const name = family === 'IPv6' ? `[${address}]` : address;

	return {
		url: `http://${name}:${bound}`,
		port: bound,
		async close(within) {
			if (closing) return;
			closing = true;
			const closed = once(server, 'close');
			server.close();
			for (const response of open) finish(response);
			// a connection becomes idle when its answer is sent: look again until all have gone
			const sweep = setInterval(() => {
				server.closeIdleConnections();
			}, CHECK_EVERY);
			const cut = setTimeout(() => {
				server.closeAllConnections();
			}, within);
			await closed;
			clearInterval(sweep);
			clearTimeout(cut);
		},
	};
}

function finish(response: ServerResponse): void {
	const type = response.getHeader('content-type');
	if (typeof type === 'string' && type.startsWith('text/event-stream')) response.end();
	else if (!response.headersSent) response.setHeader('connection', 'close');
}

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
	method: string;
	url: string;
	headers: IncomingHttpHeaders;
	/** Of the bytes that arrived, counted and hashed by the receiver itself. */
	size: number;
	sha256: string;
	/** Kept for small bodies only. */
	body: Buffer;
	/** Whether the whole request came. */
	complete: boolean;
}

export interface Receiver {
	url: string;
	port: number;
	received: Received[];
	/** Resolves with the next request, whole or broken off. */
	next(): Promise<Received>;
	/** How it answers; default 200 with `{}`. */
	answer: (request: IncomingMessage, response: ServerResponse, received: Received) => void;
	close(): Promise<void>;
}

const KEPT_BYTES = 1_000_000;

/** A real HTTP server on a free port of loopback that writes down what it gets. */
export async function startReceiver(): Promise<Receiver> {
	const waiting: ((received: Received) => void)[] = [];
	const server = createServer((request, response) => {
		void take(request, response);
	});
	async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const hash = createHash('sha256');
		const kept: Buffer[] = [];
		let size = 0;
		let complete = true;
		try {
			for await (const chunk of request as AsyncIterable<Buffer>) {
				hash.update(chunk);
				size += chunk.length;
				if (size <= KEPT_BYTES) kept.push(chunk);
			}
		} catch {
			complete = false;
		}
		const received: Received = {
			method: request.method ?? '',
			url: request.url ?? '',
			headers: request.headers,
			size,
			sha256: hash.digest('hex'),
			body: Buffer.concat(kept),
			complete,
		};
		receiver.received.push(received);
		waiting.shift()?.(received);
		if (complete) receiver.answer(request, response, received);
	}
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	const receiver: Receiver = {
		url: `http://127.0.0.1:${port}/hook`,
		port,
		received: [],
		next: async () => new Promise((resolve) => waiting.push(resolve)),
		answer: (_request, response) => {
			response.setHeader('content-type', 'application/json');
			response.end('{}');
		},
		async close() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
	return receiver;
}

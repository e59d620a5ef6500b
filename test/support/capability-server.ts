import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Received {
	method: string;
	url: string;
	headers: IncomingMessage['headers'];
	body: string;
}

export type Handler = (response: ServerResponse, request: Received) => void;

/** A real HTTP server on a free port of loopback; what it does at which path is the test's. */
export class CapabilityServer {
	readonly received: Received[] = [];
	#handlers = new Map<string, Handler>();
	#server: Server;
	#sockets = new Set<Socket>();
	/** Answers that were begun and neither ended nor dropped. */
	open = 0;

	constructor() {
		this.#server = createServer((request, response) => void this.#serve(request, response));
		this.#server.on('connection', (socket: Socket) => {
			this.#sockets.add(socket);
			socket.on('close', () => this.#sockets.delete(socket));
			socket.on('error', () => undefined);
		});
	}

	async start(): Promise<this> {
		this.#server.listen(0, '127.0.0.1');
		await once(this.#server, 'listening');
		return this;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	url(path = '/'): string {
		return `http://127.0.0.1:${this.port}${path}`;
	}

	/** @returns the URL at which it answers so */
	on(path: string, handler: Handler): string {
		this.#handlers.set(path, handler);
		return this.url(path);
	}

	json(path: string, value: unknown, status = 200, headers: Record<string, string> = {}): string {
		return this.on(path, (response) => {
			response.writeHead(status, { 'content-type': 'application/json', ...headers });
			response.end(JSON.stringify(value));
		});
	}

	async close(): Promise<void> {
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
		await once(this.#server, 'close');
	}

	async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		this.open++;
		response.on('close', () => this.open--);
		const chunks: Buffer[] = [];
		try {
			for await (const chunk of request) chunks.push(chunk as Buffer);
		} catch {
			return; // the caller went away
		}
		const { method = '', url = '', headers } = request;
		const received = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
		this.received.push(received);
		const handler = this.#handlers.get(url.split('?')[0] ?? '');
		if (handler === undefined) response.writeHead(404).end();
		else handler(response, received);
	}
}

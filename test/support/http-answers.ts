import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import type { HttpClient, HttpExchange, HttpRequest } from '../../engine/security/security.port.ts';

export interface Got {
	status: number;
	headers: IncomingHttpHeaders;
	body: string;
}

/** What a server of bytes does with each request that it gets, in whole; the number counts within the connection. */
export type Respond = (socket: Socket, request: { text: string; number: number }) => void;

/** A server that knows no HTTP but where a request ends: what it answers is the test's, to the byte. */
export class ByteServer {
	readonly requests: string[] = [];
	connections = 0;
	respond: Respond = () => undefined;
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();

	constructor() {
		this.#server = createServer({ noDelay: true }, (socket) => {
			this.connections++;
			this.#sockets.add(socket);
			socket.on('error', () => undefined);
			socket.on('close', () => this.#sockets.delete(socket));
			let text = '';
			let number = 0;
			socket.on('data', (bytes) => {
				text += bytes.toString('latin1');
				for (let length = requestLength(text); length !== null; length = requestLength(text)) {
					const request = text.slice(0, length);
					text = text.slice(length);
					this.requests.push(request);
					this.respond(socket, { text: request, number: number++ });
				}
			});
		});
	}

	async start(): Promise<this> {
		this.#server.listen(0, '127.0.0.1');
		await once(this.#server, 'listening');
		return this;
	}

	get origin(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	get open(): number {
		return this.#sockets.size;
	}

	writeToAll(text: string): void {
		for (const socket of this.#sockets) socket.write(text);
	}

	async close(): Promise<void> {
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
		await once(this.#server, 'close');
	}
}

function requestLength(text: string): number | null {
	const end = text.indexOf('\r\n\r\n');
	if (end === -1) return null;
	const length = Number(/content-length: (\d+)/.exec(text.slice(0, end))?.[1] ?? 0);
	return text.length >= end + 4 + length ? end + 4 + length : null;
}

export function sendTo(
	client: HttpClient,
	origin: string,
	more: Partial<HttpRequest> & { onStart?: (exchange: HttpExchange) => void } = {},
): Promise<Got> {
	const { onStart, ...request } = more;
	return new Promise((resolve, reject) => {
		const got: Got = { status: 0, headers: {}, body: '' };
		client.dispatch(
			{ origin, path: '/', method: 'POST', headers: [], body: '{}', ...request },
			{
				onStart: (exchange) => onStart?.(exchange),
				onHead(_, status, headers) {
					got.status = status;
					got.headers = headers;
				},
				onData(_, bytes) {
					got.body += bytes.toString('latin1');
				},
				onEnd() {
					resolve(got);
				},
				onError: reject,
			},
		);
	});
}

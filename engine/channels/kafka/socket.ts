import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as startTls } from 'node:tls';

import type { Duration } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import { tlsOptions } from '../shared/tls.ts';

export interface SocketRequest {
	host: string;
	port: number;
	/** Null or absent: no TLS. */
	ssl?: { ca?: string | undefined } | null | undefined;
	onConnect(): void;
}

/**
 * A socket that the client may have at once, while the egress guard still looks: kafkajs wants one without waiting,
 * also for every broker that a cluster tells of. What it does with one is write, listen and end.
 */
export class GuardedSocket extends Duplex {
	#inner: Socket | null = null;
	#opening: Promise<Socket>;

	constructor(egress: Egress, request: SocketRequest, timeout: Duration) {
		super({ allowHalfOpen: false });
		this.#opening = open(egress, request, timeout);
		this.#opening.then(
			(socket) => {
				if (this.destroyed) {
					socket.destroy();
					return;
				}
				this.#inner = socket;
				socket.on('data', (chunk: Buffer) => {
					if (!this.push(chunk)) socket.pause();
				});
				socket.once('end', () => this.push(null));
				socket.once('error', (error) => this.destroy(error));
				socket.once('close', () => this.destroy());
				request.onConnect();
			},
			(error: unknown) => this.destroy(error as Error),
		);
	}

	override _read(): void {
		this.#inner?.resume();
	}

	override _write(
		chunk: Buffer,
		_encoding: BufferEncoding,
		done: (error?: Error | null) => void,
	): void {
		if (this.#inner !== null) {
			this.#inner.write(chunk, done);
			return;
		}
		this.#opening.then((socket) => socket.write(chunk, done), done);
	}

	override _final(done: (error?: Error | null) => void): void {
		this.#inner?.end();
		done();
	}

	override _destroy(error: Error | null, done: (error: Error | null) => void): void {
		this.#inner?.destroy();
		done(error);
	}

	/** What a socket has beside a stream. */
	unref(): this {
		this.#inner?.unref();
		return this;
	}
}

async function open(
	egress: Egress,
	{ host, port, ssl }: SocketRequest,
	timeout: Duration,
): Promise<Socket> {
	const socket = await egress.connect(host, port, { timeout });
	socket.setKeepAlive(true, 60_000);
	if (ssl === undefined || ssl === null) return socket;
	return new Promise((resolve, reject) => {
		const secure = startTls({
			socket,
			...tlsOptions({ host, ca: ssl.ca }),
		});
		const timer = setTimeout(() => {
			secure.destroy(Object.assign(new Error('no TLS in time'), { code: 'ETIMEDOUT' }));
		}, timeout);
		secure.once('error', reject);
		secure.once('close', () => {
			clearTimeout(timer);
			reject(Object.assign(new Error('closed while TLS began'), { code: 'ERR_TLS_CLOSED' }));
		});
		secure.once('secureConnect', () => {
			clearTimeout(timer);
			resolve(secure);
		});
	});
}

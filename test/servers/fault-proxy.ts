import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export type Direction = 'upstream' | 'downstream';

interface Faults {
	/** Milliseconds that every answer takes longer. */
	latency?: number;
	/** Bytes a second that go to the server. */
	rate?: number;
	/** Nothing goes this way any more, and nothing ends. */
	stalled?: Direction;
	/** Connections end by RST as soon as something goes this way. */
	reset?: Direction;
	/** Looked at before each piece of an answer: once it holds, the piece is dropped and the connection reset. */
	cutWhen?: () => Promise<boolean>;
}

/**
 * Faults on the wire, in front of a server: it may have several ports. A proxy of our own, since Toxiproxy
 * knows no half-closed connections, which TLS over FTP ends its data with, and no answer that is lost because of
 * what the server did.
 */
export interface FaultProxy {
	/** @returns the port in front of it, which is `listen` where that is given */
	proxy(target: { host: string; port: number }, listen?: number): Promise<number>;
	set(faults: Faults): void;
	/** How often an answer was cut. */
	readonly cuts: number;
	/** No faults any more. Connections that suffered from them end. */
	clear(): void;
	stop(): Promise<void>;
}

export function startFaultProxy(): FaultProxy {
	const servers: Server[] = [];
	const open = new Set<Socket>();
	let faults: Faults = {};
	let cuts = 0;

	function accept(client: Socket, target: { host: string; port: number }): void {
		const upstream = connect({ ...target, allowHalfOpen: true });
		for (const socket of [client, upstream]) {
			open.add(socket);
			socket.on('error', () => {
				client.destroy();
				upstream.destroy();
			});
			socket.on('close', () => open.delete(socket));
		}
		const kill = (): void => {
			client.resetAndDestroy();
			upstream.destroy();
		};
		pump(client, upstream, { direction: 'upstream', kill }).catch(kill);
		pump(upstream, client, { direction: 'downstream', kill }).catch(kill);
	}

	async function pump(
		from: Socket,
		to: Socket,
		{ direction, kill }: { direction: Direction; kill: () => void },
	): Promise<void> {
		let before: Promise<void> = Promise.resolve();
		for await (const chunk of from as AsyncIterable<Buffer>) {
			const due = direction === 'downstream' ? delay(faults.latency ?? 0) : null;
			if (faults.reset === direction) {
				kill();
				return;
			}
			if (faults.stalled === direction) await new Promise(() => undefined);
			if (direction === 'downstream' && faults.cutWhen && (await faults.cutWhen())) {
				cuts += 1;
				kill();
				return;
			}
			// what is late must not hold up the reading of what comes after it
			const after = before;
			before = (async () => {
				await after;
				await due;
				await pass(to, chunk, direction);
			})();
			if (faults.latency === undefined) await before;
		}
		await before;
		to.end();
	}

	async function pass(to: Socket, chunk: Buffer, direction: Direction): Promise<void> {
		const rate = direction === 'upstream' ? faults.rate : undefined;
		const piece = rate === undefined ? chunk.length : Math.ceil(rate / 20);
		for (let at = 0; at < chunk.length; at += piece) {
			if (!to.write(chunk.subarray(at, at + piece))) await once(to, 'drain');
			if (rate !== undefined) await delay(50);
		}
	}

	return {
		async proxy(target, listen = 0) {
			const server = createServer({ allowHalfOpen: true }, (client) => {
				accept(client, target);
			});
			server.listen(listen, '127.0.0.1');
			await once(server, 'listening');
			servers.push(server);
			const address = server.address();
			return typeof address === 'object' && address !== null ? address.port : 0;
		},
		set(next) {
			faults = next;
		},
		get cuts() {
			return cuts;
		},
		clear() {
			const suffered = Object.keys(faults).length > 0;
			faults = {};
			if (suffered) for (const socket of open) socket.destroy();
		},
		async stop() {
			for (const socket of open) socket.destroy();
			for (const server of servers) {
				server.close();
				await once(server, 'close');
			}
		},
	};
}

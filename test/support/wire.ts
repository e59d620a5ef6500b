import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface Pair {
	client: Socket;
	server: Socket;
}

/** A wire to a server on loopback that a test can listen to, hold and cut. */
export interface Wire {
	port: number;
	/** How many connections were made. */
	connections: number;
	/** What the client says; false swallows it. */
	toServer: (chunk: Buffer, pair: Pair) => boolean;
	/** What the server says; false swallows it. */
	toClient: (chunk: Buffer, pair: Pair) => boolean;
	/** Cuts every connection by a reset. */
	cut(): void;
	close(): Promise<void>;
}

export async function startWire(port: number): Promise<Wire> {
	const pairs = new Set<Pair>();
	const listener = createServer({ noDelay: true }, (client) => {
		const server = connect({ port, host: '127.0.0.1', noDelay: true });
		const pair = { client, server };
		pairs.add(pair);
		wire.connections += 1;
		client.on('data', (chunk) => {
			if (wire.toServer(chunk, pair) && server.writable) server.write(chunk);
		});
		server.on('data', (chunk) => {
			if (wire.toClient(chunk, pair) && client.writable) client.write(chunk);
		});
		for (const [one, other] of [
			[client, server],
			[server, client],
		] as const) {
			one.on('error', () => other.destroy());
			one.on('end', () => other.end());
			one.on('close', () => {
				other.destroy();
				pairs.delete(pair);
			});
		}
	}).listen(0, '127.0.0.1');
	await once(listener, 'listening');
	const cut = (): void => {
		for (const { client, server } of pairs) {
			client.resetAndDestroy();
			server.destroy();
		}
	};
	const wire: Wire = {
		port: (listener.address() as AddressInfo).port,
		connections: 0,
		toServer: () => true,
		toClient: () => true,
		cut,
		async close() {
			cut();
			listener.close();
			await once(listener, 'close');
		},
	};
	return wire;
}

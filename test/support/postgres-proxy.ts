import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** Stands between an engine and PostgreSQL and spoils what goes through. */
export interface PostgresProxy {
	port: number;
	/** Resets every connection; new ones are taken. */
	reset(): void;
	/** Nothing goes through any more, in either direction, and nobody is told. The result lets it go on. */
	stall(): () => void;
	/**
	 * Connections that are there become half open: what is sent that way is swallowed from now on, and nobody is told. New
	 * ones are whole.
	 */
	swallow(direction: 'requests' | 'replies'): void;
	/**
	 * The next commits are carried out, and their replies lost with the connection.
	 * @returns resolves when that has happened as often
	 */
	loseReplies(times: number): Promise<void>;
	/** The next commits are lost on their way, with the connection. */
	loseCommits(times: number): Promise<void>;
	close(): Promise<void>;
}

/** A simple query `COMMIT`, as the protocol has it. */
const COMMIT = Buffer.from('Q\0\0\0\u000bCOMMIT\0', 'latin1');
/** The server's `CommandComplete` for it. */
const COMMITTED = Buffer.from('COMMIT\0');

interface Loss {
	kind: 'reply' | 'request';
	left: number;
	done: () => void;
}

export async function startPostgresProxy(target: number): Promise<PostgresProxy> {
	const pairs = new Set<[Socket, Socket]>();
	const swallowed = { requests: new Set<Socket>(), replies: new Set<Socket>() };
	let stalled = false;
	let loss: Loss | null = null;

	const lost = (): void => {
		if (loss === null) return;
		loss.left -= 1;
		if (loss.left > 0) return;
		loss.done();
		loss = null;
	};

	const server = createServer((client) => {
		const upstream = connect(target, '127.0.0.1');
		const pair: [Socket, Socket] = [client, upstream];
		pairs.add(pair);
		let awaited = false;
		const end = (): void => {
			pairs.delete(pair);
			client.destroy();
			upstream.destroy();
		};
		client.on('error', end).on('close', end);
		upstream.on('error', end).on('close', end);
		client.on('data', (chunk) => {
			if (stalled || swallowed.requests.has(client)) return;
			if (chunk.includes(COMMIT)) {
				if (loss?.kind === 'request') {
					lost();
					client.resetAndDestroy();
					upstream.destroy();
					return;
				}
				awaited = loss?.kind === 'reply';
			}
			upstream.write(chunk);
		});
		upstream.on('data', (chunk) => {
			if (stalled || swallowed.replies.has(client)) return;
			if (awaited && chunk.includes(COMMITTED)) {
				awaited = false;
				lost();
				client.resetAndDestroy();
				upstream.destroy();
				return;
			}
			client.write(chunk);
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');

	const losing = (kind: Loss['kind'], times: number): Promise<void> =>
		new Promise((done) => {
			loss = { kind, left: times, done };
		});

	return {
		port: (server.address() as AddressInfo).port,
		reset() {
			for (const [client, upstream] of pairs) {
				client.resetAndDestroy();
				upstream.resetAndDestroy();
			}
		},
		stall() {
			stalled = true;
			return () => {
				stalled = false;
			};
		},
		swallow(direction) {
			for (const [client] of pairs) swallowed[direction].add(client);
		},
		loseReplies: (times) => losing('reply', times),
		loseCommits: (times) => losing('request', times),
		async close() {
			for (const [client, upstream] of pairs) {
				client.destroy();
				upstream.destroy();
			}
			server.close();
			await once(server, 'close');
		},
	};
}

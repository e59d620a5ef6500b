import type { Socket } from 'node:net';

import type { HttpListener, HttpRequest } from '../security.port.ts';
import type { ConnectionOwner } from './connection.ts';
import { Connection } from './connection.ts';
import { LastHead } from './last-head.ts';

/** Makes a socket that may be written to; it has passed the guard. */
export type Connect = (callback: (error: Error | null, socket: Socket | null) => void) => void;

interface Waiting {
	request: HttpRequest;
	listener: HttpListener;
}

/** So many handshakes at once: what a server's backlog takes, and a fast one needs no more connections than that. */
const CONNECTING_AT_MOST = 64;

/**
 * The connections to one origin. The one used last is used next, so that those which are not needed grow old and go.
 *
 * Requests are handed out once a turn of the event loop, and a connection rests a turn after its answer: between an
 * answer and the next request the loop has looked at the socket, and what a server sent beyond its answer has ended
 * the connection, rather than being taken for the next answer.
 */
export class Origin implements ConnectionOwner {
	readonly host: string;
	readonly lastHead = new LastHead();
	readonly #connect: Connect;
	readonly #most: number;
	#waiting: Waiting[] = [];
	#idle: Connection[] = [];
	/** Free since the last turn. */
	#rested: Connection[] = [];
	readonly #all = new Set<Connection>();
	#connecting = 0;
	#scheduled = false;
	#ended = false;

	constructor(host: string, { connect, most }: { connect: Connect; most: number }) {
		this.host = host;
		this.#connect = connect;
		this.#most = most;
	}

	get unused(): boolean {
		return this.#waiting.length === 0 && this.#all.size === 0 && this.#connecting === 0;
	}

	dispatch(request: HttpRequest, listener: HttpListener): void {
		this.#waiting.push({ request, listener });
		this.#schedule();
	}

	onFree(connection: Connection): void {
		this.#rested.push(connection);
		this.#schedule();
	}

	onClosed(connection: Connection): void {
		this.#all.delete(connection);
		this.#idle = this.#idle.filter((other) => other !== connection);
		this.#rested = this.#rested.filter((other) => other !== connection);
		if (this.#waiting.length > 0) this.#schedule();
	}

	/** Closes what has been idle for too long; the rest does not keep the process alive. */
	sweep(now: number): void {
		for (const connection of [...this.#idle]) {
			if (connection.keptUntil <= now) connection.destroy();
			else connection.rest();
		}
	}

	end(error: Error): void {
		this.#ended = true;
		for (const { listener } of this.#waiting.splice(0)) listener.onError(error);
		for (const connection of [...this.#all]) connection.destroy();
	}

	#schedule(): void {
		if (this.#scheduled || this.#ended) return;
		this.#scheduled = true;
		setImmediate(() => {
			this.#scheduled = false;
			this.#turn();
		});
	}

	#turn(): void {
		const now = performance.now();
		const work = this.#waiting;
		let next = 0;
		while (next < work.length) {
			const connection = this.#idle.pop();
			if (connection === undefined) break;
			if (!connection.usable || connection.keptUntil <= now) connection.destroy();
			else this.#give(connection, work[next++]!);
		}
		if (next > 0) this.#waiting.splice(0, next);
		const soon = this.#rested.length;
		this.#idle.push(...this.#rested.splice(0));
		const missing = this.#waiting.length - soon - this.#connecting;
		const room = this.#most - this.#all.size - this.#connecting;
		const more = Math.min(missing, room, CONNECTING_AT_MOST - this.#connecting);
		for (let i = 0; i < more; i++) this.#open();
		if (soon > 0 && this.#waiting.length > 0) this.#schedule();
	}

	#give(connection: Connection, { request, listener }: Waiting): void {
		try {
			connection.send(request, listener);
		} catch (error) {
			// nothing was sent
			this.onFree(connection);
			listener.onError(error as Error);
		}
	}

	#open(): void {
		this.#connecting++;
		this.#connect((error, socket) => {
			this.#connecting--;
			if (socket === null) {
				this.#waiting.shift()?.listener.onError(error ?? new Error('no connection'));
				if (this.#waiting.length > 0) this.#schedule();
				return;
			}
			if (this.#ended) {
				socket.destroy();
				return;
			}
			const connection = new Connection(socket, this);
			this.#all.add(connection);
			const first = this.#waiting.shift();
			if (first === undefined) this.#idle.push(connection);
			else this.#give(connection, first);
			if (this.#waiting.length > 0) this.#schedule();
		});
	}
}

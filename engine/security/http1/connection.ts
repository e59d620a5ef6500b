import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';

import type { HttpExchange, HttpListener, HttpRequest } from '../security.port.ts';
import { KEPT_FOR } from './answer-head.ts';
import type { AnswerListener } from './answer-reader.ts';
import { AnswerReader } from './answer-reader.ts';
import type { LastHead } from './last-head.ts';
import type { Outgoing } from './message.ts';
import { messageOf } from './message.ts';

/** Who hands out requests to connections. */
export interface ConnectionOwner {
	/** For the header of that name. */
	readonly host: string;
	readonly lastHead: LastHead;
	/** An answer is complete, and the connection may be used again. */
	onFree(connection: Connection): void;
	onClosed(connection: Connection): void;
}

/** The other side went away. */
class ClosedError extends Error {
	readonly code = 'CONNECTION_CLOSED';
	override readonly name = 'ClosedError';
}

/** A request and its answer under way. */
class Exchange implements HttpExchange, AnswerListener {
	readonly listener: HttpListener;
	readonly reader: AnswerReader;
	paused = false;
	sent = false;
	over = false;
	readonly #connection: Connection;

	constructor(connection: Connection, listener: HttpListener, lastHead: LastHead) {
		this.#connection = connection;
		this.listener = listener;
		this.reader = new AnswerReader(this, lastHead);
	}

	onHead(status: number, headers: IncomingHttpHeaders): void {
		this.listener.onHead(this, status, headers);
	}

	onData(bytes: Buffer): void {
		// what came in the same packet after it was broken off
		if (!this.over) this.listener.onData(this, bytes);
	}

	abort(reason: Error): void {
		this.#connection.breakOff(this, reason);
	}

	pause(): void {
		this.paused = true;
		this.#connection.socket.pause();
	}

	resume(): void {
		this.paused = false;
		this.#connection.socket.resume();
	}
}

/**
 * One socket, one exchange at a time. What comes while none is under way belongs to nobody: it could only be taken
 * for the answer to the next request, so it ends the connection.
 *
 *   idle --send--> busy --the answer is complete--> idle (told to the owner)
 *     '--bytes, end, error--> closed <--end, error, abort, an answer that is none--'
 */
export class Connection {
	readonly socket: Socket;
	/** By `performance.now()`: later it is not to be used any more. */
	keptUntil = performance.now() + KEPT_FOR;
	readonly #owner: ConnectionOwner;
	#exchange: Exchange | null = null;
	#closed = false;
	#counts = true;

	constructor(socket: Socket, owner: ConnectionOwner) {
		this.socket = socket;
		this.#owner = owner;
		socket.on('data', (bytes: Buffer) => {
			this.#onData(bytes);
		});
		socket.on('end', () => {
			this.#onEnd();
		});
		socket.on('error', (error) => {
			this.#close(error);
		});
		socket.on('close', () => {
			this.destroy();
		});
	}

	get usable(): boolean {
		return !this.#closed && !this.socket.destroyed;
	}

	/** Only while idle. Free again at once when its listener breaks it off before anything was sent. */
	send(request: HttpRequest, listener: HttpListener): void {
		const outgoing = messageOf(request, this.#owner.host);
		const exchange = new Exchange(this, listener, this.#owner.lastHead);
		this.#exchange = exchange;
		if (!this.#counts) this.socket.ref();
		this.#counts = true;
		listener.onStart(exchange);
		if (exchange.over) return;
		exchange.sent = true;
		this.#write(outgoing);
	}

	#write(outgoing: Outgoing): void {
		if ('text' in outgoing) {
			this.socket.write(outgoing.text, outgoing.encoding);
			return;
		}
		this.socket.cork();
		this.socket.write(outgoing.bytes);
		if (outgoing.rest !== null) this.socket.write(outgoing.rest);
		this.socket.uncork();
	}

	/** While idle: it does not keep the process alive any more. */
	rest(): void {
		if (this.#counts) this.socket.unref();
		this.#counts = false;
	}

	/** Ends an exchange, if it is still under way. */
	breakOff(exchange: Exchange, reason: Error): void {
		if (this.#exchange !== exchange) return;
		if (exchange.sent) {
			this.#close(reason);
			return;
		}
		this.#exchange = null;
		exchange.over = true;
		this.#owner.onFree(this);
		exchange.listener.onError(reason);
	}

	destroy(): void {
		this.#close(new ClosedError('the connection was closed'));
	}

	#onData(bytes: Buffer): void {
		const exchange = this.#exchange;
		if (exchange === null) {
			this.destroy();
			return;
		}
		try {
			const taken = exchange.reader.read(bytes);
			if (exchange.reader.done && !exchange.over)
				this.#complete(exchange, { clean: taken === bytes.length });
		} catch (error) {
			this.#close(error as Error);
		}
	}

	#complete(exchange: Exchange, { clean }: { clean: boolean }): void {
		this.#exchange = null;
		exchange.over = true;
		const { keptFor } = exchange.reader;
		// a request that is still being written when its answer is complete was not read
		if (clean && keptFor > 0 && this.socket.writableLength === 0) {
			this.keptUntil = performance.now() + keptFor;
			if (exchange.paused) this.socket.resume();
			this.#owner.onFree(this);
		} else {
			this.destroy();
		}
		exchange.listener.onEnd();
	}

	#onEnd(): void {
		const exchange = this.#exchange;
		if (exchange?.reader.close() === true) this.#complete(exchange, { clean: false });
		else this.#close(new ClosedError('the connection was closed before the answer was complete'));
	}

	#close(error: Error): void {
		const exchange = this.#exchange;
		this.#exchange = null;
		if (!this.#closed) {
			this.#closed = true;
			this.socket.destroy();
			this.#owner.onClosed(this);
		}
		if (exchange === null) return;
		exchange.over = true;
		exchange.listener.onError(error);
	}
}

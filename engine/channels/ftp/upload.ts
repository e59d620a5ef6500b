import type { Client } from 'basic-ftp';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';

/** For the server's word on why it broke the data connection off; milliseconds. */
const REASON_WAIT = 3000;
/** For the server's ticket before an empty file ends; milliseconds. */
const TICKET_WAIT = 500;

/**
 * STOR or APPE over a data connection that is open. Done when the bytes are out and the server said so. When the
 * data connection breaks, the server's answer is waited for, as it knows whether its disk is full.
 */
export async function upload(
	client: Client,
	socket: Socket,
	{
		command,
		source,
		empty,
	}: { command: string; source: AsyncIterable<Uint8Array>; empty: boolean },
): Promise<void> {
	const { ftp } = client;
	let begun = false;
	let out = false;
	let accepted = false;
	let broken: Error | null = null;
	let fromSource = false;
	const iterator = source[Symbol.asyncIterator]();
	async function* watched(): AsyncGenerator<Uint8Array> {
		if (empty && socket instanceof TLSSocket) await ticketOf(socket);
		try {
			for (;;) {
				const step = await iterator.next().catch((error: unknown) => {
					fromSource = true;
					throw error;
				});
				if (step.done === true) return;
				yield step.value;
			}
		} finally {
			// not awaited: a source that hangs would hang here too
			void iterator.return?.().then(undefined, () => undefined);
		}
	}
	async function send(): Promise<void> {
		await secured(socket);
		// pieces of 32 KB: a few are enough to keep the line busy
		await pipeline(Readable.from(watched(), { objectMode: true, highWaterMark: 4 }), socket);
	}
	socket.on('error', () => undefined);
	try {
		await ftp.handle(command, (answer, task) => {
			if (answer instanceof Error) task.reject(broken !== null && ftp.closed ? broken : answer);
			else if (answer.code < 200 && !begun) {
				begun = true;
				// the time without progress is the caller's to watch
				ftp.socket.setTimeout(0);
				send().then(
					() => {
						out = true;
						ftp.socket.setTimeout(ftp.timeout);
						if (accepted) task.resolve(undefined);
					},
					(error: Error) => {
						broken = error;
						if (fromSource || accepted) task.reject(error);
						else void delay(REASON_WAIT, undefined, { ref: false }).then(() => task.reject(error));
					},
				);
			} else if (answer.code >= 200) {
				accepted = true;
				if (broken !== null) task.reject(broken);
				else if (out) task.resolve(undefined);
			}
		});
	} catch (error) {
		// what the server still says would be taken for the answer to the next command
		if (broken !== null || (begun && !out)) client.close();
		throw error;
	} finally {
		socket.destroy();
	}
}

/** TLS begins when the server has agreed to the transfer; it may also never begin. */
async function secured(socket: Socket): Promise<void> {
	if (socket instanceof TLSSocket && socket.getProtocol() === null && !socket.destroyed) {
		const ending = new AbortController();
		socket.once('close', () => {
			ending.abort();
		});
		await once(socket, 'secureConnect', { signal: ending.signal });
	}
	if (socket.destroyed) throw Object.assign(new Error('closed'), { code: 'ECONNRESET' });
}

/**
 * Without a byte to send, Node would end TLS inside of its handshake, where OpenSSL cannot say goodbye; the server's
 * ticket shows that it is over.
 */
async function ticketOf(socket: TLSSocket): Promise<void> {
	const ticket = once(socket, 'session').catch(() => undefined);
	// not every server sends one
	await Promise.race([ticket, delay(TICKET_WAIT, undefined, { ref: false })]);
	await setImmediate();
}

import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { quantile } from '../report.ts';
import { hear, read, tell } from '../talk.ts';
import type { LoadJob, LoadReport } from './job.ts';

/*
 * Requests at a fixed rate, in a process of its own. The schedule is open: each request has its instant, whatever
 * became of those before, and its time runs from that instant on, also while it waits for a connection. A server that
 * stalls is seen by all that should have been answered meanwhile (no coordinated omission).
 * https://www.infoq.com/presentations/latency-response-time/
 *
 * The client is a socket and a parser of heads: what it takes is taken from what is measured.
 */

/** One create of so many is one that was answered before, asked again under its key: it must be answered as then. */
const REPEATED = 50;
/** Milliseconds that answers may take after the last was asked for. */
const PATIENCE = 60_000;
const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

const lines = hear();
const job = await read<LoadJob>(lines);
const { hostname, port, host } = new URL(job.url);
const count = Math.round(job.rate * job.seconds);
const UNANSWERED = -1;
const latencies = new Float64Array(count).fill(UNANSWERED);
const statuses: Record<string, number> = {};
const waiting: number[] = [];
const free: Connection[] = [];
let answered = 0;
let bytes = 0;
let replayed = 0;
let repeated = 0;
/** The last create that was answered, and its key. */
let done: { request: number; key: string } | null = null;
let began = 0;
const allDone = Promise.withResolvers<void>();

class Connection {
	readonly #socket: Socket;
	/** The request in flight; -1: none. */
	#request = -1;
	#key = '';
	#read: Buffer = Buffer.alloc(0);
	#head: { status: number; length: number | null } | null = null;
	#got = 0;

	constructor(socket: Socket) {
		this.#socket = socket;
		socket.setNoDelay(true);
		socket.on('data', (data: Buffer) => {
			this.#take(data);
		});
		socket.on('close', () => {
			if (this.#request >= 0) this.#over('closed');
		});
		socket.on('error', () => undefined);
	}

	send(request: number): void {
		this.#request = request;
		this.#head = null;
		this.#got = 0;
		this.#read = Buffer.alloc(0);
		const { text, key } = requestText(request);
		this.#key = key;
		this.#socket.write(text);
	}

	#take(data: Buffer): void {
		let body = data;
		if (this.#head === null) {
			this.#read = this.#read.length === 0 ? data : Buffer.concat([this.#read, data]);
			const end = this.#read.indexOf(HEAD_END);
			if (end < 0) return;
			const head = this.#read.toString('latin1', 0, end);
			const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
			this.#head = {
				status: Number(head.slice(9, 12)),
				length: length === undefined ? (/\r\ntransfer-encoding:/i.test(head) ? null : 0) : +length,
			};
			if (/\r\nidempotent-replayed:/i.test(head)) replayed++;
			body = this.#read.subarray(end + HEAD_END.length);
		}
		this.#got += body.length;
		const { status, length } = this.#head;
		if (length === null ? body.subarray(-5).equals(LAST_CHUNK) : this.#got >= length) {
			this.#over(String(status));
		}
	}

	#over(status: string): void {
		const request = this.#request;
		this.#request = -1;
		statuses[status] = (statuses[status] ?? 0) + 1;
		bytes += this.#got;
		if (status === '201' && this.#key !== '') done = { request, key: this.#key };
		latencies[request] = performance.now() - intended(request);
		if (++answered === count) allDone.resolve();
		if (status === 'closed') return;
		const next = waiting.shift();
		if (next === undefined) free.push(this);
		else this.send(next);
	}
}

const intended = (request: number): number => began + (request * 1000) / job.rate;

/** `key` is that of a new create; empty for all else. */
function requestText(request: number): { text: string; key: string } {
	const path = job.paths[request % job.paths.length] ?? '/';
	const auth = job.key === undefined ? '' : `authorization: Bearer ${job.key}\r\n`;
	const head = `${path} HTTP/1.1\r\nhost: ${host}\r\n${auth}`;
	if (job.body === undefined) return { text: `GET ${head}\r\n`, key: '' };
	const again = request % REPEATED === REPEATED - 1 ? done : null;
	if (again !== null) repeated++;
	const { request: of, key } = again ?? { request, key: randomUUID() };
	// the number makes each body another: a key with another body would be refused
	const body = job.body.replace('"#"', `"${of}"`);
	return {
		text:
			`POST ${head}idempotency-key: ${key}\r\ncontent-type: application/json\r\n` +
			`content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
		key: again === null ? key : '',
	};
}

await Promise.all(
	Array.from({ length: job.connections }, async () => {
		const socket = connect({ host: hostname, port: Number(port) });
		await new Promise<void>((resolve, reject) => {
			socket.once('connect', resolve);
			socket.once('error', reject);
		});
		free.push(new Connection(socket));
	}),
);
tell({ ready: true });
await lines.next();
began = performance.now();
let asked = 0;
/** A timer of Node wakes up to a millisecond late; what is due by then is sent at once, and timed from its instant. */
const ticking = setInterval(() => {
	const due = Math.min(count, Math.floor(((performance.now() - began) * job.rate) / 1000) + 1);
	for (; asked < due; asked++) {
		const connection = free.pop();
		if (connection === undefined) waiting.push(asked);
		else connection.send(asked);
	}
	if (asked === count) clearInterval(ticking);
}, 1);
const late = setTimeout(allDone.resolve, job.seconds * 1000 + PATIENCE);
await allDone.promise;
clearTimeout(late);
// what was never answered took at least as long as it was waited for
for (const [request, took] of latencies.entries()) {
	if (took === UNANSWERED) latencies[request] = performance.now() - intended(request);
}
const sorted = latencies.slice(0, count).sort();
const report: LoadReport = {
	asked: count,
	answered,
	statuses,
	replayed,
	expectedReplays: repeated,
	bytes,
	seconds: (performance.now() - began) / 1000,
	p50: quantile(sorted, 0.5),
	p99: quantile(sorted, 0.99),
	p999: quantile(sorted, 0.999),
	most: sorted[count - 1] ?? 0,
};
tell(report);
process.exit(0);

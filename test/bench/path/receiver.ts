import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { hear, read, tell } from '../talk.ts';
import type { PathSeen } from './job.ts';

/*
 * The other side of w3, in a process of its own: gives the rows, takes the CSV files, and takes the notifications. Which
 * run a request is of is in the rows, so it is seen in the file too; the body of a notification has its id.
 */
const lines = hear();
const { secret } = await read<{ secret: string }>(lines);
const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
const ROWS = 20;

class Seen {
	calls = 0;
	wrong = 0;
	readonly keys = new Set<string>();

	note(id: string | undefined, right: boolean): void {
		this.calls++;
		if (id === undefined || !right) this.wrong++;
		else this.keys.add(id);
	}
}

const sources = new Seen();
const deliveries = new Seen();
const notifications = new Seen();
let last = 0;

const rowOf = (id: string, i: number): string => `${id},Berlin ${i},${i * 1.5}`;

function rowsOf(id: string): string {
	return JSON.stringify(
		Array.from({ length: ROWS }, (_, i) => ({ id, city: `Berlin ${i}`, amount: i * 1.5 })),
	);
}

/** Exactly the rows that were given, whatever ends a line. */
function isFile(id: string | undefined, text: string): boolean {
	if (id === undefined) return false;
	const expected = ['id,city,amount', ...Array.from({ length: ROWS }, (_, i) => rowOf(id, i))];
	return text.trimEnd().split(/\r?\n/).join('\n') === expected.join('\n');
}

function isSigned({ headers }: IncomingMessage, body: string): boolean {
	const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
	const expected = createHmac('sha256', key).update(content).digest('base64');
	return String(headers['webhook-signature']).split(' ').includes(`v1,${expected}`);
}

function answer(request: IncomingMessage, body: string): string {
	if (request.url === '/source') {
		const id = String(request.headers['idempotency-key']);
		sources.note(id, true);
		return rowsOf(id);
	}
	if (request.url === '/deliver') {
		const id = /^[^,\r\n]+\r?\n?/.test(body) ? body.split('\n')[1]?.split(',')[0] : undefined;
		deliveries.note(id, isFile(id, body) && isSigned(request, body));
	} else {
		notifications.note(/"runId":"([^"]+)"/.exec(body)?.[1], isSigned(request, body));
		last = Date.now();
	}
	return '{"ok":true}';
}

const server = createServer((request, response) => {
	let body = '';
	request.setEncoding('utf8').on('data', (part: string) => (body += part));
	request.on('end', () => {
		const text = answer(request, body);
		response.writeHead(200, {
			'content-type': 'application/json',
			'content-length': Buffer.byteLength(text),
		});
		response.end(text);
	});
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
	tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});

for await (const line of lines) {
	if (line === 'count') tell({ notified: notifications.keys.size });
	if (line !== 'report') continue;
	const all = [sources, deliveries, notifications];
	const counts = ({
		calls,
		keys,
		wrong,
	}: Seen): { calls: number; keys: number; wrong: number } => ({
		calls,
		keys: keys.size,
		wrong,
	});
	const seen: PathSeen = {
		sources: counts(sources),
		deliveries: counts(deliveries),
		notifications: counts(notifications),
		hashes: all.map(({ keys }) =>
			createHash('sha256')
				.update([...keys].sort().join())
				.digest('hex'),
		),
		last,
	};
	tell(seen);
}
server.close();
server.closeAllConnections();

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import { cpuSeconds, peakRss } from '../bench/usage.ts';
import type { EngineProcess } from './engine-process.ts';
import { createClient, startEngineProcess } from './engine-process.ts';

/** A file as it arrived somewhere, or as it should be. */
export interface Arrived {
	size: number;
	sha256: string;
}

export interface LargeResult {
	/** Of NDJSON, as the capability sent it. */
	sentBytes: number;
	rows: number;
	/** What Python's csv module makes of the same rows. */
	expected: Arrived;
	/** What the webhook's receiver got. */
	delivered: Arrived;
	/** What the result link gave. */
	pulled: Arrived;
	/** The most memory that the engine's process ever held (VmHWM). */
	peakRss: number;
	/** Seconds of its processor time, start and all. */
	cpu: number;
	seconds: { delivered: number; pulled: number };
}

const CHUNK = 65_536;
/** As JSON: what needs quoting in CSV, what is beyond ASCII, and what is neither. */
const NOTES = [
	'plain words, and a comma',
	'a "quoted" word',
	'two\nlines',
	'Grüße aus Köln 🚲',
	'',
].map((note) => JSON.stringify(note + ' lorem ipsum dolor sit amet'.repeat(8)));

/** Rows of about 300 bytes until there are so many bytes; always the same ones. */
function* ndjson(bytes: number): Generator<string> {
	let chunk = '';
	let sent = 0;
	for (let id = 1; sent + chunk.length < bytes; id++) {
		const amount = (id * 7919) % 100_000;
		chunk += `{"id":${id},"name":"customer ${id % 9973}","amount":${amount},"note":${NOTES[id % NOTES.length] ?? ''},"nothing":null}\n`;
		if (chunk.length < CHUNK) continue;
		sent += chunk.length;
		yield chunk;
		chunk = '';
	}
	yield chunk;
}

const PYTHON = `
import csv, hashlib, io, json, sys
hash, size, rows, buffer = hashlib.sha256(), 0, 0, io.StringIO(newline='')
writer = csv.writer(buffer, lineterminator='\\r\\n')
def flush():
    global size
    data = buffer.getvalue().encode()
    hash.update(data); size += len(data)
    buffer.seek(0); buffer.truncate()
for line in sys.stdin.buffer:
    row = json.loads(line)
    if rows == 0: writer.writerow(row.keys())
    writer.writerow(row.values())
    rows += 1
    if rows % 1000 == 0: flush()
flush()
print(json.dumps({'rows': rows, 'size': size, 'sha256': hash.hexdigest()}))
`;

/** The CSV of the same rows, made by a program that has nothing in common with the engine. */
async function expectedCsv(bytes: number): Promise<Arrived & { rows: number }> {
	const python = spawn('python3', ['-c', PYTHON], { stdio: ['pipe', 'pipe', 'inherit'] });
	Readable.from(ndjson(bytes), { objectMode: false, highWaterMark: 4 * CHUNK }).pipe(python.stdin);
	let text = '';
	for await (const part of python.stdout.setEncoding('utf8')) text += part as string;
	return JSON.parse(text) as Arrived & { rows: number };
}

/**
 * A capability streams NDJSON; the engine, in a process of its own, keeps it, renders it as CSV, delivers that
 * to a webhook and serves it by a result link.
 */
export async function runLargeResult(
	bytes: number,
	options: { command?: readonly string[] } = {},
): Promise<LargeResult> {
	const expected = await expectedCsv(bytes);
	const target = await startTarget(bytes);
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-large-'));
	let engine: EngineProcess | null = null;
	try {
		engine = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: folder }, options);
		const began = performance.now();
		const runId = await invoke(engine, target.url);
		const delivered = await Promise.race([target.delivered, failure(engine, runId)]);
		const deliveredAt = performance.now();
		const pulled = await pull(engine, runId);
		return {
			sentBytes: target.sent(),
			rows: expected.rows,
			expected: { size: expected.size, sha256: expected.sha256 },
			delivered,
			pulled,
			peakRss: peakRss(engine.pid),
			cpu: cpuSeconds([engine.pid]),
			seconds: {
				delivered: (deliveredAt - began) / 1000,
				pulled: (performance.now() - deliveredAt) / 1000,
			},
		};
	} finally {
		await engine?.kill('SIGKILL');
		target.close();
		await rm(folder, { recursive: true, force: true });
	}
}

/** Both ends: `GET /rows` streams the rows, whatever is posted is counted and hashed. */
async function startTarget(bytes: number): Promise<{
	url: string;
	delivered: Promise<Arrived>;
	sent(): number;
	close(): void;
}> {
	const { promise: delivered, resolve } = Promise.withResolvers<Arrived>();
	let sent = 0;
	const server = createServer((request, response) => {
		if (request.url === '/rows') {
			request.resume();
			response.writeHead(200, { 'content-type': 'application/x-ndjson' });
			sent = 0;
			const counted = function* (): Generator<Buffer> {
				for (const chunk of ndjson(bytes)) {
					const data = Buffer.from(chunk);
					sent += data.length;
					yield data;
				}
			};
			Readable.from(counted(), { objectMode: false, highWaterMark: 4 * CHUNK }).pipe(response);
			return;
		}
		void hashOf(request).then((arrived) => {
			response.end('{}');
			resolve(arrived);
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		delivered,
		sent: () => sent,
		close() {
			server.close();
			server.closeAllConnections();
		},
	};
}

async function invoke(engine: EngineProcess, target: string): Promise<string> {
	const client = createClient(engine.url, engine.firstKey ?? '');
	await client('PUT', '/v1/capabilities/large', {
		binding: { type: 'http', url: `${target}/rows`, envelope: false },
		actions: { rows: {} },
	});
	const run = await client<{ id: string }>('POST', '/v1/capabilities/large/actions/rows/invoke', {
		policies: { timeout: '30m' },
		delivery: {
			targets: [{ channel: 'webhook', settings: { url: `${target}/inbox` }, format: 'csv' }],
		},
	});
	return run.id;
}

/** Rejects when the run or its delivery fails; never resolves. */
async function failure(engine: EngineProcess, runId: string): Promise<never> {
	const client = createClient(engine.url, engine.firstKey ?? '');
	for (;;) {
		await delay(1000, undefined, { ref: false });
		const run = await client<{ state: string; error: unknown; deliveries?: { error: unknown }[] }>(
			'GET',
			`/v1/runs/${runId}`,
		);
		const wrong = run.error ?? run.deliveries?.find(({ error }) => error !== null)?.error ?? null;
		if (wrong !== null) throw new Error(`${runId}: ${JSON.stringify(wrong)}`);
	}
}

async function pull(engine: EngineProcess, runId: string): Promise<Arrived> {
	const client = createClient(engine.url, engine.firstKey ?? '');
	const { url } = await client<{ url: string }>('POST', `/v1/runs/${runId}/links`, {
		format: 'csv',
	});
	const response = await fetch(url);
	if (!response.ok || response.body === null)
		throw new Error(`the link answered ${response.status}`);
	return hashOf(response.body);
}

async function hashOf(source: AsyncIterable<Uint8Array>): Promise<Arrived> {
	const hash = createHash('sha256');
	let size = 0;
	for await (const chunk of source) {
		hash.update(chunk);
		size += chunk.length;
	}
	return { size, sha256: hash.digest('hex') };
}

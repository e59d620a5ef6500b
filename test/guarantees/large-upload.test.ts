import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request as ask } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import type { EngineProcess } from '../support/engine-process.ts';
import { killEngines, startEngineProcess } from '../support/engine-process.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

/* What is handed in passes through the engine without being held in its memory, in and out. */

const MB = 1e6;
const BYTES = 80 * MB;
const NOTE = 'some "words", and more of them '.repeat(6);

let folder: string;
let engine: EngineProcess;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'capscheduler-upload-'));
	engine = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: folder });
});
afterAll(async () => {
	await killEngines();
	await rm(folder, { recursive: true, force: true });
});

/** About 64 KB at a time; tells the hash of the CSV that should come of it. */
function makeRows(): { source: Readable; expected: () => { size: number; sha256: string } } {
	const hash = createHash('sha256').update('id,note\r\n');
	let size = 'id,note\r\n'.length;
	const noteInCsv = `"${NOTE.replaceAll('"', '""')}"`;
	function* chunks(): Generator<Buffer> {
		let sent = 0;
		for (let id = 0; sent < BYTES;) {
			let json = '';
			let csv = '';
			for (; json.length < 65_536; id++) {
				json += `${JSON.stringify({ id, note: NOTE })}\n`;
				csv += `${id},${noteInCsv}\r\n`;
			}
			sent += json.length;
			size += csv.length;
			hash.update(csv);
			yield Buffer.from(json);
		}
	}
	const source = Readable.from(chunks(), { objectMode: false });
	return { source, expected: () => ({ size, sha256: hash.digest('hex') }) };
}

async function post(
	path: string,
	source: Readable,
	headers: object = {},
): Promise<IncomingMessage> {
	const sending = ask(engine.url + path, {
		method: 'POST',
		headers: {
			authorization: `Bearer ${engine.firstKey ?? ''}`,
			'content-type': 'application/x-ndjson',
			...headers,
		},
	});
	source.pipe(sending);
	const [response] = (await once(sending, 'response')) as [IncomingMessage];
	return response;
}

function peakRss(): number {
	const status = readFileSync(`/proc/${engine.pid}/status`, 'utf8');
	return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

it('formats and delivers a large upload without holding it in memory', async () => {
	const first = makeRows();
	const response = await post('/v1/format?format=csv', first.source);
	expect(response.statusCode).toBe(200);
	const hash = createHash('sha256');
	let size = 0;
	for await (const chunk of response as AsyncIterable<Buffer>) {
		hash.update(chunk);
		size += chunk.length;
	}
	expect({ size, sha256: hash.digest('hex') }).toEqual(first.expected());

	const hook = await startReceiver();
	try {
		const second = makeRows();
		const targets = [{ channel: 'webhook', settings: { url: hook.url }, format: 'csv' }];
		const arrived = hook.next();
		const taken = await post('/v1/deliver', second.source, {
			'capscheduler-options': JSON.stringify({ delivery: { targets } }),
		});
		expect(taken.statusCode).toBe(202);
		taken.resume();
		const { size: got, sha256 } = await arrived;
		expect({ size: got, sha256 }).toEqual(second.expected());
	} finally {
		await hook.close();
	}
	expect(peakRss()).toBeLessThan(300 * MB);
}, 120_000);

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request as ask } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { parquetMetadataAsync } from 'hyparquet';

import type { EngineProcess } from '../support/engine-process.ts';
import { startEngineProcess } from '../support/engine-process.ts';
import { load } from './record.ts';
import { cpuSeconds, peakRss } from './usage.ts';
import type { Outcome } from './workload.ts';

const MB = 1e6;
const MOST_RSS = 300 * MB;
const BATCH = 500;
const START = Date.UTC(2026, 0, 1);
const CITIES = ['Berlin', 'Paris', 'Rome', 'Oslo', 'London'];
const HEADER = 'id,city,amount,active,at\r\n';

interface Made {
	bytes: number;
	hash: string;
	path: string;
}

/** So many rows of NDJSON through `POST /v1/format` of an engine process, as CSV and as Parquet. */
export async function manyRows(options: {
	rows: number;
	say: (text: string) => void;
}): Promise<Outcome> {
	const { rows, say } = options;
	const measurements: object[] = [];
	const wrong: string[] = [];
	const csv = createHash('sha256').update(HEADER);
	for (const format of ['csv', 'parquet']) {
		const folder = await mkdtemp(join(tmpdir(), 'capscheduler-rows-'));
		const engine = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: folder });
		try {
			const cpu = cpuSeconds([engine.pid]);
			const began = performance.now();
			const source = ndjson(rows, format === 'csv' ? csv : undefined);
			const made = await through(engine, { format, source, folder });
			const seconds = (performance.now() - began) / 1000;
			const spent = cpuSeconds([engine.pid]) - cpu;
			const peak = peakRss(engine.pid);
			const { bytes } = made;
			measurements.push({
				workload: 'rows',
				format,
				rows,
				bytes,
				seconds,
				cpu: spent,
				rss: peak,
				load: load(),
			});
			say(
				`rows: ${rows.toLocaleString('en')} rows of NDJSON -> ${format} of ${Math.round(made.bytes / MB)} MB in ${seconds.toFixed(1)} s ` +
					`(${spent.toFixed(1)} s of processor time); peak RSS of the engine ${Math.round(peak / MB)} MB`,
			);
			if (peak >= MOST_RSS) wrong.push(`${format}: peak RSS ${peak}, expected below 300 MB`);
			if (format === 'csv' && made.hash !== csv.digest('hex')) wrong.push('another CSV');
			if (format === 'parquet' && (await rowsIn(made.path)) !== rows)
				wrong.push('another number of rows in the Parquet file');
		} finally {
			await engine.kill();
			await rm(folder, { recursive: true, force: true });
		}
	}
	return { measurements, wrong };
}

/** The rows; `csv` is told what becomes of them as CSV. */
function ndjson(rows: number, csv: { update(text: string): unknown } | undefined): Readable {
	function* chunks(): Generator<Buffer> {
		for (let from = 0; from < rows; from += BATCH) {
			let json = '';
			let lines = '';
			for (let id = from; id < Math.min(rows, from + BATCH); id++) {
				const city = CITIES[id % CITIES.length]!;
				const amount = ((id * 37) % 100_000) / 100;
				const at = new Date(START + id * 1000).toISOString();
				json += `{"id":${id},"city":"${city}","amount":${amount},"active":${id % 3 === 0},"at":"${at}"}\n`;
				if (csv) lines += `${id},${city},${amount},${id % 3 === 0},${at}\r\n`;
			}
			csv?.update(lines);
			yield Buffer.from(json);
		}
	}
	return Readable.from(chunks(), { objectMode: false });
}

async function through(
	engine: EngineProcess,
	{ format, source, folder }: { format: string; source: Readable; folder: string },
): Promise<Made> {
	const request = ask(`${engine.url}/v1/format?format=${format}`, {
		method: 'POST',
		headers: {
			authorization: `Bearer ${engine.firstKey ?? ''}`,
			'content-type': 'application/x-ndjson',
		},
	});
	const answered = once(request, 'response') as Promise<[IncomingMessage]>;
	const sent = pipeline(source, request);
	const [answer] = await answered;
	if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${await textOf(answer)}`);
	const hash = createHash('sha256');
	let bytes = 0;
	const counted = new Transform({
		transform(chunk: Buffer, _encoding, done) {
			bytes += chunk.length;
			hash.update(chunk);
			done(null, chunk);
		},
	});
	const path = join(folder, `made.${format}`);
	await Promise.all([sent, pipeline(answer, counted, createWriteStream(path))]);
	return { bytes, hash: hash.digest('hex'), path };
}

async function textOf(answer: IncomingMessage): Promise<string> {
	let text = '';
	for await (const part of answer) text += String(part);
	return text;
}

async function rowsIn(path: string): Promise<number> {
	const file = await openAsBlob(path);
	const { size: byteLength } = await stat(path);
	const slice = (start: number, end?: number): Promise<ArrayBuffer> =>
		file.slice(start, end).arrayBuffer();
	return Number((await parquetMetadataAsync({ byteLength, slice })).num_rows);
}

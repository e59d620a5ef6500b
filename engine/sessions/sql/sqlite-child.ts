/**
 * The process in which SQLite files are read. A process, because a running query can be ended in no
 * other way: `node:sqlite` offers no interrupt, and ending a thread waits for native code.
 *
 * The main thread only listens: jobs come as lines of JSON on stdin, and when stdin ends, because the
 * engine is gone however suddenly, the process ends too, in the middle of whatever it does. A worker
 * thread runs the queries and writes frames to stdout: a letter, the payload's length (32 bit, big
 * endian), the payload. Writing blocks while nobody reads: that is the backpressure.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { DatabaseSync, constants } from 'node:sqlite';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';

import { RowText, bytesText, numberText, uniqueNames } from '../shared/row-text.ts';

export interface SqliteJob {
	file: string;
	sql: string;
	values: [string, string | number | null][];
	named: boolean;
}

/** C: columns as JSON. R: rows as NDJSON. E: the end, the number of rows. X: an error as JSON. */
export type FrameKind = 'C' | 'R' | 'E' | 'X';

const STDOUT = 1;
const EAGAIN_WAIT = new Int32Array(new SharedArrayBuffer(4));

function send(kind: FrameKind, payload: Uint8Array | string): void {
	const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
	const head = Buffer.alloc(5);
	head.write(kind, 'latin1');
	head.writeUInt32BE(bytes.length, 1);
	writeAll(Buffer.concat([head, bytes]));
}

function writeAll(bytes: Buffer): void {
	for (let at = 0; at < bytes.length;) {
		try {
			at += writeSync(STDOUT, bytes, at);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
			Atomics.wait(EAGAIN_WAIT, 0, 0, 2);
		}
	}
}

/** Reading and computing are allowed, and nothing else: no ATTACH, no PRAGMA, no extension. */
function authorize(action: number, first: string | null, second: string | null): number {
	const { SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE, SQLITE_FUNCTION, SQLITE_PRAGMA } =
		constants;
	if (action === SQLITE_SELECT || action === SQLITE_READ || action === SQLITE_RECURSIVE) {
		return constants.SQLITE_OK;
	}
	if (action === SQLITE_FUNCTION && second !== 'load_extension') return constants.SQLITE_OK;
	// full-text tables ask for it themselves
	if (action === SQLITE_PRAGMA && first === 'data_version') return constants.SQLITE_OK;
	return constants.SQLITE_DENY;
}

type Cell = null | number | bigint | string | Uint8Array;

function cellText(value: Cell, isJson: boolean): string {
	if (value === null) return 'null';
	if (typeof value === 'number' || typeof value === 'bigint') return numberText(value);
	if (typeof value !== 'string') return bytesText(value);
	return isJson ? jsonText(value) : JSON.stringify(value);
}

function jsonText(value: string): string {
	try {
		return JSON.stringify(JSON.parse(value));
	} catch {
		return JSON.stringify(value); // declared as JSON, but SQLite checks nothing
	}
}

function run(job: SqliteJob): void {
	const database = new DatabaseSync(job.file, { readOnly: true, timeout: 5000 });
	try {
		database.exec('PRAGMA query_only = 1; PRAGMA trusted_schema = 0; PRAGMA mmap_size = 0');
		database.setAuthorizer(authorize);
		const statement = database.prepare(job.sql);
		statement.setReadBigInts(true);
		statement.setReturnArrays(true);
		statement.setAllowUnknownNamedParameters(true);
		const columns = statement.columns();
		const names = uniqueNames(columns.map(({ name }) => name));
		const types = columns.map(({ type }) => type?.toLowerCase());
		const isJson = types.map((type) => type === 'json');
		const text = new RowText(names);
		const rows = job.named
			? statement.iterate(Object.fromEntries(job.values))
			: statement.iterate(...job.values.map(([, value]) => value));
		const cursor = (rows as Iterable<unknown> as Iterable<Cell[]>)[Symbol.iterator]();
		// the first step before anything is said: what goes wrong mostly goes wrong here
		let item = cursor.next();
		send('C', JSON.stringify(names.map((name, i) => ({ name, type: types[i] }))));
		for (; item.done !== true; item = cursor.next()) {
			const row = item.value;
			if (text.add(row.map((cell, i) => cellText(cell, isJson[i] ?? false))))
				send('R', text.take());
		}
		if (!text.isEmpty) send('R', text.take());
		send('E', String(text.rows));
	} finally {
		database.close();
	}
}

function tryRun(job: SqliteJob): void {
	try {
		run(job);
	} catch (error) {
		const { message, errcode } = error as Error & { errcode?: number };
		send('X', JSON.stringify({ message, code: errcode ?? 0 }));
	}
}

if (isMainThread) {
	const worker = new Worker(new URL(import.meta.url));
	worker.once('exit', () => process.exit(1));
	createInterface({ input: process.stdin })
		.on('line', (line) => {
			worker.postMessage(JSON.parse(line));
		})
		.once('close', () => {
			process.kill(process.pid, 'SIGKILL');
		});
} else {
	parentPort?.on('message', tryRun);
}

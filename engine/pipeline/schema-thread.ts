import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import type { OutputUnit } from '@cfworker/json-schema';

import type { JsonObject } from '../contract/json.ts';

export interface SchemaJob {
	schema: JsonObject;
	value: JsonObject;
}

/** The errors, none when the value is right; or why there is no answer. */
export type SchemaVerdict = OutputUnit[] | 'unusable' | 'late';

/** Milliseconds that one check may take; the time in which it waits for others is not counted. */
export const CHECK_LIMIT = 250;
const MEMORY = 128;

const FILE = new URL(
	import.meta.url.endsWith('.ts') ? './schema-worker.ts' : './schema-worker.js',
	import.meta.url,
);

let thread: Worker | null = null;
let last: Promise<unknown> = Promise.resolve();

/**
 * Applies a schema outside the event loop: a regular expression of a user may backtrack for years.
 * One check at a time; a thread that is late is ended, and the next check begins another.
 */
export async function checkInThread(job: SchemaJob): Promise<SchemaVerdict> {
	const turn = last.then(async () => check(job));
	last = turn.catch(() => undefined);
	return turn;
}

async function check(job: SchemaJob): Promise<SchemaVerdict> {
	thread ??= await begin();
	const worker = thread;
	worker.ref();
	const verdict = await answerOf(worker, job);
	if (verdict === 'late') {
		thread = null;
		await worker.terminate();
	} else worker.unref();
	return verdict;
}

async function begin(): Promise<Worker> {
	const worker = new Worker(FILE, {
		execArgv: [],
		resourceLimits: { maxOldGenerationSizeMb: MEMORY },
	});
	await Promise.race([
		once(worker, 'message'),
		once(worker, 'exit').then(() => {
			throw new Error('the thread that applies JSON Schemas did not begin');
		}),
	]);
	worker.on('error', () => undefined);
	worker.once('exit', () => {
		if (thread === worker) thread = null;
	});
	return worker;
}

async function answerOf(worker: Worker, job: SchemaJob): Promise<SchemaVerdict> {
	const answer = Promise.withResolvers<SchemaVerdict>();
	const late = (): void => {
		answer.resolve('late');
	};
	// an answer that came while the event loop was busy is heard before the time is said to be over
	const timer = setTimeout(() => setImmediate(late), CHECK_LIMIT);
	worker.once('message', answer.resolve);
	worker.once('exit', late);
	try {
		worker.postMessage(job);
	} catch {
		answer.resolve('unusable');
	}
	try {
		return await answer.promise;
	} finally {
		clearTimeout(timer);
		worker.off('message', answer.resolve);
		worker.off('exit', late);
	}
}

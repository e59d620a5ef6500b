/** The thread in which operators' modules run. It does one job at a time and is kept for the next one. */
import { Readable } from 'node:stream';
import { parentPort } from 'node:worker_threads';

import { BATCH } from '../shared/row-text.ts';
import { rowsIn } from '../shared/rows-in.ts';
import { CREDIT } from './protocol.ts';
import type { FromWorker, ModuleFailure, ModuleJob, ToWorker } from './protocol.ts';

type Head = Omit<Extract<FromWorker, { type: 'head' }>, 'type'>;
type Action = (parameters: unknown, context: unknown) => unknown;

// nothing of the engine's own settings, keys among them, is for modules
// eslint-disable-next-line no-restricted-syntax -- it is emptied here, not read
const environment = process.env;
for (const name of Object.keys(environment)) {
	if (name.startsWith('CAPSCHEDULER_')) delete environment[name];
}

const NDJSON: Head = { encoding: 'ndjson', contentType: 'application/x-ndjson' };
let abort: AbortController | null = null;
let credit = 0;
let onCredit: (() => void) | null = null;

function tell(message: FromWorker): void {
	parentPort?.postMessage(message);
}

async function chunk(bytes: Uint8Array): Promise<void> {
	while (credit <= 0) {
		await new Promise<void>((resolve) => {
			onCredit = resolve;
		});
	}
	abort?.signal.throwIfAborted();
	credit--;
	// Buffers may share their memory with others: what is sent is a copy of exactly these bytes
	const own = new Uint8Array(bytes);
	parentPort?.postMessage({ type: 'chunk', bytes: own } satisfies FromWorker, [own.buffer]);
}

class Failure extends Error {
	readonly failure: ModuleFailure;
	constructor(code: ModuleFailure['code'], message: string) {
		super(message);
		this.failure = { code, message, retry: 'never' };
	}
}

async function load(job: ModuleJob): Promise<Action> {
	let loaded: { default?: unknown; actions?: unknown };
	try {
		loaded = (await import(job.module)) as typeof loaded;
	} catch (error) {
		throw new Failure('CAPABILITY_MISSING', `the module cannot be loaded: ${messageOf(error)}`);
	}
	for (const actions of [loaded.actions, loaded.default]) {
		if (typeof actions !== 'object' || actions === null) continue;
		if (!Object.hasOwn(actions, job.action)) continue;
		const action = (actions as Record<string, unknown>)[job.action];
		if (typeof action === 'function') return action as Action;
	}
	throw new Failure('ACTION_UNKNOWN', `the module has no action "${job.action}"`);
}

async function run(job: ModuleJob, signal: AbortSignal): Promise<number | undefined> {
	const action = await load(job);
	const value: unknown = await action(job.parameters, { ...job.context, signal });
	if (value instanceof Uint8Array || value instanceof Readable) {
		tell({ type: 'head', encoding: 'bytes', contentType: 'application/octet-stream' });
		await sendBytes(value instanceof Readable ? value : [value]);
		return undefined;
	}
	if (Array.isArray(value) ? value.length > 0 && value.every(isObject) : isIterable(value)) {
		return sendRows(NDJSON, value as Iterable<unknown>);
	}
	if (isObject(value) && 'rows' in value && isIterable(value['rows'])) {
		const columns = value['columns'] as NonNullable<Head['columns']>;
		return sendRows(columns === undefined ? NDJSON : { ...NDJSON, columns }, value['rows']);
	}
	const json = Buffer.from(jsonOf(value ?? null, 'the result'));
	tell({ type: 'head', encoding: 'json', contentType: 'application/json' });
	await sendBytes([json]);
	return rowsIn(value);
}

async function sendBytes(source: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
	for await (const piece of source) {
		const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
		if (!(bytes instanceof Uint8Array))
			throw new Failure('RESULT_INVALID', 'the stream gave no bytes');
		await chunk(bytes);
	}
}

async function sendRows(
	head: Head,
	source: AsyncIterable<unknown> | Iterable<unknown>,
): Promise<number> {
	tell({ type: 'head', ...head });
	let rows = 0;
	let text = '';
	for await (const row of source) {
		if (!isObject(row)) throw new Failure('RESULT_INVALID', `row ${rows}: expected an object`);
		text += `${jsonOf(row, `row ${rows}`)}\n`;
		rows++;
		if (text.length < BATCH) continue;
		await chunk(Buffer.from(text));
		text = '';
	}
	if (text !== '') await chunk(Buffer.from(text));
	return rows;
}

/** Integers beyond 2^53 become text, as with every other binding; dates are ISO 8601 by themselves. */
function jsonOf(value: unknown, place: string): string {
	let text: string | undefined;
	try {
		text = JSON.stringify(value, (_key, member: unknown) =>
			typeof member !== 'bigint'
				? member
				: Number.isSafeInteger(Number(member))
					? Number(member)
					: String(member),
		);
	} catch (error) {
		throw new Failure('RESULT_INVALID', `${place} cannot be written as JSON: ${messageOf(error)}`);
	}
	if (text === undefined) throw new Failure('RESULT_INVALID', `${place} cannot be written as JSON`);
	return text;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
	if (typeof value !== 'object' || value === null) return false;
	return Symbol.asyncIterator in value || Symbol.iterator in value;
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

function failureOf(error: unknown): ModuleFailure {
	if (error instanceof Failure) return error.failure;
	const { code, retry, retryAfter } = isObject(error) ? error : {};
	return {
		code: 'CAPABILITY_FAILED',
		message: messageOf(error),
		...(typeof code === 'string' ? { detail: code.slice(0, 100) } : {}),
		retry: retry === 'later' ? 'later' : 'never',
		...(Number.isSafeInteger(retryAfter) && Number(retryAfter) >= 0
			? { retryAfter: Number(retryAfter) }
			: {}),
	};
}

async function start(job: ModuleJob): Promise<void> {
	abort = new AbortController();
	credit = CREDIT;
	try {
		const rows = await run(job, abort.signal);
		tell(rows === undefined ? { type: 'end' } : { type: 'end', rows });
	} catch (error) {
		tell({ type: 'failed', failure: failureOf(error) });
	}
}

parentPort?.on('message', (message: ToWorker) => {
	if (message.type === 'start') void start(message.job);
	if (message.type === 'abort') abort?.abort(new Error('the attempt was stopped'));
	if (message.type === 'more') credit++;
	onCredit?.();
	onCredit = null;
});

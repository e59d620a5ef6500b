import { CapError } from '../../contract/errors.ts';
import type { ResultBody, SessionCall, SessionOutcome } from '../session.port.ts';
import { readColumns } from '../shared/columns.ts';
import { failed, tooLarge } from '../shared/failure.ts';
import type { TimeLimit } from '../shared/time-limit.ts';
import type { ModuleFailure, ModuleJob } from './protocol.ts';
import type { Heard, ModuleThread, WorkerPool } from './worker-pool.ts';

/** How long a module that heeds its `signal` has to come to an end before its thread is ended. */
const GRACE = 250;

/** One job on one thread: its messages in order, read one by one. */
class Job {
	#heard: Heard[] = [];
	#wake: (() => void) | null = null;
	#stopped: CapError | null = null;
	#over = false;
	#pool: WorkerPool;
	#thread: ModuleThread;
	#after: RunParts['after'];

	constructor(pool: WorkerPool, thread: ModuleThread, after: RunParts['after']) {
		this.#pool = pool;
		this.#thread = thread;
		this.#after = after;
		thread.listener = (heard) => {
			this.#heard.push(heard);
			this.#wake?.();
		};
	}

	start(job: ModuleJob): void {
		this.#thread.tell({ type: 'start', job });
	}

	/** @throws CapError why the attempt was stopped */
	async next(): Promise<Heard> {
		for (;;) {
			if (this.#stopped !== null) throw this.#stopped;
			const heard = this.#heard.shift();
			if (heard?.type === 'chunk') this.#thread.tell({ type: 'more' });
			if (heard !== undefined) return heard;
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
	}

	/** The other side is done: the thread is free for the next job. */
	finish(): void {
		this.#over = true;
		this.#pool.give(this.#thread, { reusable: true });
	}

	/** Nobody waits for it any more. It gets a moment to end well, then its thread is ended. */
	stop(reason: CapError): void {
		this.#stopped ??= reason;
		this.#wake?.();
		if (this.#over) return;
		this.#over = true;
		this.#thread.tell({ type: 'abort' });
		const cancel = this.#after(GRACE, () => {
			this.#pool.give(this.#thread, { reusable: false });
		});
		this.#thread.listener = (heard) => {
			if (heard.type === 'head' || heard.type === 'chunk') return;
			cancel();
			this.#pool.give(this.#thread, { reusable: heard.type !== 'gone' });
		};
	}
}

export interface RunParts {
	pool: WorkerPool;
	limit: TimeLimit;
	after: (delay: number, call: () => void) => () => void;
}

/** @throws CapError when the attempt is stopped */
export async function runModule(
	call: SessionCall,
	work: ModuleJob,
	parts: RunParts,
): Promise<SessionOutcome> {
	const { limit, pool } = parts;
	const job = new Job(pool, await pool.take(limit), parts.after);
	limit.onStop((reason) => {
		job.stop(reason);
	});
	job.start(work);
	const head = await job.next();
	if (head.type !== 'head') {
		limit.release();
		job.finish();
		return failedBy(head.type === 'failed' ? head.failure : gone(head));
	}
	const { type: _type, columns, ...rest } = head;
	let rows: number | undefined;
	try {
		const body: ResultBody = {
			...rest,
			...(columns === undefined ? {} : { columns: readColumns(columns) }),
			source: read(),
			rows: () => rows,
		};
		return { kind: 'result', body };
	} catch (error) {
		if (error instanceof CapError) job.stop(error);
		throw error;
	}

	async function* read(): AsyncGenerator<Uint8Array> {
		let left = call.maxResultBytes;
		try {
			for (;;) {
				const heard = await job.next();
				if (heard.type === 'chunk') {
					left -= heard.bytes.length;
					if (left < 0) throw tooLarge(call.maxResultBytes);
					yield heard.bytes;
					continue;
				}
				job.finish();
				if (heard.type === 'end') {
					rows = heard.rows;
					return;
				}
				throw errorOf(heard.type === 'failed' ? heard.failure : gone(heard));
			}
		} finally {
			limit.release();
			job.stop(new CapError('CANCELLED', 'the result was not read to its end'));
		}
	}
}

function gone(heard: Heard): ModuleFailure {
	const why = heard.type === 'gone' ? heard.message : 'it gave nothing';
	return { code: 'CAPABILITY_FAILED', message: `the module ended: ${why}`, retry: 'never' };
}

function failedBy({ code, message, detail, retry, retryAfter }: ModuleFailure): SessionOutcome {
	return failed(code, message, {
		retry,
		...(detail === undefined ? {} : { detail }),
		...(retryAfter === undefined ? {} : { retryAfter }),
	});
}

function errorOf({ code, message, retry, retryAfter }: ModuleFailure): CapError {
	return new CapError(code, message, {
		retry,
		...(retryAfter === undefined ? {} : { retryAfter }),
	});
}

import { Worker } from 'node:worker_threads';

import type { TimeLimit } from '../shared/time-limit.ts';
import type { FromWorker, ToWorker } from './protocol.ts';

const FILE = new URL(
	import.meta.url.endsWith('.ts') ? './module-worker.ts' : './module-worker.js',
	import.meta.url,
);
const MOST_IDLE = 2;

/** What a job hears of its worker: its messages, and, as a message of its own, that it is gone. */
export type Heard = FromWorker | { type: 'gone'; message: string };

export interface PoolOptions {
	/** Threads at most; a job beyond waits its turn within its own time limit. */
	most: number;
	/** Memory of a thread, megabytes; one that needs more is ended. */
	memory: number;
}

/** One thread and whoever listens to it at the moment. */
export class ModuleThread {
	listener: ((heard: Heard) => void) | null = null;
	gone = false;
	#worker: Worker;
	#error = 'it ended itself';

	constructor(memory: number) {
		this.#worker = new Worker(FILE, {
			execArgv: [],
			// a small young generation: what moves over at once must fit into the room that V8 adds when
			// the limit is near, or the whole process ends instead of this thread
			resourceLimits: { maxOldGenerationSizeMb: memory, maxYoungGenerationSizeMb: 4 },
			stdout: false,
			stderr: false,
		});
		this.#worker.on('message', (message: FromWorker) => this.listener?.(message));
		this.#worker.on('error', (error) => {
			const { code, message } = error as NodeJS.ErrnoException;
			this.#error = code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out of memory' : message;
		});
		this.#worker.on('exit', () => {
			this.gone = true;
			this.listener?.({ type: 'gone', message: this.#error });
		});
	}

	tell(message: ToWorker): void {
		this.#worker.postMessage(message);
	}

	/** An idle thread does not keep the engine from ending. */
	keepAlive(on: boolean): void {
		if (on) this.#worker.ref();
		else this.#worker.unref();
	}

	async end(): Promise<void> {
		this.gone = true;
		await this.#worker.terminate();
	}
}

export class WorkerPool {
	#options: PoolOptions;
	#idle: ModuleThread[] = [];
	#busy = new Set<ModuleThread>();
	#waiting: ((thread: ModuleThread) => void)[] = [];

	constructor(options: PoolOptions) {
		this.#options = options;
	}

	/** @throws CapError when the attempt is stopped before its turn */
	async take(limit: TimeLimit): Promise<ModuleThread> {
		if (limit.stopped !== null) throw limit.stopped;
		if (this.#busy.size < this.#options.most) return this.#next();
		return new Promise((resolve, reject) => {
			this.#waiting.push(resolve);
			limit.onStop((reason) => {
				this.#waiting = this.#waiting.filter((waiting) => waiting !== resolve);
				reject(reason);
			});
		});
	}

	/** Gives a thread back once; one that is still at work is ended and replaced. */
	give(thread: ModuleThread, { reusable }: { reusable: boolean }): void {
		if (!this.#busy.delete(thread)) return;
		thread.listener = null;
		if (reusable && !thread.gone && this.#idle.length < MOST_IDLE) {
			thread.keepAlive(false);
			this.#idle.push(thread);
		} else void thread.end();
		const waiting = this.#waiting.shift();
		if (waiting !== undefined) waiting(this.#next());
	}

	async close(): Promise<void> {
		const threads = [...this.#idle, ...this.#busy];
		this.#idle = [];
		await Promise.all(threads.map((thread) => thread.end()));
	}

	#next(): ModuleThread {
		let thread = this.#idle.pop();
		while (thread?.gone === true) thread = this.#idle.pop();
		thread ??= new ModuleThread(this.#options.memory);
		thread.keepAlive(true);
		this.#busy.add(thread);
		return thread;
	}
}

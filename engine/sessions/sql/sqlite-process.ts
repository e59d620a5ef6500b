import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import type { FrameKind, SqliteJob } from './sqlite-child.ts';

const CHILD = fileURLToPath(
	new URL(
		import.meta.url.endsWith('.ts') ? './sqlite-child.ts' : './sqlite-child.js',
		import.meta.url,
	),
);
const FLAGS = ['--disable-warning=ExperimentalWarning', '--max-old-space-size=256', CHILD];
/** Larger frames are never written: a row is at most SQLite's 1 GB, a string of Node half of it. */
const MAX_FRAME = 600 * 1024 * 1024;

export interface Frame {
	kind: FrameKind;
	payload: Buffer;
}

/** One child process; reads one query at a time. */
export class SqliteProcess {
	#child: ChildProcessByStdio<Writable, Readable, null>;
	#output: AsyncIterator<unknown>;
	#rest: Buffer = Buffer.alloc(0);
	#gone = false;
	readonly ended: Promise<void>;

	constructor() {
		// nothing of the engine's environment goes in: it may hold keys
		this.#child = spawn(process.execPath, FLAGS, { env: {}, stdio: ['pipe', 'pipe', 'ignore'] });
		this.#output = this.#child.stdout[Symbol.asyncIterator]();
		this.ended = new Promise((resolve) => {
			const end = (): void => {
				this.#gone = true;
				resolve();
			};
			this.#child.once('exit', end);
			this.#child.once('error', end);
		});
		this.#child.stdin.on('error', () => undefined); // it ended: reading tells
		this.idle();
	}

	get gone(): boolean {
		return this.#gone;
	}

	start(job: SqliteJob): void {
		this.#keepAlive(true);
		this.#child.stdin.write(`${JSON.stringify(job)}\n`);
	}

	/** An idle child does not keep the engine from ending. */
	idle(): void {
		this.#keepAlive(false);
	}

	kill(): void {
		this.#child.kill('SIGKILL');
		this.#child.stdin.destroy();
		this.#child.stdout.destroy();
	}

	/** @returns null when the process has ended */
	async frame(): Promise<Frame | null> {
		const head = await this.#read(5);
		if (head === null) return null;
		const length = head.readUInt32BE(1);
		if (length > MAX_FRAME) return null;
		const payload = length === 0 ? Buffer.alloc(0) : await this.#read(length);
		return payload && { kind: head.toString('latin1', 0, 1) as FrameKind, payload };
	}

	async #read(bytes: number): Promise<Buffer | null> {
		const parts = [this.#rest];
		let have = this.#rest.length;
		while (have < bytes) {
			// a child that was killed ends its stream before its time
			const item = await this.#output.next().catch(() => null);
			if (item === null || item.done === true) return null;
			parts.push(item.value as Buffer);
			have += (item.value as Buffer).length;
		}
		const whole = parts.length === 1 ? this.#rest : Buffer.concat(parts);
		this.#rest = whole.subarray(bytes);
		return whole.subarray(0, bytes);
	}

	#keepAlive(on: boolean): void {
		const pipes = [this.#child, this.#child.stdin, this.#child.stdout] as {
			ref?(): void;
			unref?(): void;
		}[];
		for (const pipe of pipes) {
			if (on) pipe.ref?.();
			else pipe.unref?.();
		}
	}
}

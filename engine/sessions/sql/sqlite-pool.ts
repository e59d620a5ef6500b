import type { TimeLimit } from '../shared/time-limit.ts';
import { SqliteProcess } from './sqlite-process.ts';

const MOST = 4;
const MOST_IDLE = 2;

/** Warm child processes; a query beyond the last one waits its turn, within its own time limit. */
export class SqlitePool {
	#idle: SqliteProcess[] = [];
	#busy = new Set<SqliteProcess>();
	#waiting: ((child: SqliteProcess) => void)[] = [];

	/** @throws CapError when the attempt is stopped before its turn */
	async take(limit: TimeLimit): Promise<SqliteProcess> {
		if (limit.stopped !== null) throw limit.stopped;
		if (this.#busy.size < MOST) return this.#next();
		return new Promise((resolve, reject) => {
			this.#waiting.push(resolve);
			limit.onStop((reason) => {
				this.#waiting = this.#waiting.filter((waiting) => waiting !== resolve);
				reject(reason);
			});
		});
	}

	/** Gives a child back once; one that stands in the middle of a query is ended. */
	give(child: SqliteProcess, { reusable }: { reusable: boolean }): void {
		if (!this.#busy.delete(child)) return;
		if (reusable && !child.gone && this.#idle.length < MOST_IDLE) {
			child.idle();
			this.#idle.push(child);
		} else child.kill();
		const waiting = this.#waiting.shift();
		if (waiting !== undefined) waiting(this.#next());
	}

	async close(): Promise<void> {
		const children = [...this.#idle, ...this.#busy];
		for (const child of children) child.kill();
		this.#idle = [];
		await Promise.all(children.map((child) => child.ended));
	}

	#next(): SqliteProcess {
		let child = this.#idle.pop();
		while (child?.gone === true) child = this.#idle.pop();
		child ??= new SqliteProcess();
		this.#busy.add(child);
		return child;
	}
}

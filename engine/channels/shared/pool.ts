import { createHash } from 'node:crypto';

import type { Clock } from '../../clock.ts';
import type { Duration } from '../../contract/time.ts';
import type { Deadline } from './deadline.ts';
import { asTargetError } from './failed.ts';

export interface Pooled {
	/** Whether the next delivery may use it. */
	alive(): boolean;
	/** At once, whatever is under way. */
	close(): void;
}

export interface PoolUse<C> {
	/** Whose connections may be shared: all that makes them what they are, credentials too. */
	key: string;
	/** Connections of this key at a time. */
	limit: number;
	signal: AbortSignal;
	/** Of the attempt: while all connections are in use by others, it is not the server that is silent. */
	waits?: Pick<Deadline, 'rest' | 'progress'>;
	open(this: void): Promise<C>;
	/**
	 * May be called twice: a connection that lay idle may turn out to be dead, and then a new one is tried where
	 * `mayRepeat` lets it. `fresh`: it was opened for this.
	 */
	work(this: void, connection: C, about: { fresh: boolean }): Promise<unknown>;
	/**
	 * Whether what failed on a connection that lay idle is done again on a new one. Default: when the connection was
	 * lost, as anything else is an answer that a new one would give too. Needed where errors are no CapErrors.
	 */
	mayRepeat?(this: void, error: unknown): boolean;
}

type Working<C, R> = Omit<PoolUse<C>, 'work'> & {
	work(this: void, connection: C, about: { fresh: boolean }): Promise<R>;
};

export interface Pool<C extends Pooled> {
	use<R>(use: Working<C, R>): Promise<R>;
	close(): void;
}

interface Group<C> {
	idle: { connection: C; cancel: () => void }[];
	busy: number;
	waiting: (() => void)[];
}

/**
 * Connections that outlive their delivery, since a login costs more than a small file. Each is used by one
 * delivery at a time, and is closed when its use failed, or after it lay `idle` for that long.
 */
export function createPool<C extends Pooled>(clock: Clock, { idle }: { idle: Duration }): Pool<C> {
	const groups = new Map<string, Group<C>>();
	let closed = false;

	/** A place that becomes free is handed over: who comes later cannot take it from who waits. */
	async function enter(group: Group<C>, { limit, signal, waits }: PoolUse<C>): Promise<void> {
		if (group.busy < limit) {
			group.busy += 1;
			return;
		}
		waits?.rest();
		await new Promise<void>((resolve, reject) => {
			const onAbort = (): void => {
				group.waiting = group.waiting.filter((one) => one !== go);
				reject(signal.reason as Error);
			};
			const go = (): void => {
				signal.removeEventListener('abort', onAbort);
				resolve();
			};
			group.waiting.push(go);
			signal.addEventListener('abort', onAbort, { once: true });
		});
		waits?.progress();
	}

	function leave(key: string, group: Group<C>): void {
		const next = group.waiting.shift();
		if (next !== undefined) {
			next();
			return;
		}
		group.busy -= 1;
		if (group.busy === 0 && group.idle.length === 0 && groups.get(key) === group) {
			groups.delete(key);
		}
	}

	function takeIdle(group: Group<C>): C | null {
		for (;;) {
			const last = group.idle.pop();
			if (last === undefined) return null;
			last.cancel();
			if (last.connection.alive()) return last.connection;
			last.connection.close();
		}
	}

	function keep(key: string, group: Group<C>, connection: C): void {
		if (closed || !connection.alive()) {
			connection.close();
			return;
		}
		const entry = {
			connection,
			cancel: clock.after(idle, () => {
				group.idle = group.idle.filter((one) => one !== entry);
				connection.close();
				if (group.busy === 0 && group.idle.length === 0) groups.delete(key);
			}),
		};
		group.idle.push(entry);
	}

	async function once<R>(connection: C, fresh: boolean, work: Working<C, R>['work']): Promise<R> {
		try {
			return await work(connection, { fresh });
		} catch (error) {
			connection.close();
			throw error;
		}
	}

	async function inGroup<R>(
		group: Group<C>,
		{ key, open, work, signal, mayRepeat = isLost }: Working<C, R>,
	): Promise<R> {
		const old = takeIdle(group);
		if (old !== null) {
			try {
				const result = await once(old, false, work);
				keep(key, group, old);
				return result;
			} catch (error) {
				if (signal.aborted || !mayRepeat(error)) throw error;
			}
		}
		const connection = await open();
		const result = await once(connection, true, work);
		keep(key, group, connection);
		return result;
	}

	return {
		async use(use) {
			use.signal.throwIfAborted();
			let group = groups.get(use.key);
			if (!group) groups.set(use.key, (group = { idle: [], busy: 0, waiting: [] }));
			await enter(group, use);
			try {
				use.signal.throwIfAborted();
				return await inGroup(group, use);
			} finally {
				leave(use.key, group);
			}
		},
		close() {
			closed = true;
			for (const group of groups.values()) {
				for (const { connection, cancel } of group.idle.splice(0)) {
					cancel();
					connection.close();
				}
			}
			groups.clear();
		},
	};
}

function isLost(error: unknown): boolean {
	return asTargetError(error).code === 'TARGET_UNREACHABLE';
}

/** Names connections without telling their credentials. */
export function poolKey(parts: unknown): string {
	return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

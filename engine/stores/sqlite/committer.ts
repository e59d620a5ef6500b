import { CapError } from '../../contract/errors.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { FaultPoints } from '../../contract/fault-points.ts';
import type { Database } from './database.ts';
import { storageError } from './storage-error.ts';

/** What a write adds to its commit, besides its own statements. */
export interface Transaction {
	events(drafts: readonly EventDraft[]): void;
	/** A row of this kind went from one state to another; null where it was made or deleted. */
	tally(kind: TalliedKind, tenant: string, from: string | null, to: string | null): void;
	/** Like `work()`, but when it throws, only what it did is undone. */
	isolated<T>(work: () => T): T;
	/** Whether the error ends the whole commit: the storage failed, not one statement. */
	isFatal(error: unknown): boolean;
}

export type TalliedKind = 'schedule' | 'run' | 'delivery';
export type Write = <T>(work: (tx: Transaction) => T) => Promise<T>;

/** What the writes of one commit gathered. */
export interface Gathered {
	events: EventDraft[];
	/** By `kind|tenant|state`. */
	tallies: Map<string, number>;
}

export interface Committer {
	/** Runs the work in the next commit, and resolves when that is durable. The work must not wait. */
	write: Write;
	/** Refuses further writes and waits for those begun. */
	close(): Promise<void>;
	/** How many commits were made; for tests and metrics. */
	readonly commits: number;
}

/** Milliseconds. */
const LONGEST_REST = 10;
/** Events in one commit from which on writers are taken to come in numbers. */
const CROWD = 8;

interface Entry {
	work: (tx: Transaction) => unknown;
	resolve: (value: never) => void;
	reject: (error: unknown) => void;
	outcome: { value: unknown } | { error: unknown } | null;
}

/**
 * Group commit. Writes queue up; when the event loop has handled what was ready, all of them run in one
 * transaction, each in a savepoint so that one that throws does not spoil the others. Promises settle
 * after the commit. The whole flush is synchronous: readers on this connection never see half of it.
 *
 *   idle --write--> scheduled --a rest, or setImmediate--> flushing --> idle, or scheduled when more came
 */
export function createCommitter(options: {
	database: Database;
	folder: string;
	faults: FaultPoints;
	/** Writes what was gathered; the last statements of each commit. */
	finish: (gathered: Gathered) => void;
	/** After a commit. */
	committed: (gathered: Gathered) => void;
}): Committer {
	const { database, folder, faults, finish, committed } = options;
	let queue: Entry[] = [];
	let scheduled = false;
	let closed = false;
	let commits = 0;
	let whenIdle: (() => void) | null = null;
	/** Whether the last commit wrote for many. */
	let crowded = false;
	/** How long the last COMMIT waited for the disk, and when it was through: milliseconds. */
	let lastBlocked = 0;
	let lastEnd = 0;

	function write<T>(work: (tx: Transaction) => T): Promise<T> {
		if (closed) return Promise.reject(new CapError('STORAGE_UNAVAILABLE', 'the store is closed'));
		return new Promise<T>((resolve, reject) => {
			queue.push({ work, resolve, reject, outcome: null });
			if (!scheduled) {
				scheduled = true;
				schedule();
			}
		});
	}

	/**
	 * While writers come in numbers, commits rest for as long as the last one blocked the process: more writes
	 * share the next (measured on a busy disk: half as many commits, a fifth more runs a second). Who writes
	 * one thing after another never waits.
	 */
	function schedule(): void {
		const rest = crowded ? Math.min(lastBlocked, LONGEST_REST) - (performance.now() - lastEnd) : 0;
		if (rest >= 1) setTimeout(flush, rest);
		else setImmediate(flush);
	}

	function flush(): void {
		const batch = queue;
		queue = [];
		scheduled = false;
		let gathered: Gathered | null = null;
		try {
			gathered = commit(batch);
			crowded = (gathered?.events.length ?? 0) >= CROWD;
			if (gathered !== null) faults.hit('commit.after');
			for (const { outcome, resolve, reject } of batch) {
				if (outcome !== null && 'value' in outcome) resolve(outcome.value as never);
				else reject(outcome?.error);
			}
		} catch (error) {
			const reason = storageError(error, folder) ?? error;
			for (const entry of batch) entry.reject(reason);
		}
		if (gathered !== null) committed(gathered);
		if (!scheduled) whenIdle?.();
	}

	/** @returns null when there was nothing to commit */
	function commit(batch: Entry[]): Gathered | null {
		const gathered: Gathered = { events: [], tallies: new Map() };
		database.sql('BEGIN IMMEDIATE').run();
		try {
			for (const entry of batch) perform(entry, gathered, batch.length === 1);
			if (batch.every(({ outcome }) => outcome !== null && 'error' in outcome)) {
				database.sql('ROLLBACK').run();
				return null;
			}
			finish(gathered);
			faults.hit('commit.before');
			const began = performance.now();
			database.sql('COMMIT').run();
			lastEnd = performance.now();
			lastBlocked = lastEnd - began;
		} catch (error) {
			if (database.inTransaction) database.sql('ROLLBACK').run();
			throw error;
		}
		commits++;
		return gathered;
	}

	/** SQLite may have rolled the transaction back by itself. */
	function isFatal(error: unknown): boolean {
		return storageError(error, folder) !== null || !database.inTransaction;
	}

	function perform(entry: Entry, gathered: Gathered, alone: boolean): void {
		const tx = createTransaction(database, gathered, isFatal);
		try {
			// Alone in its commit, the transaction itself is its savepoint.
			entry.outcome = { value: alone ? entry.work(tx) : tx.isolated(() => entry.work(tx)) };
		} catch (error) {
			if (isFatal(error)) throw error;
			entry.outcome = { error };
		}
	}

	return {
		write,
		get commits() {
			return commits;
		},
		close() {
			closed = true;
			return scheduled
				? new Promise<void>((resolve) => {
						whenIdle = resolve;
					})
				: Promise.resolve();
		},
	};
}

function createTransaction(
	database: Database,
	gathered: Gathered,
	isFatal: (error: unknown) => boolean,
): Transaction {
	const { events, tallies } = gathered;
	const add = (key: string, by: number): void => {
		tallies.set(key, (tallies.get(key) ?? 0) + by);
	};
	return {
		isFatal,
		events(drafts) {
			for (const draft of drafts) events.push(draft);
		},
		tally(kind, tenant, from, to) {
			if (from === to) return;
			if (from !== null) add(`${kind}|${tenant}|${from}`, -1);
			if (to !== null) add(`${kind}|${tenant}|${to}`, 1);
		},
		isolated(work) {
			const eventsBefore = events.length;
			const talliesBefore = new Map(tallies);
			database.sql('SAVEPOINT work').run();
			try {
				const value = work();
				database.sql('RELEASE work').run();
				return value;
			} catch (error) {
				// When SQLite rolled the transaction back by itself, there is no savepoint any more.
				if (database.inTransaction) {
					database.sql('ROLLBACK TO work').run();
					database.sql('RELEASE work').run();
				}
				events.length = eventsBefore;
				tallies.clear();
				for (const [key, count] of talliesBefore) tallies.set(key, count);
				throw error;
			}
		},
	};
}

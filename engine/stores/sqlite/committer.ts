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
	/** Runs the work in the next commit, and resolves when that is on the disk. The work must not wait. */
	write: Write;
	/**
	 * What the database shows may not be on the disk yet: to be awaited before anybody hears of it. Null when it
	 * is; rejects when it will never be.
	 */
	readonly syncing: Promise<void> | null;
	/** Nothing is written any more: the disk failed. */
	fail(cause: unknown): void;
	/** Refuses further writes and waits for those begun. */
	close(): Promise<void>;
	/** How many commits were made; for tests and metrics. */
	readonly commits: number;
}

/** How long commits rest while writers come in numbers: milliseconds. */
const REST = 2;
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
 * transaction, each in a savepoint so that one that throws does not spoil the others. That is synchronous:
 * readers on this connection never see half of it. Then the log is synced off this thread, and only when
 * that is done do the promises settle and the events go out. Writes that come meanwhile share the next commit.
 *
 *   idle --write--> scheduled --a rest, or setImmediate--> flushing --COMMIT--> syncing --done--> idle
 *                       ^                                                          '--more came--> scheduled
 *                       '-------------- every work threw, or nothing could be written: no sync
 *
 * After a commit the next may have to wait (`held`) until the log is written back: see checkpointer.ts.
 *
 * A log that could not be synced is the end: the system may have dropped what it could not write and call the
 * next sync a success, so nothing is answered for any more until the store is opened anew.
 * https://www.usenix.org/conference/atc20/presentation/rebello
 */
export function createCommitter(options: {
	database: Database;
	folder: string;
	faults: FaultPoints;
	/** Writes what was gathered; the last statements of each commit. */
	finish: (gathered: Gathered) => void;
	/** After a commit. @returns null, or until when no other may be made; never rejects */
	checkpoint: () => Promise<void> | null;
	/** After a commit, when it is on the disk. */
	committed: (gathered: Gathered) => void;
}): Committer {
	const { database, folder, faults, finish, checkpoint, committed } = options;
	let queue: Entry[] = [];
	let scheduled = false;
	let syncing: Promise<void> | null = null;
	/** Until when no commit may be made. */
	let held: Promise<void> | null = null;
	let closed = false;
	/** Why nothing is written any more. */
	let broken: CapError | null = null;
	let commits = 0;
	let whenIdle: (() => void) | null = null;
	/** Whether the last commit wrote for many. */
	let crowded = false;

	function write<T>(work: (tx: Transaction) => T): Promise<T> {
		if (closed) return Promise.reject(new CapError('STORAGE_UNAVAILABLE', 'the store is closed'));
		if (broken !== null) return Promise.reject(broken);
		return new Promise<T>((resolve, reject) => {
			queue.push({ work, resolve, reject, outcome: null });
			if (!scheduled && syncing === null && held === null) schedule();
		});
	}

	/**
	 * While writers come in numbers, commits rest: more writes share the next (measured: see docs/performance.md).
	 * Who writes one thing after another never waits.
	 */
	function schedule(): void {
		scheduled = true;
		if (crowded) setTimeout(flush, REST);
		else setImmediate(flush);
	}

	function flush(): void {
		const batch = queue;
		queue = [];
		scheduled = false;
		try {
			const gathered = commit(batch);
			if (gathered === null) {
				settle(batch);
			} else {
				crowded = gathered.events.length >= CROWD;
				syncing = sync(batch, gathered);
				// Whoever waits for it hears of it; there may be nobody.
				syncing.catch(() => undefined);
				hold();
			}
		} catch (error) {
			reject(batch, storageError(error, folder) ?? error);
		}
		if (syncing === null) goOn();
	}

	function hold(): void {
		held = checkpoint();
		void held?.then(() => {
			held = null;
			if (syncing === null) goOn();
		});
	}

	async function bringToDisk(): Promise<void> {
		faults.hit('commit.sync');
		await database.sync();
	}

	async function sync(batch: readonly Entry[], gathered: Gathered): Promise<void> {
		try {
			await bringToDisk();
		} catch (cause) {
			breakDown(cause);
		}
		syncing = null;
		if (broken !== null) {
			reject(batch, broken);
			goOn();
			throw broken;
		}
		try {
			faults.hit('commit.after');
			settle(batch);
		} catch (error) {
			reject(batch, error);
		}
		committed(gathered);
		goOn();
	}

	function breakDown(cause: unknown): void {
		const message = 'the log of the database could not be synced; the engine has to be restarted';
		broken ??= new CapError('STORAGE_UNAVAILABLE', message, { retry: 'later', cause });
		reject(queue.splice(0), broken);
	}

	function goOn(): void {
		if (held !== null) return;
		if (queue.length > 0) schedule();
		else whenIdle?.();
	}

	/** @returns null when there was nothing to commit */
	function commit(batch: readonly Entry[]): Gathered | null {
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
			database.sql('COMMIT').run();
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
		get syncing() {
			return broken === null ? syncing : Promise.reject(broken);
		},
		fail: breakDown,
		close() {
			closed = true;
			if (!scheduled && syncing === null && held === null) return Promise.resolve();
			return new Promise<void>((resolve) => {
				whenIdle = resolve;
			});
		},
	};
}

function settle(batch: readonly Entry[]): void {
	for (const { outcome, resolve, reject } of batch) {
		if (outcome !== null && 'value' in outcome) resolve(outcome.value as never);
		else reject(outcome?.error);
	}
}

function reject(batch: readonly Entry[], reason: unknown): void {
	for (const entry of batch) entry.reject(reason);
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

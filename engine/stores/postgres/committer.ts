import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { CapError } from '../../contract/errors.ts';
import type { FaultPoints } from '../../contract/fault-points.ts';
import type { Duration } from '../../contract/time.ts';
import type { Database, Session } from './database.ts';
import { ConnectionLost, isConflict, storageError } from './storage-error.ts';
import type { Gathered, OpenTransaction, Transaction } from './transaction.ts';
import { createTransaction, NeedsCare } from './transaction.ts';

export type { Gathered, Transaction } from './transaction.ts';
/** The work may be done more than once: what it did before is undone then. */
export type Write = <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>;

export interface Committer {
	/** Runs the work in the next commit, and resolves when that is durable. */
	write: Write;
	/** Refuses further writes and waits for those begun. */
	close(): Promise<void>;
	/** How many commits were made; for tests and metrics. */
	readonly commits: number;
}

/** How many writes share a commit at most: none waits for ever behind the others. */
const MOST = 500;
/** How often a commit that came in the way of others is done again. */
const CONFLICT_TRIES = 8;
/** How long writes wait for a database that went away, before they are refused: milliseconds. */
const OUTAGE_PATIENCE = 10_000;
/** How long it is tried to learn what became of a commit whose reply was lost. */
const DOUBT_PATIENCE = 30_000;
const RECONNECT_PAUSE = 100;

const MARK = `INSERT INTO commit_marks (committer, xid) VALUES ($1, $2)
	ON CONFLICT (committer) DO UPDATE SET xid = excluded.xid, at = now()`;

interface Entry {
	work: (tx: Transaction) => Promise<unknown>;
	resolve: (value: never) => void;
	reject: (error: unknown) => void;
	outcome: { value: unknown } | { error: unknown } | null;
}

/** The reply to COMMIT was lost: this is the transaction to ask for. */
class InDoubt extends Error {
	readonly xid: number;
	readonly gathered: Gathered;

	constructor(xid: number, gathered: Gathered, cause: unknown) {
		super('the reply to a commit was lost', { cause });
		this.xid = xid;
		this.gathered = gathered;
	}
}

/**
 * Group commit over one connection: writes queue up while a commit is under way, and all that are there share
 * the next, so that what it costs to make one durable is shared too.
 *
 *   idle --write--> scheduled --setImmediate--> BEGIN, each work, COMMIT --done--> idle
 *                                                 |                 '--more came--> scheduled
 *   one of several failed: again, each in a savepoint
 *   a conflict with another engine's commit (deadlock, lock timeout): again, after a moment
 *   the connection broke before COMMIT was sent: the server has undone it; again, on a new connection
 *   the connection broke after: the new connection asks the server what became of the transaction
 *
 * So a restart of the server is a pause, and neither a lost request nor a lost reply makes one write two.
 */
export function createCommitter(options: {
	db: Pick<Database, 'connect' | 'name'>;
	faults: FaultPoints;
	/** Default 10 s. */
	patience?: Duration | undefined;
	/** Sends the last statements of a commit. */
	finish: (tx: OpenTransaction, xid: number) => Promise<void>;
	/** After a commit. */
	committed: (gathered: Gathered, xid: number) => void;
}): Committer {
	const { db, faults, finish, committed, patience = OUTAGE_PATIENCE } = options;
	const queue: Entry[] = [];
	let busy = false;
	let closed = false;
	let session: Session | null = null;
	let downSince: number | null = null;
	let commits = 0;
	let whenIdle: (() => void) | null = null;
	/** Whose last commit the mark in the database is of. */
	const id = randomUUID();

	function write<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
		if (closed) return Promise.reject(new CapError('STORAGE_UNAVAILABLE', 'the store is closed'));
		return new Promise<T>((resolve, reject) => {
			queue.push({ work, resolve, reject, outcome: null });
			if (!busy) schedule();
		});
	}

	function schedule(): void {
		busy = true;
		setImmediate(() => void flush());
	}

	async function flush(): Promise<void> {
		const batch = queue.splice(0, MOST);
		try {
			await settle(batch);
		} catch (error) {
			for (const entry of batch) entry.reject(storageError(error, db.name) ?? error);
		}
		if (queue.length > 0) schedule();
		else {
			busy = false;
			whenIdle?.();
		}
	}

	/** Commits the batch, however often that takes. */
	async function settle(batch: readonly Entry[]): Promise<void> {
		let careful = false;
		for (let conflicts = 0; ;) {
			try {
				const done = await attempt(batch, careful);
				if (done !== null) {
					commits++;
					faults.hit('commit.after');
					answer(batch);
					committed(done.gathered, done.xid);
				} else answer(batch);
				return;
			} catch (error) {
				if (error instanceof NeedsCare) careful = true;
				else if (isConflict(error) && ++conflicts < CONFLICT_TRIES) {
					await pause(Math.random() * 20 * 2 ** conflicts);
				} else if (!(error instanceof ConnectionLost) || outage() > patience) throw error;
				else await pause(RECONNECT_PAUSE);
			}
		}
	}

	/** How long the database has been away. */
	function outage(): number {
		downSince ??= performance.now();
		return performance.now() - downSince;
	}

	async function connected(): Promise<Session> {
		if (session?.alive === true) return session;
		session = null;
		session = await db.connect({ pipeline: true });
		return session;
	}

	/** @returns null when there was nothing to commit */
	async function attempt(
		batch: readonly Entry[],
		careful: boolean,
	): Promise<{ gathered: Gathered; xid: number } | null> {
		const on = await connected();
		try {
			return await commit(on, batch, careful);
		} catch (error) {
			if (error instanceof InDoubt) return resolveDoubt(error);
			// One that says nothing any more would not answer to that either; the server undoes what it never ended.
			if (error instanceof ConnectionLost) await on.close();
			else if (on.alive) await undo(on);
			throw error;
		}
	}

	async function undo(on: Session): Promise<void> {
		try {
			await on.command('ROLLBACK');
		} catch {
			await on.close();
		}
	}

	async function commit(
		on: Session,
		batch: readonly Entry[],
		careful: boolean,
	): Promise<{ gathered: Gathered; xid: number } | null> {
		const tx = createTransaction(on, { careful, isFatal: (error) => isFatal(error, on) });
		const begun = on.command('BEGIN');
		const asked = on.get<[number]>('SELECT pg_current_xact_id()::text::bigint');
		begun.catch(() => undefined);
		asked.catch(() => undefined);
		for (const entry of batch) await perform(tx, entry, { careful, alone: batch.length === 1, on });
		if (batch.every(({ outcome }) => outcome !== null && 'error' in outcome)) {
			await on.command('ROLLBACK');
			return null;
		}
		const xid = (await asked)?.[0] ?? 0;
		downSince = null;
		await ending(tx, batch, async () => {
			await Promise.all([on.run(MARK, [id, xid]), finish(tx, xid)]);
		});
		faults.hit('commit.before');
		await end(on, xid, tx.gathered);
		return { gathered: tx.gathered, xid };
	}

	/** What is gathered is written; a failure may be one work's own. */
	async function ending(
		tx: OpenTransaction,
		batch: readonly Entry[],
		work: () => Promise<void>,
	): Promise<void> {
		try {
			await work();
		} catch (error) {
			if (storageError(error, db.name) !== null || isConflict(error)) throw error;
			if (batch.length > 1 || tx.triedEach) throw new NeedsCare('a write failed', { cause: error });
			throw error;
		}
	}

	async function end(on: Session, xid: number, gathered: Gathered): Promise<void> {
		let tag: string;
		try {
			const sent = on.command('COMMIT');
			faults.hit('commit.sync');
			tag = await sent;
		} catch (error) {
			if (on.alive && !(error instanceof ConnectionLost)) throw error;
			await on.close();
			throw new InDoubt(xid, gathered, error);
		}
		if (tag !== 'COMMIT') throw new Error(`expected the tag COMMIT, got ${tag}`);
	}

	async function perform(
		tx: OpenTransaction,
		entry: Entry,
		{ careful, alone, on }: { careful: boolean; alone: boolean; on: Session },
	): Promise<void> {
		try {
			const work = async (): Promise<unknown> => entry.work(tx);
			entry.outcome = { value: await (careful ? tx.isolated(work) : work()) };
		} catch (error) {
			if (isFatal(error, on)) throw error;
			// What one of several did, or a part of one that may fail for itself, cannot be undone alone.
			if (!careful && (!alone || tx.triedEach)) {
				throw new NeedsCare('a write failed', { cause: error });
			}
			entry.outcome = { error };
		}
	}

	/** The storage failed or the transaction came in the way of another, not one statement. */
	function isFatal(error: unknown, on: Session): boolean {
		if (error instanceof NeedsCare || isConflict(error) || !on.alive) return true;
		return storageError(error, db.name) !== null;
	}

	/**
	 * Asks the server what became of the transaction, as soon as there is a server to ask.
	 * @throws ConnectionLost when it was not committed, so that it is done again
	 */
	async function resolveDoubt(doubt: InDoubt): Promise<{ gathered: Gathered; xid: number }> {
		const since = performance.now();
		for (;;) {
			const status = await statusOf(doubt.xid).catch(unknownOrLost);
			if (status === 'committed') return doubt;
			if (status === 'aborted') {
				downSince = null;
				throw new ConnectionLost('the connection broke in the middle of a commit', doubt.cause);
			}
			if (performance.now() - since > DOUBT_PATIENCE) break;
			await pause(RECONNECT_PAUSE);
		}
		throw new CapError(
			'STORAGE_UNAVAILABLE',
			`the database ${db.name} was lost during a commit; whether that was made is not known`,
			{ retry: 'later', cause: doubt.cause },
		);
	}

	/**
	 * `in progress` while the server has not noticed yet that the connection broke. A server that was killed gives the
	 * ids of what it lost to others, so who committed is told by our mark, in a snapshot that is taken after that.
	 */
	async function statusOf(xid: number): Promise<string> {
		const on = await connected();
		const row = await on.get<[string | null]>('SELECT pg_xact_status($1::text::xid8)', [`${xid}`]);
		const status = row?.[0] ?? 'unknown';
		if (status !== 'committed') return status;
		const mark = await on.get<[number]>('SELECT xid FROM commit_marks WHERE committer = $1', [id]);
		return mark?.[0] === xid ? 'committed' : 'aborted';
	}

	return {
		write,
		get commits() {
			return commits;
		},
		async close() {
			closed = true;
			if (busy) {
				await new Promise<void>((resolve) => {
					whenIdle = resolve;
				});
			}
			await session?.close();
			session = null;
		},
	};
}

/** An id that the server has not given yet was lost when it was killed, and what was done under it too. */
function unknownOrLost(error: unknown): string {
	return (error as { code?: unknown }).code === '22023' ? 'aborted' : 'unknown';
}

function answer(batch: readonly Entry[]): void {
	for (const { outcome, resolve, reject } of batch) {
		if (outcome !== null && 'value' in outcome) resolve(outcome.value as never);
		else reject(outcome?.error);
	}
}

import { closeSync, fdatasync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { promisify } from 'node:util';

import { CapError } from '../../contract/errors.ts';

/** A statement whose rows are arrays. */
export interface RowStatement<R extends readonly unknown[]> {
	get(...values: SQLInputValue[]): R | undefined;
	all(...values: SQLInputValue[]): R[];
}

/** One connection, its settings, and its prepared statements. */
export interface Database {
	readonly file: string;
	readonly inTransaction: boolean;
	/** The connection itself, while it is open. */
	connection(): DatabaseSync;
	/** A statement whose rows are objects; prepared once and kept. */
	sql(text: string): StatementSync;
	/** The same with rows as arrays, which are read faster. */
	rows<R extends readonly unknown[] = readonly unknown[]>(text: string): RowStatement<R>;
	exec(text: string): void;
	/** Resolves when every commit made before the call is on the disk, off this thread. */
	sync(): Promise<void>;
	open(): void;
	close(): void;
}

export interface DatabaseOptions {
	/**
	 * Who brings a commit to the disk: `commit` itself, which blocks the process until it is there, or whoever
	 * calls `sync()` before he answers for it. Default `commit`.
	 */
	syncedBy?: 'commit' | 'caller';
}

/**
 * WAL. With FULL a commit is on the disk when it returns. With NORMAL it is in the log, in order, and the log is
 * synced at checkpoints only: a loss of power takes the newest commits with it, but none out of turn. The log
 * is checkpointed at 16 MB (the engine's by a thread, see checkpointer.ts), and cut to 64 MB after a burst. Other
 * processes may read; nobody else should write, hence the short busy timeout. https://www.sqlite.org/pragma.html#pragma_synchronous
 */
const SETTINGS = `
PRAGMA journal_mode = WAL;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA journal_size_limit = 67108864;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -65536;
PRAGMA trusted_schema = OFF;
`;
const BUSY_TIMEOUT = 2000;

/**
 * SQLite looks at what is bound to a bare \`LIMIT ?\` while it plans, and therefore plans a statement anew whenever
 * another value, or the same again, is bound there: 20 to 100 µs for what takes 1 (it was a seventh of the processor
 * time of a fire). An expression it leaves alone. https://www.sqlite.org/c3ref/c_dbconfig_defensive.html
 * (SQLITE_DBCONFIG_ENABLE_QPSG, which would say the same and which Node does not offer)
 */
function steady(text: string): string {
	return text.replaceAll(/\bLIMIT \?/g, 'LIMIT ? + 0');
}

const dataSync = promisify(fdatasync);

export function createDatabase(
	file: string,
	{ syncedBy = 'commit' }: DatabaseOptions = {},
): Database {
	let db: DatabaseSync | null = null;
	/**
	 * Our own descriptor of the log, which stays the same file while the connection is open. SQLite holds no
	 * locks on it, so that closing this one drops none.
	 */
	let log: number | null = null;
	const objects = new Map<string, StatementSync>();
	const arrays = new Map<string, StatementSync>();

	function connection(): DatabaseSync {
		if (db === null) throw new CapError('STORAGE_UNAVAILABLE', `${file}: the store is not open`);
		return db;
	}

	function kept(statements: Map<string, StatementSync>, text: string): StatementSync {
		const found = statements.get(text);
		if (found !== undefined) return found;
		const statement = connection().prepare(steady(text));
		if (statements === arrays) statement.setReturnArrays(true);
		statements.set(text, statement);
		return statement;
	}

	return {
		file,
		get inTransaction() {
			return db?.isTransaction ?? false;
		},
		connection,
		sql: (text) => kept(objects, text),
		rows: <R extends readonly unknown[]>(text: string) =>
			kept(arrays, text) as unknown as RowStatement<R>,
		exec(text) {
			connection().exec(text);
		},
		async sync() {
			connection();
			// The first commit makes the file.
			log ??= openSync(`${file}-wal`, 'r+');
			await dataSync(log);
		},
		open() {
			db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT });
			db.exec(SETTINGS);
			db.exec(`PRAGMA synchronous = ${syncedBy === 'caller' ? 'NORMAL' : 'FULL'}`);
		},
		close() {
			objects.clear();
			arrays.clear();
			if (log !== null) closeSync(log);
			log = null;
			db?.close();
			db = null;
		},
	};
}

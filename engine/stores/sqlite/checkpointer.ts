import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';

import type { FaultPoints } from '../../contract/fault-points.ts';
import type { StoreFault } from './context.ts';
import type { Database } from './database.ts';
import { isDiskFailure } from './storage-error.ts';

export type CheckpointOrder = 'PASSIVE' | 'RESTART' | 'end';
/** Null when nothing failed; SQLite's own words otherwise. */
export type CheckpointAnswer = { message: string; errcode: number | undefined } | null;

/** In pages of the log, 4 KB each. */
export interface CheckpointSizes {
	/** So many that are not in the database yet, and they are written back. */
	begin: number;
	/** So long a log that is not to grow on: commits wait until it is written back. */
	wait: number;
	/** They do once so few are left. */
	finish: number;
	/** So long a log, and readers are waited for once, and it is told. */
	alarm: number;
}

const SIZES: CheckpointSizes = { begin: 4000, wait: 16_000, finish: 500, alarm: 64_000 };
/** Milliseconds without a commit in which the rest is written back: between two bursts, say. */
const QUIET = 25;
/** How often what came meanwhile is written back before commits wait for the last of it. */
const MOST_PASSES = 3;

export interface Checkpointer {
	/** Once the database is open. */
	begin(): void;
	/** After each commit. @returns null, or until when no other may be made; never rejects */
	committed: () => Promise<void> | null;
	/** Writes everything back and ends the thread. Once no commit is made any more. */
	close(): Promise<void>;
}

const FILE = new URL(
	import.meta.url.endsWith('.ts') ? './checkpoint-worker.ts' : './checkpoint-worker.js',
	import.meta.url,
);

/**
 * Writes the log back into the database in a thread with a connection of its own: on the main thread it held up
 * everything for 36 to 150 ms. The thread begins when the log is long for the first time; most engines never have it.
 *
 * A log begins anew only with a commit that finds all of it written back, which never is while others follow. Hence
 * what came during a pass is written back once nothing is committed for a moment; and where no such moment comes, and
 * the log is too long, commits wait for the last pass: not the event loop, and it runs beside the sync of a commit.
 *
 *   short --`begin` pages are left--> pass --a quiet moment--> pass of the rest --> all is in: the log begins anew
 *                                       '--no quiet moment, `wait`--> pass ... --few are left--> last pass, commits wait
 *
 * - Somebody reads the log (a backup, an export): what he may need stays, the log grows, and another try follows
 *   each time it has grown by `begin`. At `alarm`, and each time it has doubled since, it is told and readers are
 *   waited for, which helps against many short ones.
 * - The thread dies, or cannot begin: commits checkpoint on the main thread again, as SQLite does by itself.
 * - The disk fails: as when the log cannot be synced. Without room on it, the next try is another.
 *
 * https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files
 */
export function createCheckpointer(options: {
	database: Database;
	faults: FaultPoints;
	/** The disk failed: what was said to be on it may not be. */
	onDiskFailure: (cause: unknown) => void;
	onFault: (fault: StoreFault) => void;
	sizes?: CheckpointSizes;
}): Checkpointer {
	const { database, faults, onDiskFailure, onFault, sizes = SIZES } = options;
	let thread: Worker | null = null;
	/** False: SQLite checkpoints by itself, on the main thread. */
	let able = false;
	/** What the thread does now. */
	let working: Promise<void> | null = null;
	let answered: (answer: CheckpointAnswer) => void = () => undefined;
	/** Since the log is too long. */
	let passes = 0;
	let quiet: NodeJS.Timeout | null = null;
	/** How long the log was at the last try: when it is shorter now, it began anew. */
	let tried = 0;
	/** How long it is to be until it is told again. */
	let alarm = sizes.alarm;

	function fault(error: unknown): void {
		onFault({ where: 'checkpoint', id: database.file, error });
	}

	/** The main thread does it again. */
	function fallBack(error: unknown): void {
		able = false;
		thread = null;
		database.exec(`PRAGMA wal_autocheckpoint = ${sizes.begin}`);
		fault(error);
		answered(null);
	}

	function start(): Worker {
		const worker = new Worker(FILE, {
			name: 'checkpoints',
			execArgv: [],
			workerData: { file: database.file },
			resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
		});
		worker.on('message', (answer: CheckpointAnswer) => {
			answered(answer);
		});
		let reason: unknown = new Error('the thread of the checkpoints ended by itself');
		worker.on('error', (error: unknown) => {
			reason = error;
		});
		worker.once('exit', () => {
			if (thread === worker) fallBack(reason);
		});
		return worker;
	}

	/** Resolves whatever comes of it. */
	function pass(mode: 'PASSIVE' | 'RESTART'): Promise<void> {
		const answer = Promise.withResolvers<CheckpointAnswer>();
		answered = answer.resolve;
		try {
			thread ??= start();
			// Whoever waits for a commit waits for this; an engine that has nothing to do may end.
			thread.ref();
			thread.postMessage(mode satisfies CheckpointOrder);
		} catch (error) {
			fallBack(error);
		}
		working = judge(answer.promise).then(() => {
			working = null;
			thread?.unref();
		});
		return working;
	}

	async function judge(answer: Promise<CheckpointAnswer>): Promise<void> {
		try {
			faults.hit('checkpoint.begun');
			const failure = await answer;
			faults.hit('checkpoint.sync');
			if (failure === null) return;
			const error = Object.assign(new Error(failure.message), { errcode: failure.errcode });
			if (isDiskFailure(error, dirname(database.file))) onDiskFailure(error);
			else fault(error);
		} catch (error) {
			onDiskFailure(error);
		}
	}

	/** Pages in the log, and how many of them are not in the database yet. */
	function look(): { log: number; left: number } {
		try {
			const row = database.rows<[busy: number, log: number, made: number]>(LOOK).get();
			const [, log = 0, made = 0] = row ?? [];
			return { log, left: log - made };
		} catch (error) {
			// The commit that was made is good, and the next one will say what is wrong.
			fault(error);
			return { log: 0, left: 0 };
		}
	}

	async function goOn(log: number): Promise<void> {
		tried = log;
		await pass('PASSIVE');
		if (able) awaitQuiet();
	}

	/** Once, until another commit follows: what a reader keeps in the log would be tried for ever. */
	function whenQuiet(): void {
		if (!able || working !== null || tried === 0) return;
		const { log, left } = look();
		if (left === 0) return;
		tried = log;
		void pass('PASSIVE');
	}

	function awaitQuiet(): void {
		quiet ??= setTimeout(whenQuiet, QUIET).unref();
		quiet.refresh();
	}

	/** Commits wait for it. */
	function lastPass(log: number): Promise<void> {
		passes = 0;
		tried = log;
		if (log < sizes.alarm) alarm = sizes.alarm;
		if (log < alarm) return pass('PASSIVE');
		alarm = log * 2;
		fault(
			new Error(
				`the log of the database has ${log} pages, since somebody reads in it all the while ` +
					'(a backup, an export, another process)',
			),
		);
		return pass('RESTART');
	}

	/** Of a log that is too long. */
	function bound(log: number, left: number): Promise<void> | null {
		passes++;
		const few = left <= sizes.finish || left >= sizes.wait;
		if (passes > MOST_PASSES || (passes > 1 && few)) return lastPass(log);
		void goOn(log);
		return null;
	}

	return {
		begin() {
			tried = 0;
			passes = 0;
			able = canLook(database);
			if (able) database.exec('PRAGMA wal_autocheckpoint = 0');
		},

		committed() {
			if (!able) return null;
			const { log, left } = look();
			if (working !== null) return log < tried + sizes.wait ? null : working;
			if (log < tried) {
				// It began anew.
				tried = 0;
				passes = 0;
			}
			const grown = left >= sizes.begin && log >= tried + sizes.begin;
			if (log >= sizes.wait && (grown || passes > 0)) return bound(log, left);
			if (grown) void goOn(log);
			else if (tried > 0) awaitQuiet();
			return null;
		},

		async close() {
			able = false;
			if (quiet !== null) clearTimeout(quiet);
			quiet = null;
			await working;
			if (thread === null) return;
			await pass('PASSIVE');
			const worker = thread as Worker | null;
			if (worker === null) return;
			thread = null;
			worker.ref();
			const ended = new Promise((resolve) => worker.once('exit', resolve));
			worker.postMessage('end' satisfies CheckpointOrder);
			await ended;
		},
	};
}

const LOOK = 'PRAGMA wal_checkpoint(NOOP)';

/** Whether SQLite can tell of the log without writing it back, which it can from 3.51 on. */
function canLook(database: Database): boolean {
	const row = database.rows<[version: string]>('SELECT sqlite_version()').get();
	const [major = 0, minor = 0] = (row?.[0] ?? '').split('.').map(Number);
	return major > 3 || (major === 3 && minor >= 51);
}

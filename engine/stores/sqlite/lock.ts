import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { CapError } from '../../contract/errors.ts';

/**
 * Holds a data folder for one process. The lock is SQLite's exclusive file lock on a file of its own, so it
 * ends with the process, however that ends. That file must never be opened in another way in this
 * process: closing any descriptor of it would drop the lock (POSIX). Hence the pid is kept beside it.
 * @throws CapError STORAGE_UNAVAILABLE when another process holds it
 * @returns releases it
 */
export function lockFolder(folder: string): () => void {
	const pidFile = join(folder, 'engine.pid');
	const database = new DatabaseSync(join(folder, 'engine.lock'), { timeout: 0 });
	try {
		database.exec('BEGIN EXCLUSIVE');
	} catch (cause) {
		database.close();
		const busy = (cause as { errcode?: number }).errcode === 5;
		throw new CapError(
			'STORAGE_UNAVAILABLE',
			busy
				? `data folder ${folder} is in use by another engine (pid ${holder(pidFile)})`
				: `data folder ${folder} cannot be locked`,
			{ cause },
		);
	}
	writeFileSync(pidFile, `${process.pid}\n`);
	return () => {
		rmSync(pidFile, { force: true });
		database.close();
	};
}

function holder(pidFile: string): string {
	try {
		return readFileSync(pidFile, 'utf8').trim();
	} catch {
		return 'unknown';
	}
}

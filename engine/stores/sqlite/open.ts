import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { CapError } from '../../contract/errors.ts';
import type { BlobFiles } from '../files/blob-files.ts';
import type { Database } from './database.ts';
import { lockFolder } from './lock.ts';
import { migrate } from './schema.ts';
import { storageError } from './storage-error.ts';

/**
 * Makes the folder, takes its lock, opens the database and brings it to this version.
 * @throws CapError STORAGE_UNAVAILABLE or STORAGE_FULL; nothing stays open
 * @returns closes everything
 */
export async function openFolder(
	folder: string,
	database: Database,
	blobs: BlobFiles,
): Promise<() => void> {
	const release: (() => void)[] = [];
	const closeAll = (): void => {
		for (const close of release.splice(0).reverse()) close();
	};
	try {
		makeFolder(folder);
		release.push(lockFolder(folder));
		release.push(() => {
			database.close();
		});
		database.open();
		migrate(database);
		await makeDurable(database);
		blobs.prepare();
		keepPrivate(folder);
		return closeAll;
	} catch (error) {
		closeAll();
		throw (
			storageError(error, folder) ??
			new CapError('STORAGE_UNAVAILABLE', `data folder ${folder}: ${(error as Error).message}`, {
				cause: error,
			})
		);
	}
}

/**
 * What is read from now on is on the disk: an engine that was killed may have left commits in the log that were
 * never synced, and one whose sync failed some that only the system's memory has. Hence the log goes into
 * the database, which writes them anew; the sync is for what a reader of another process keeps from it.
 */
async function makeDurable(database: Database): Promise<void> {
	database.exec('PRAGMA wal_checkpoint(PASSIVE)');
	await database.sync();
}

/** Step by step: Node's own recursion never ends where the system says that there is no such place (`/proc/x`). */
export function makeFolder(folder: string): void {
	try {
		mkdirSync(folder, { mode: 0o700 });
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === 'EEXIST') return;
		if (code !== 'ENOENT' || dirname(folder) === folder) throw error;
		makeFolder(dirname(folder));
		mkdirSync(folder, { mode: 0o700 });
	}
}

/** The folder may have been there before, open to others; what is in it is for the engine's user only. */
function keepPrivate(folder: string): void {
	chmodSync(join(folder, 'blobs'), 0o700);
	for (const name of ['capscheduler.db', 'capscheduler.db-wal', 'capscheduler.db-shm']) {
		try {
			chmodSync(join(folder, name), 0o600);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
		}
	}
}

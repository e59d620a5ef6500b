import { mkdirSync } from 'node:fs';

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
export function openFolder(folder: string, database: Database, blobs: BlobFiles): () => void {
	const release: (() => void)[] = [];
	const closeAll = (): void => {
		for (const close of release.splice(0).reverse()) close();
	};
	try {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		release.push(lockFolder(folder));
		release.push(() => {
			database.close();
		});
		database.open();
		migrate(database);
		blobs.prepare();
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

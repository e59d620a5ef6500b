import { statfsSync } from 'node:fs';

import { CapError } from '../../contract/errors.ts';

/** SQLite's primary result codes that concern the storage as a whole and not one statement. */
const BUSY = 5;
const NOMEM = 7;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

const STORAGE: ReadonlySet<number> = new Set([
	BUSY,
	NOMEM,
	READONLY,
	IOERR,
	CORRUPT,
	FULL,
	CANTOPEN,
	NOTADB,
]);

/** Below this much free space, a failed write is taken for a full disk, whatever SQLite calls it. */
const FULL_BELOW = 1 << 20;

/** The error as a CapError when the storage is at fault, else null: then it is the statement's own. */
export function storageError(error: unknown, folder: string): CapError | null {
	if (error instanceof CapError) return error.code.startsWith('STORAGE_') ? error : null;
	const { errcode, code } = (error ?? {}) as { errcode?: unknown; code?: unknown };
	if (code === 'ENOSPC' || code === 'EDQUOT') return full(error);
	if (typeof errcode !== 'number') return null;
	const primary = errcode & 0xff;
	if (!STORAGE.has(primary)) return null;
	const noRoom =
		primary === FULL || ((primary === IOERR || primary === CANTOPEN) && isFull(folder));
	return noRoom
		? full(error)
		: new CapError('STORAGE_UNAVAILABLE', `the database failed: ${(error as Error).message}`, {
				retry: 'later',
				cause: error,
			});
}

/** Whether reading or writing failed, and not for want of room: nobody knows what is on the disk then. */
export function isDiskFailure(error: unknown, folder: string): boolean {
	const { errcode } = (error ?? {}) as { errcode?: number };
	return ((errcode ?? 0) & 0xff) === IOERR && !isFull(folder);
}

function full(cause: unknown): CapError {
	return new CapError('STORAGE_FULL', 'no room left on the disk of the data folder', {
		retry: 'later',
		cause,
	});
}

function isFull(folder: string): boolean {
	try {
		const { bavail, bsize } = statfsSync(folder);
		return bavail * bsize < FULL_BELOW;
	} catch {
		return false;
	}
}

import {
	MongoError,
	MongoNetworkError,
	MongoServerError,
	MongoServerSelectionError,
	MongoTopologyClosedError,
	MongoNotConnectedError,
	MongoWriteConcernError,
} from 'mongodb';

import { CapError } from '../../contract/errors.ts';

/**
 * Codes of servers that are going away, do not know what happened (8), or are not the primary any more, or did not replicate in time.
 * https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md
 */
const PASSING: ReadonlySet<number> = new Set([
	6, 7, 8, 64, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436,
]);
const OUT_OF_DISK = 14031;
const DUPLICATE = 11000;

/** Whether the same may work in a moment: what it did so far is not known. */
export function isPassing(error: unknown): boolean {
	if (error instanceof MongoTopologyClosedError || error instanceof MongoNotConnectedError)
		return false;
	if (error instanceof MongoNetworkError || error instanceof MongoWriteConcernError) return true;
	if (!(error instanceof MongoError)) return false;
	if (error.hasErrorLabel('RetryableWriteError')) return true;
	return error instanceof MongoServerError && PASSING.has(Number(error.code));
}

export function isDuplicate(error: unknown): boolean {
	return error instanceof MongoServerError && error.code === DUPLICATE;
}

/** The error as a CapError when the storage is at fault, else as it is: then it is the statement's own. */
export function storageError(error: unknown): unknown {
	if (error instanceof CapError || !(error instanceof MongoError)) return error;
	const full =
		(error instanceof MongoServerError && error.code === OUT_OF_DISK) ||
		/no space left|quota exceeded/i.test(error.message);
	if (full) {
		return new CapError('STORAGE_FULL', 'no room left on the disk of the MongoDB server', {
			retry: 'later',
			cause: error,
		});
	}
	const away =
		isPassing(error) ||
		error instanceof MongoServerSelectionError ||
		error instanceof MongoTopologyClosedError ||
		error instanceof MongoNotConnectedError;
	if (!away) return error;
	return new CapError('STORAGE_UNAVAILABLE', `MongoDB: ${error.message}`, {
		retry: 'later',
		cause: error,
	});
}

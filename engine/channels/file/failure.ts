import { CapError } from '../../contract/errors.ts';
import type { ErrorCode, RetryVerdict } from '../../contract/errors.ts';
import type { SendOutcome } from '../channel.port.ts';

/** What the system's errors mean here, and whether time can mend them. */
const SYSTEM_ERRORS: Readonly<Record<string, [ErrorCode, RetryVerdict, string]>> = {
	ENOSPC: ['STORAGE_FULL', 'later', 'no room on the disk'],
	EDQUOT: ['STORAGE_FULL', 'later', 'the disk quota is used up'],
	EFBIG: ['TARGET_REFUSED', 'never', 'the file system takes no file of this size'],
	EACCES: ['TARGET_REFUSED', 'later', 'the engine may not write there'],
	EPERM: ['TARGET_REFUSED', 'later', 'the engine may not write there'],
	EROFS: ['TARGET_REFUSED', 'later', 'the file system is read-only'],
	ENOENT: ['TARGET_UNREACHABLE', 'later', 'the folder is not there'],
	ENOTDIR: ['TARGET_REFUSED', 'later', 'a part of the folder is a file'],
	EISDIR: ['TARGET_REFUSED', 'later', 'a folder has the name of the file'],
	ENOTEMPTY: ['TARGET_REFUSED', 'later', 'a folder has the name of the file'],
	ELOOP: ['TARGET_REFUSED', 'never', 'the links of the folder go in circles'],
	ENAMETOOLONG: ['PATH_INVALID', 'never', 'the path is too long for the file system'],
};

export function failureFrom(
	error: unknown,
	{ folder }: { folder: string },
): Exclude<SendOutcome, { kind: 'delivered' }> {
	if (error instanceof CapError) {
		return { kind: 'failed', code: error.code, message: error.message, retry: error.retry };
	}
	const errno = (error as NodeJS.ErrnoException).code ?? 'unknown';
	const [code, retry, why] =
		SYSTEM_ERRORS[errno] ?? (['TARGET_FAULT', 'later', 'writing failed'] as const);
	return { kind: 'failed', code, message: `${folder}: ${why} (${errno})`, retry };
}

import { CapError } from '../../contract/errors.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import { asTargetError, quoted } from '../shared/failed.ts';

/** By the store's error codes (Blob service error codes; common REST API error codes). */
const CODES: Readonly<Record<string, [ErrorCode, string]>> = {
	AuthenticationFailed: ['TARGET_LOGIN_FAILED', 'the credentials were refused'],
	InvalidAuthenticationInfo: ['TARGET_LOGIN_FAILED', 'the credentials were refused'],
	NoAuthenticationInformation: ['TARGET_LOGIN_FAILED', 'the credentials were refused'],
	AuthorizationFailure: ['TARGET_REFUSED', 'no permission'],
	AuthorizationPermissionMismatch: ['TARGET_REFUSED', 'no permission'],
	InsufficientAccountPermissions: ['TARGET_REFUSED', 'no permission'],
	AccountIsDisabled: ['TARGET_REFUSED', 'the account is disabled'],
	ContainerNotFound: ['TARGET_UNREACHABLE', 'the container is not there'],
	ContainerBeingDeleted: ['TARGET_UNREACHABLE', 'the container is being deleted'],
	ServerBusy: ['TARGET_BUSY', 'the store asks for patience'],
	LeaseIdMissing: ['TARGET_BUSY', 'somebody has a lease on the blob'],
	Md5Mismatch: ['TARGET_FAULT', 'other bytes arrived'],
};

interface Told {
	status: number | null;
	code: string;
}

/** By shape: the SDK is loaded late. */
export function toldBy(error: unknown): Told {
	const { statusCode, code, details } = Object(error) as Record<string, unknown>;
	const { errorCode } = Object(details) as { errorCode?: unknown };
	const name = [errorCode, code].find((one) => typeof one === 'string');
	return {
		status: typeof statusCode === 'number' ? statusCode : null,
		code: typeof name === 'string' ? name : '',
	};
}

/** The meaning of what the SDK threw. All can be mended while the attempts last. */
export function azureError(error: unknown, secrets: readonly (string | undefined)[]): CapError {
	if (error instanceof CapError) return error;
	const { status, code } = toldBy(error);
	const { message } = Object(error) as { message?: unknown };
	if (status === null) return asTargetError(error);
	const later = { retry: 'later', cause: error } as const;
	// what follows is the request's id, and the text that was to be signed
	const [words = ''] = typeof message === 'string' ? message.split('\n') : [];
	const said = quoted(words, secrets);
	const forged = status === 403 && /failed to authenticate/i.test(words);
	const known = forged ? CODES['AuthenticationFailed'] : CODES[code];
	if (known) return new CapError(known[0], `${known[1]}: ${said}`, later);
	const what = `answered ${status} ${code}: ${said}`;
	if (status === 401) return new CapError('TARGET_LOGIN_FAILED', what, later);
	if (status === 507) return new CapError('TARGET_FULL', what, later);
	if (status === 429 || status === 503) return new CapError('TARGET_BUSY', what, later);
	if (status >= 500) return new CapError('TARGET_FAULT', what, later);
	return new CapError('TARGET_REFUSED', what, later);
}

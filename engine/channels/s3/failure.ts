import { CapError } from '../../contract/errors.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import { asTargetError, quoted } from '../shared/failed.ts';

const NAMES: Readonly<Record<string, [ErrorCode, string]>> = {
	InvalidAccessKeyId: ['TARGET_LOGIN_FAILED', 'the access key is unknown'],
	SignatureDoesNotMatch: ['TARGET_LOGIN_FAILED', 'the secret access key is wrong'],
	InvalidToken: ['TARGET_LOGIN_FAILED', 'the session token is wrong'],
	ExpiredToken: ['TARGET_LOGIN_FAILED', 'the session token has expired'],
	CredentialsProviderError: ['TARGET_LOGIN_FAILED', 'the engine has no credentials'],
	AccessDenied: ['TARGET_REFUSED', 'no permission'],
	NoSuchBucket: ['TARGET_UNREACHABLE', 'the bucket is not there'],
	QuotaExceeded: ['TARGET_FULL', 'the quota is used up'],
	XMinioStorageFull: ['TARGET_FULL', 'no room in the store'],
	InsufficientCapacity: ['TARGET_FULL', 'no room in the store'],
	SlowDown: ['TARGET_BUSY', 'the store asks for patience'],
	RequestTimeTooSkewed: ['TARGET_REFUSED', "the engine's clock and the store's differ too much"],
	PermanentRedirect: ['TARGET_REDIRECT', 'the bucket is in another region'],
	AuthorizationHeaderMalformed: ['TARGET_REDIRECT', 'the bucket is in another region'],
};

const NO_ROOM = /no space left|disk quota exceeded/i;

export function statusOf(error: unknown): number | null {
	const { $metadata } = Object(error) as { $metadata?: { httpStatusCode?: unknown } };
	const status = $metadata?.httpStatusCode;
	return typeof status === 'number' ? status : null;
}

/** The meaning of what the SDK threw. All can be mended while the attempts last. */
export function s3Error(error: unknown, secrets: readonly (string | undefined)[]): CapError {
	if (error instanceof CapError) return error;
	const { name, message } = Object(error) as { name?: unknown; message?: unknown };
	const later = { retry: 'later', cause: error } as const;
	const known = NAMES[String(name)];
	const said = quoted(typeof message === 'string' ? message : '', secrets);
	if (known) return new CapError(known[0], `${known[1]}: ${said}`, later);
	const status = statusOf(error);
	if (status === null) return asTargetError(error);
	const what = `answered ${status} ${String(name)}: ${said}`;
	// MinIO, and gateways to folders, have no name for it where the disk fills up while they write
	const full = status === 507 || (status >= 500 && NO_ROOM.test(String(message)));
	if (full) return new CapError('TARGET_FULL', what, later);
	if (status === 429 || status === 503) return new CapError('TARGET_BUSY', what, later);
	if (status >= 500) return new CapError('TARGET_FAULT', what, later);
	if (status >= 300 && status < 400) return new CapError('TARGET_REDIRECT', what, later);
	return new CapError('TARGET_REFUSED', what, later);
}

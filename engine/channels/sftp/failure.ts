import { CapError } from '../../contract/errors.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import { asTargetError, quoted } from '../shared/failed.ts';

/** Status codes of SFTP version 3 (draft-ietf-secsh-filexfer-02, 7). */
export const STATUS = {
	noSuchFile: 2,
	permissionDenied: 3,
	failure: 4,
	noConnection: 6,
	lost: 7,
	unsupported: 8,
};

const MEANINGS: Readonly<Record<number, [ErrorCode, string]>> = {
	[STATUS.noSuchFile]: ['TARGET_REFUSED', 'no such file or folder'],
	[STATUS.permissionDenied]: ['TARGET_REFUSED', 'no permission'],
	[STATUS.failure]: ['TARGET_FAULT', 'the server failed'],
	[STATUS.noConnection]: ['TARGET_UNREACHABLE', 'the connection was lost'],
	[STATUS.lost]: ['TARGET_UNREACHABLE', 'the connection was lost'],
};

export function statusOf(error: unknown): number | null {
	const { code } = Object(error) as { code?: unknown };
	return typeof code === 'number' ? code : null;
}

/** An extension that the server does not know: it never said so, or it answers so. */
export function isUnsupported(error: unknown): boolean {
	const { message } = Object(error) as { message?: unknown };
	return statusOf(error) === STATUS.unsupported || String(message).includes('does not support');
}

/** The meaning of what ssh2 threw. `doing`: for people. All can be mended while the attempts last. */
export function sftpError(
	error: unknown,
	doing: string,
	secrets: readonly (string | undefined)[] = [],
): CapError {
	if (error instanceof CapError) return error;
	const { level, message } = Object(error) as { level?: unknown; message?: unknown };
	const text = typeof message === 'string' ? message : '';
	const later = { retry: 'later', cause: error } as const;
	if (level === 'client-authentication') {
		return new CapError('TARGET_LOGIN_FAILED', `${doing}: the login was refused`, later);
	}
	if (level === 'client-timeout' || text.startsWith('Timed out')) {
		return new CapError('TIMEOUT', `${doing}: no answer in time`, later);
	}
	const goneEarly = /connection lost before handshake|no response from server|not connected/i;
	if (goneEarly.test(text)) {
		return new CapError('TARGET_UNREACHABLE', `${doing}: the connection was lost`, later);
	}
	if (level === 'protocol' || level === 'handshake') {
		return new CapError('TARGET_PROTOCOL', `${doing}: ${quoted(text, secrets)}`, later);
	}
	const status = statusOf(error);
	if (status !== null) {
		const [code, why] = MEANINGS[status] ?? ['TARGET_REFUSED', 'the server refused it'];
		return new CapError(code, `${doing}: ${why}: ${quoted(text, secrets)}`, later);
	}
	const known = asTargetError(error);
	return new CapError(known.code, `${doing}: ${known.message}`, later);
}

import { CapError } from '../../contract/errors.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import { asTargetError, quoted } from '../shared/failed.ts';

/** What the answer's number means (RFC 959, 4.2; RFC 2228, 5). All can be mended while the attempts last. */
const ANSWERS: Readonly<Record<number, [ErrorCode, string]>> = {
	421: ['TARGET_BUSY', 'the server is not available'],
	425: ['TARGET_FAULT', 'no data connection'],
	426: ['TARGET_FAULT', 'the transfer was broken off'],
	430: ['TARGET_LOGIN_FAILED', 'the login was refused'],
	450: ['TARGET_BUSY', 'the file is in use'],
	451: ['TARGET_FAULT', 'the server failed'],
	452: ['TARGET_FULL', 'no room on the server'],
	522: ['TARGET_PROTOCOL', 'the server refused the TLS of the data connection'],
	530: ['TARGET_LOGIN_FAILED', 'the login was refused'],
	532: ['TARGET_LOGIN_FAILED', 'the server wants an account'],
	534: ['TARGET_PROTOCOL', 'the server refused TLS'],
	550: ['TARGET_REFUSED', 'no such folder, or no permission'],
	552: ['TARGET_FULL', 'the quota is used up'],
	553: ['TARGET_REFUSED', 'the name was refused, or no permission'],
};
const FULL = /no space|disk (?:is )?full|quota|insufficient storage|writing to local file/i;

/** The meaning of what basic-ftp threw. `doing`: for people. */
export function ftpError(error: unknown, doing: string, password?: string): CapError {
	if (error instanceof CapError) return error;
	const { name, code, message } = error as { name?: unknown; code?: unknown; message?: unknown };
	const text = typeof message === 'string' ? message : '';
	const later = { retry: 'later', cause: error } as const;
	if (name === 'FTPError' && typeof code === 'number') {
		const [known, why] = ANSWERS[code] ?? ['TARGET_REFUSED', 'the server refused it'];
		const full = code >= 450 && code < 600 && FULL.test(text);
		const said = quoted(text, [password]);
		if (full) return new CapError('TARGET_FULL', `${doing}: no room on the server: ${said}`, later);
		return new CapError(known, `${doing}: ${why}: ${said}`, later);
	}
	if (text.startsWith('Timeout'))
		return new CapError('TIMEOUT', `${doing}: no answer in time`, later);
	if (/FIN packet|closed connection/.test(text)) {
		return new CapError('TARGET_UNREACHABLE', `${doing}: the server closed the connection`, later);
	}
	const known = asTargetError(error);
	return new CapError(known.code, `${doing}: ${known.message}`, later);
}

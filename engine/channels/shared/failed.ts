import { CapError } from '../../contract/errors.ts';
import type { SendOutcome } from '../channel.port.ts';

export type Failed = Exclude<SendOutcome, { kind: 'delivered' }>;

/** The outcome of what was thrown. Adapters throw CapErrors; the rest are codes of sockets and of TLS. */
export function failedWith(error: unknown): Failed {
	const { code, message, retry, retryAfter } = asTargetError(error);
	const hint = retryAfter === undefined ? {} : { retryAfter };
	return { kind: 'failed', code, message, retry, ...hint };
}

/** Codes only: messages of sockets name inner addresses. */
export function asTargetError(error: unknown): CapError {
	if (error instanceof CapError) return error;
	const code = errnoOf(error);
	const later = { retry: 'later', cause: error } as const;
	if (/TIMEOUT|^ETIMEDOUT$/.test(code)) {
		return new CapError('TIMEOUT', `no answer in time (${code})`, later);
	}
	if (isTlsCode(code)) {
		return new CapError('TARGET_PROTOCOL', `TLS failed (${code})`, later);
	}
	if (/^HPE_|^ERR_HTTP|^UND_ERR_(?:HEADERS_OVERFLOW|RES)/.test(code)) {
		return new CapError('TARGET_PROTOCOL', `answered no valid HTTP (${code})`, later);
	}
	return new CapError('TARGET_UNREACHABLE', `the connection failed (${code})`, later);
}

/** Of a handshake that failed, by Node's code. */
export function isTlsCode(code: string): boolean {
	return /CERT|^ERR_(?:TLS|SSL)|SELF_SIGNED|^EPROTO$|UNABLE_TO_/.test(code);
}

/** By shape, as errors may come from another realm; also of the first of several attempts to connect. */
function errnoOf(error: unknown): string {
	const { code, name, errors, cause } = Object(error) as Record<string, unknown>;
	if (typeof code === 'string' && code !== '0') return code;
	// undici gives some of its parser's errors no code
	if (name === 'HTTPParserError') return 'HPE_INVALID';
	if (Array.isArray(errors) && errors.length > 0) return errnoOf(errors[0]);
	return cause === undefined ? 'unknown' : errnoOf(cause);
}

/** What a server said, for people: one line, short, without the secrets that it may repeat. */
export function quoted(text: string, secrets: readonly (string | undefined)[] = []): string {
	let line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
	for (const secret of secrets) {
		if (secret !== undefined && secret !== '') line = line.replaceAll(secret, '***');
	}
	return JSON.stringify(line.length > 200 ? `${line.slice(0, 199)}…` : line);
}

import { CapError } from '../../contract/errors.ts';
import type { ErrorCode, RetryVerdict } from '../../contract/errors.ts';
import type { Failed } from '../shared/failed.ts';
import { failedWith } from '../shared/failed.ts';
import { oneLine } from '../shared/template.ts';

/** What the library tells of an error; `responseCode` where the server answered. */
interface SmtpError extends Error {
	code?: string;
	responseCode?: number;
	response?: string;
	command?: string;
	rejectedErrors?: SmtpError[];
}

/**
 * What an error of a mail means. A server's 4xx is "not now" and 5xx "never" (RFC 5321, 4.2.1), whatever the step;
 * without an answer it is the connection, which can be mended.
 */
export function failureFrom(error: unknown, { host }: { host: string }): Failed {
	if (error instanceof CapError) return failedWith(error);
	const fault = error as SmtpError;
	const [code, retry, why] = verdictOf(fault);
	return { kind: 'failed', code, message: `${host}: ${why}${answerOf(fault)}`, retry };
}

function verdictOf(error: SmtpError): [ErrorCode, RetryVerdict, string] {
	const { code = '', responseCode, command = '' } = error;
	if (code === 'ETLS' && command === 'STARTTLS' && !isTlsFault(error)) {
		return ['TARGET_PROTOCOL', 'never', 'the server offers no STARTTLS'];
	}
	if (isTlsFault(error)) return ['TARGET_PROTOCOL', 'later', `TLS failed (${reasonOf(error)})`];
	if (responseCode === 552 || error.message.includes('larger than allowed')) {
		return ['RESULT_TOO_LARGE', 'never', 'the mail is too large for the server'];
	}
	if (responseCode !== undefined && responseCode >= 400 && responseCode < 500) {
		return ['TARGET_BUSY', 'later', 'the server does not take it now'];
	}
	if (code === 'EAUTH') return ['TARGET_REFUSED', 'never', 'the login was refused'];
	if (responseCode !== undefined && responseCode >= 500) {
		return ['TARGET_REFUSED', 'never', `refused at ${command === '' ? 'the start' : command}`];
	}
	if (code === 'ETIMEDOUT') return ['TIMEOUT', 'later', 'no answer in time'];
	if (code === 'EPROTOCOL') return ['TARGET_PROTOCOL', 'later', 'no valid SMTP'];
	if (code === 'EENVELOPE') return ['TARGET_REFUSED', 'never', 'the addresses were refused'];
	return [
		'TARGET_UNREACHABLE',
		'later',
		`the connection broke (${code === '' ? 'unknown' : code})`,
	];
}

/** The library's code for the socket hides Node's for the certificate. */
function isTlsFault({ code = '', message }: SmtpError): boolean {
	if (code === 'ETLS') return message.includes('initiating TLS') || message.includes('closed');
	return code === 'ESOCKET' && /certificate|self-signed|altnames|SSL routines|TLS/i.test(message);
}

/** Of the certificate, as far as it is no secret: `certificate has expired`. */
function reasonOf({ message }: SmtpError): string {
	return oneLine(message.replace(/^.*Error initiating TLS - /, ''), 120);
}

/** The server's own words. */
function answerOf({ response, rejectedErrors }: SmtpError): string {
	const words = response ?? rejectedErrors?.at(-1)?.response;
	return typeof words === 'string' && words !== '' ? `: ${oneLine(words, 200)}` : '';
}

/** One recipient that was refused: the server's words. */
export function refusalOf(error: unknown): string {
	const { response, message } = error as SmtpError;
	return oneLine(response ?? message, 200);
}

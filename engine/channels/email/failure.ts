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

interface Login {
	host: string;
	user?: string | undefined;
	password?: string | undefined;
}

/**
 * What an error of a mail means. A server's 4xx is "not now" and 5xx "never" (RFC 5321, 4.2.1), whatever the step;
 * without an answer it is the connection, which can be mended.
 */
export function failureFrom(error: unknown, settings: Login): Failed {
	if (error instanceof CapError) return failedWith(error);
	const fault = error as SmtpError;
	const [code, retry, why] = verdictOf(fault);
	const message = `${settings.host}: ${why}${answerOf(fault, settings)}`;
	return { kind: 'failed', code, message, retry };
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
	// somebody changes the password here or there while the attempts last
	if (code === 'EAUTH') return ['TARGET_LOGIN_FAILED', 'later', 'the login was refused'];
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

/** The server's own words, without what a login sent if they repeat it. */
function answerOf({ response, rejectedErrors }: SmtpError, login: Login): string {
	let words = response ?? rejectedErrors?.at(-1)?.response;
	if (typeof words !== 'string' || words === '') return '';
	for (const secret of secretsOf(login)) words = words.replaceAll(secret, '***');
	return `: ${oneLine(words, 200)}`;
}

/** The password as it is, and as AUTH LOGIN and AUTH PLAIN send it. */
function secretsOf({ user = '', password }: Login): string[] {
	if (password === undefined || password === '') return [];
	const base64 = (text: string): string => Buffer.from(text).toString('base64');
	return [base64(`\u0000${user}\u0000${password}`), base64(password), password];
}

/** One recipient that was refused: the server's words. */
export function refusalOf(error: unknown): string {
	const { response, message } = error as SmtpError;
	return oneLine(response ?? message, 200);
}

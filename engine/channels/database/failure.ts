import { CapError } from '../../contract/errors.ts';
import type { ErrorCode, RetryVerdict } from '../../contract/errors.ts';
import type { Failed } from '../shared/failed.ts';
import { failedWith, isTlsCode } from '../shared/failed.ts';
import { oneLine } from '../shared/template.ts';

type Verdict = [ErrorCode, RetryVerdict, string];

/** By SQLSTATE, the longest beginning that is listed. */
const STATES: Readonly<Record<string, Verdict>> = {
	'08': ['TARGET_UNREACHABLE', 'later', 'the connection broke'],
	'22': ['TARGET_REFUSED', 'never', 'a value does not fit its column'],
	'23': ['TARGET_REFUSED', 'never', 'a constraint of the table forbids a row'],
	'25006': ['TARGET_BUSY', 'later', 'the database takes no writes now'],
	'28': ['TARGET_LOGIN_FAILED', 'later', 'the login was refused'],
	'3D': ['TARGET_REFUSED', 'never', 'there is no such database'],
	'40': ['TARGET_BUSY', 'later', 'another transaction was in the way'],
	'42': ['TARGET_REFUSED', 'never', 'the table does not take it'],
	'53': ['TARGET_BUSY', 'later', 'the server is out of resources'],
	'53100': ['TARGET_FAULT', 'later', 'the disk of the server is full'],
	'55': ['TARGET_BUSY', 'later', 'the table is in use'],
	'57': ['TARGET_BUSY', 'later', 'the server stops or starts'],
	'57014': ['TIMEOUT', 'later', 'the statement took too long'],
	'58': ['TARGET_FAULT', 'later', 'the server failed'],
	XX: ['TARGET_FAULT', 'later', 'the server failed'],
};

/** MySQL's and MariaDB's numbers, where their SQLSTATE says less. */
const NUMBERS: Readonly<Record<number, Verdict>> = {
	1021: ['TARGET_FAULT', 'later', 'the disk of the server is full'],
	1040: ['TARGET_BUSY', 'later', 'the server has too many connections'],
	1044: ['TARGET_REFUSED', 'never', 'the user may not use the database'],
	1045: ['TARGET_LOGIN_FAILED', 'later', 'the login was refused'],
	1053: ['TARGET_BUSY', 'later', 'the server stops or starts'],
	1114: ['TARGET_FAULT', 'later', 'the table is full'],
	1203: ['TARGET_BUSY', 'later', 'the user has too many connections'],
	1205: ['TARGET_BUSY', 'later', 'another transaction was in the way'],
	1213: ['TARGET_BUSY', 'later', 'another transaction was in the way'],
	1290: ['TARGET_BUSY', 'later', 'the database takes no writes now'],
	1698: ['TARGET_LOGIN_FAILED', 'later', 'the login was refused'],
	1836: ['TARGET_BUSY', 'later', 'the database takes no writes now'],
	1969: ['TIMEOUT', 'later', 'the statement took too long'],
	3024: ['TIMEOUT', 'later', 'the statement took too long'],
};

interface SqlError extends Error {
	/** PostgreSQL's SQLSTATE; of MySQL and sockets a word. */
	code?: string;
	errno?: number;
	sqlState?: string;
}

export function failureFrom(error: unknown, { host }: { host: string }): Failed {
	if (error instanceof CapError) return failedWith(error);
	const { code = '', errno, sqlState, message } = error as SqlError;
	const state = sqlState ?? (/^[0-9A-Z]{5}$/.test(code) ? code : undefined);
	const verdict =
		(sqlState === undefined ? undefined : NUMBERS[errno ?? -1]) ??
		(state === undefined ? undefined : verdictOf(state));
	if (state === undefined || verdict === undefined) return lost(host, { code, state, message });
	const number = sqlState === undefined ? state : String(errno);
	const words = `${host}: ${verdict[2]} (${number}): ${oneLine(message, 200)}`;
	return { kind: 'failed', code: verdict[0], retry: verdict[1], message: words };
}

function verdictOf(state: string): Verdict | undefined {
	return STATES[state] ?? STATES[state.slice(0, 2)];
}

/** No answer of the server: the connection. Codes only, since messages of sockets name inner addresses. */
function lost(
	host: string,
	{ code, state, message }: { code: string; state: string | undefined; message: string },
): Failed {
	if (state !== undefined) {
		const text = `${host}: the server answered ${state}`;
		return { kind: 'failed', code: 'TARGET_FAULT', retry: 'later', message: text };
	}
	const tls =
		isTlsCode(code) || /HANDSHAKE_(?:SSL|NO_SSL)/.test(code) || /SSL|certificate/.test(message);
	return {
		kind: 'failed',
		code: tls ? 'TARGET_PROTOCOL' : 'TARGET_UNREACHABLE',
		retry: 'later',
		message: tls
			? `${host}: TLS failed (${code === '' ? 'the server offers none' : code})`
			: `${host}: the connection broke (${code === '' ? 'unknown' : code})`,
	};
}

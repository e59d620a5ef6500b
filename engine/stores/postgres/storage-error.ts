import { CapError } from '../../contract/errors.ts';

/*
 * What PostgreSQL's errors mean for a store. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */

/** The connection is gone, or was never there: whether the statement was carried out is not known. */
export class ConnectionLost extends CapError {
	constructor(message: string, cause: unknown) {
		super('STORAGE_UNAVAILABLE', message, { retry: 'later', cause });
	}
}

/** The transaction came in the way of another: all of it has to be done again, with what is there then. */
export class TryAgain extends Error {}

const FULL = new Set(['53100', '53400']);
/** A fault of the statement's surroundings, not of the statement: conflicts with other transactions. */
const CONFLICTS = new Set(['40001', '40P01', '55P03']);
/** Shutdown, crash, start of the server; a session that idled; a server that only reads, as after a failover. */
const GONE = new Set(['57P01', '57P02', '57P03', '57P05', '25P03', '25006']);
const SYSTEM = new Set([
	'ECONNREFUSED',
	'ECONNRESET',
	'EPIPE',
	'ETIMEDOUT',
	'EHOSTUNREACH',
	'ENETUNREACH',
	'EHOSTDOWN',
	'ENOTFOUND',
	'EAI_AGAIN',
	'ENOENT',
	'EACCES',
]);
/** What the driver says by words only. */
const WORDS =
	/^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client (was closed|has encountered a connection error)|Connection ended|Pipelined query)|not queryable|the server does not support SSL/i;

function codeOf(error: unknown): string {
	const { code } = (error ?? {}) as { code?: unknown };
	return typeof code === 'string' ? code : '';
}

/** The error as a CapError when the storage is at fault, else null: then it is the statement's own. */
export function storageError(error: unknown, name: string): CapError | null {
	if (error instanceof CapError) return error.code.startsWith('STORAGE_') ? error : null;
	const code = codeOf(error);
	if (FULL.has(code)) {
		return new CapError('STORAGE_FULL', `no room left in the database ${name}`, {
			retry: 'later',
			cause: error,
		});
	}
	const message = `the database ${name} cannot be reached: ${reasonOf(error)}`;
	const words = error instanceof Error ? error.message : '';
	const lost = GONE.has(code) || code.startsWith('08') || SYSTEM.has(code) || WORDS.test(words);
	if (lost) return new ConnectionLost(message, error);
	// Too many connections, out of memory; a password that is wrong; a database that is not there; a broken file.
	if (/^(53|28|3D|58|XX)/.test(code)) {
		return new CapError('STORAGE_UNAVAILABLE', message, { retry: 'later', cause: error });
	}
	return null;
}

/** Whether the transaction as a whole may succeed when it is done again. */
export function isConflict(error: unknown): boolean {
	return error instanceof TryAgain || CONFLICTS.has(codeOf(error));
}

function reasonOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	// Several addresses were tried.
	if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
	return error.message === '' ? codeOf(error) : error.message;
}

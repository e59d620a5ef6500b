import { CapError } from '../../contract/errors.ts';

const TLS =
	/^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|EPROTO)/;

const WORDS: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'the connection was refused',
	ENOTFOUND: 'the host name does not exist',
	EAI_AGAIN: 'the host name could not be looked up',
	EHOSTUNREACH: 'the host cannot be reached',
	ENETUNREACH: 'the network cannot be reached',
	ETIMEDOUT: 'no connection within the time limit',
	UND_ERR_CONNECT_TIMEOUT: 'no connection within the time limit',
	ECONNRESET: 'the connection was reset',
	EPIPE: 'the connection was closed',
	CONNECTION_CLOSED: 'the connection was closed before the answer was complete',
};

function* causes(error: unknown): Generator<Error & { code?: unknown }> {
	let current = error;
	for (let depth = 0; current instanceof Error && depth < 8; depth++) {
		yield current;
		const inner: unknown = current instanceof AggregateError ? current.errors[0] : undefined;
		current = inner ?? current.cause;
	}
}

/** What went wrong between us and the target, from an error of the client, of the egress guard or of a socket. */
export function networkFault(error: unknown): CapError {
	let code = '';
	for (const cause of causes(error)) {
		if (cause instanceof CapError) return cause;
		if (typeof cause.code === 'string' && code === '') code = cause.code;
	}
	if (code.startsWith('ERR_HTTP')) {
		const words = error instanceof Error ? error.message : code;
		return new CapError('TARGET_PROTOCOL', `the answer is no valid HTTP: ${words}`, {
			retry: 'later',
			cause: error,
		});
	}
	const words = WORDS[code] ?? (TLS.test(code) ? 'TLS failed' : 'the connection failed');
	const message = code === '' ? words : `${words} (${code})`;
	return new CapError('TARGET_UNREACHABLE', message, { retry: 'later', cause: error });
}

import type { Readable } from 'node:stream';

import type { Duration } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Mailbox } from './addresses.ts';
import { refusalOf } from './failure.ts';
import type { EmailSettings } from './settings.ts';
import { portOf } from './settings.ts';

/** The parts of nodemailer that are used. */
export type Nodemailer = Awaited<ReturnType<typeof loadNodemailer>>;

/** Loaded when the first mail is sent. */
export async function loadNodemailer() {
	const [connection, composer, dkim] = await Promise.all([
		import('nodemailer/lib/smtp-connection'),
		import('nodemailer/lib/mail-composer'),
		import('nodemailer/lib/dkim'),
	]);
	return {
		SMTPConnection: connection.default,
		MailComposer: composer.default,
		DKIM: dkim.default,
	};
}

/** What the server said to the mail. */
export interface Accepted {
	response: string;
	accepted: string[];
	/** Refused while others were not. */
	rejected: { address: string; reply: string }[];
}

export interface SmtpSession {
	/** The mail is over when the server said so: `message` is read while it is sent. */
	send(envelope: { from: Mailbox; to: readonly Mailbox[] }, message: Readable): Promise<Accepted>;
	/** Says goodbye and does not wait for an answer. */
	end(): void;
	/** Breaks off at once: a mail that has no end is none. */
	destroy(): void;
}

export interface Dial {
	egress: Egress;
	signal: AbortSignal;
	timeout: Duration;
	onStep?: (step: 'connect' | 'tls' | 'login') => void;
}

/** A connection that is ready for mail: greeted, in TLS unless it was refused explicitly, and logged in. */
export async function openSession(
	{ SMTPConnection }: Nodemailer,
	settings: EmailSettings,
	{ egress, signal, timeout, onStep }: Dial,
): Promise<SmtpSession> {
	const { host, tls, user, password, ca, serverName } = settings;
	const port = portOf(settings);
	const socket = await egress.connect(host, port, { signal, timeout });
	onStep?.('connect');
	const connection = new SMTPConnection({
		connection: socket,
		host,
		port,
		name: 'capscheduler',
		secure: tls === 'implicit',
		requireTLS: tls === 'starttls',
		ignoreTLS: tls === 'none',
		...(serverName === undefined ? {} : { servername: serverName }),
		tls: {
			// said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED cannot take it back
			rejectUnauthorized: true,
			minVersion: 'TLSv1.2',
			...(ca === undefined ? {} : { ca }),
		},
		connectionTimeout: timeout,
		greetingTimeout: timeout,
		socketTimeout: timeout,
		socketCloseTimeout: 1000,
		logger: false,
	});
	const wire = new Wire(connection, socket, signal);
	try {
		await wire.until<void>((done) => {
			connection.connect(done);
		});
		onStep?.('tls');
		if (user !== undefined && password !== undefined) {
			await wire.until<unknown>((done) => {
				connection.login({ user, pass: password }, done);
			});
			onStep?.('login');
		}
	} catch (error) {
		wire.destroy();
		throw error;
	}
	return {
		async send({ from, to }, message) {
			const envelope = { from: from.address, to: to.map(({ address }) => address) };
			const info = await wire.until<SentInfo>((done) => {
				connection.send(envelope, message, done);
			});
			return {
				response: info.response,
				accepted: info.accepted,
				rejected: (info.rejectedErrors ?? []).map((error) => ({
					address: (error as { recipient?: string }).recipient ?? '',
					reply: refusalOf(error),
				})),
			};
		},
		end() {
			wire.end();
		},
		destroy() {
			wire.destroy();
		},
	};
}

interface SentInfo {
	response: string;
	accepted: string[];
	rejectedErrors?: unknown[];
}

interface Connection {
	on(event: 'error', listener: (error: Error) => void): unknown;
	quit(): void;
	close(): void;
}

/** Whoever waits for a step is told of the connection's end and of the signal's too. */
class Wire {
	readonly #connection: Connection;
	readonly #socket: { destroy(): unknown };
	readonly #signal: AbortSignal;
	#broken: unknown;
	#reject: (reason: unknown) => void = () => undefined;
	readonly #onAbort = (): void => {
		this.#fail(this.#signal.reason);
		this.destroy();
	};

	constructor(connection: Connection, socket: { destroy(): unknown }, signal: AbortSignal) {
		this.#connection = connection;
		this.#socket = socket;
		this.#signal = signal;
		connection.on('error', (error) => {
			this.#fail(error);
		});
		signal.addEventListener('abort', this.#onAbort, { once: true });
	}

	async until<T>(begin: (done: (error?: unknown, value?: unknown) => void) => void): Promise<T> {
		this.#signal.throwIfAborted();
		if (this.#broken !== undefined) throw this.#broken as Error;
		return new Promise<T>((resolve, reject) => {
			this.#reject = reject;
			begin((error, value) => {
				if (error === undefined || error === null) resolve(value as T);
				else reject(error instanceof Error ? error : new Error('the mail server failed'));
			});
		});
	}

	end(): void {
		this.#signal.removeEventListener('abort', this.#onAbort);
		this.#connection.quit();
	}

	destroy(): void {
		this.#signal.removeEventListener('abort', this.#onAbort);
		// the socket first: closing politely would end the mail that is under way
		this.#socket.destroy();
		this.#connection.close();
	}

	#fail(reason: unknown): void {
		this.#broken ??= reason;
		this.#reject(reason);
	}
}

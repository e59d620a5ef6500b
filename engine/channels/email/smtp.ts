import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

import type { Duration } from '../../contract/time.ts';
import type { Egress } from '../../security/security.port.ts';
import type { Pooled } from '../shared/pool.ts';
import { tlsOptions } from '../shared/tls.ts';
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

export interface SmtpSession extends Pooled {
	/** From here on that signal breaks it off. */
	heed(signal: AbortSignal): void;
	/** Asks whether the server is still there, and takes back what it may have of a mail. */
	reset(): Promise<void>;
	/** Does nothing where there is no user. */
	login(): Promise<void>;
	/** The mail is over when the server said so: `message` is read while it is sent. */
	send(envelope: { from: Mailbox; to: readonly Mailbox[] }, message: Readable): Promise<Accepted>;
	/** Breaks off at once: a mail that has no end is none. */
	destroy(): void;
}

export interface Dial {
	egress: Egress;
	signal: AbortSignal;
	timeout: Duration;
}

/** A connection that is ready for mail: greeted, in TLS unless that was chosen away, and logged in. */
export async function openSession(
	nodemailer: Nodemailer,
	settings: EmailSettings,
	{ egress, signal, timeout }: Dial,
): Promise<SmtpSession> {
	const socket = await egress.connect(settings.host, portOf(settings), { signal, timeout });
	const session = await greet(nodemailer, settings, { socket, signal, timeout });
	await session.login();
	return session;
}

/** Everything up to the login. */
export async function greet(
	{ SMTPConnection }: Nodemailer,
	settings: EmailSettings,
	{ socket, signal, timeout }: { socket: Socket; signal: AbortSignal; timeout: Duration },
): Promise<SmtpSession> {
	const connection = new SMTPConnection({
		...connectionOptions(settings),
		connection: socket,
		connectionTimeout: timeout,
		greetingTimeout: timeout,
		socketTimeout: timeout,
		socketCloseTimeout: 1000,
		logger: false,
	});
	const wire = new Wire(connection, socket, signal);
	const guarded = async <T>(begin: Parameters<Wire['until']>[0]): Promise<T> => {
		try {
			return await wire.until<T>(begin);
		} catch (error) {
			wire.destroy();
			throw error;
		}
	};
	await guarded<unknown>((done) => {
		connection.connect(done);
	});
	return {
		async login() {
			const { user, password } = settings;
			if (user === undefined || password === undefined) return;
			await guarded<unknown>((done) => {
				connection.login({ user, pass: password }, done);
			});
		},
		async send({ from, to }, message) {
			const envelope = { from: from.address, to: to.map(({ address }) => address) };
			const info = await wire.until<SentInfo>((done) => {
				connection.send(envelope, message, done);
			});
			return acceptedOf(info);
		},
		heed(given) {
			wire.heed(given);
		},
		async reset() {
			await guarded<unknown>((done) => {
				connection.reset(done);
			});
		},
		alive: () => wire.alive && !socket.destroyed,
		close() {
			wire.end();
		},
		destroy() {
			wire.destroy();
		},
	};
}

function connectionOptions(settings: EmailSettings) {
	const { host, tls, ca, serverName } = settings;
	return {
		host,
		port: portOf(settings),
		name: 'capscheduler',
		secure: tls === 'implicit',
		requireTLS: tls === 'starttls',
		ignoreTLS: tls === 'none',
		tls: tlsOptions({ host, ca, serverName }),
	};
}

function acceptedOf({ response, accepted, rejectedErrors = [] }: SentInfo): Accepted {
	const rejected = rejectedErrors.map((error) => ({
		address: (error as { recipient?: string }).recipient ?? '',
		reply: refusalOf(error),
	}));
	return { response, accepted, rejected };
}

interface SentInfo {
	response: string;
	accepted: string[];
	rejectedErrors?: unknown[];
}

interface Connection {
	on(event: 'error' | 'end', listener: (error: Error) => void): unknown;
	quit(): void;
	close(): void;
}

/** Whoever waits for a step is told of the connection's end and of the signal's too. */
class Wire {
	readonly #connection: Connection;
	readonly #socket: { destroy(): unknown };
	#signal: AbortSignal;
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
		connection.on('end', () => {
			this.#fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
		});
		signal.addEventListener('abort', this.#onAbort, { once: true });
	}

	get alive(): boolean {
		return this.#broken === undefined;
	}

	heed(signal: AbortSignal): void {
		this.#signal.removeEventListener('abort', this.#onAbort);
		this.#signal = signal;
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

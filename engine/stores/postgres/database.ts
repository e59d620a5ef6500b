import { setTimeout as pause } from 'node:timers/promises';

import pg from 'pg';

import { CapError } from '../../contract/errors.ts';
import type { ConnectTarget } from './target.ts';
import { ConnectionLost, storageError } from './storage-error.ts';

export type SqlValue =
	| string
	| number
	| boolean
	| null
	| Uint8Array
	| readonly (string | number | boolean | null | Uint8Array)[];

/** Where a statement can be run: on the pool, each for itself, or inside a write. */
export interface Queryable {
	/** Rows as arrays; `bigint` columns are numbers. */
	rows<R extends readonly unknown[] = readonly unknown[]>(
		sql: string,
		values?: readonly SqlValue[],
	): Promise<R[]>;
	/** The first row. */
	get<R extends readonly unknown[] = readonly unknown[]>(
		sql: string,
		values?: readonly SqlValue[],
	): Promise<R | undefined>;
	/** @returns how many rows were changed */
	run(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

/** A connection of one's own. */
export interface Session extends Queryable {
	/** A script without values. */
	exec(sql: string): Promise<void>;
	/** @returns the tag, `COMMIT` or `ROLLBACK`: a transaction that failed answers to COMMIT with the latter */
	command(sql: string): Promise<string>;
	/** False once the connection is lost. */
	readonly alive: boolean;
	/** Calls for each message of a channel that the session listens to. */
	onNotification(listener: (payload: string) => void): void;
	/** Calls once when the connection is lost. */
	onLost(listener: () => void): void;
	close(): Promise<void>;
}

export interface Database extends Queryable {
	/** For messages: no user, no password. */
	readonly name: string;
	/** Runs the work in one transaction of a connection of the pool. */
	transaction<T>(work: (session: Queryable) => Promise<T>): Promise<T>;
	/** The same for reading, for as long as it takes. */
	patiently<T>(work: (session: Queryable) => Promise<T>): Promise<T>;
	/** A connection beside the pool. @throws CapError STORAGE_UNAVAILABLE */
	connect(options?: { pipeline?: boolean; schema?: boolean }): Promise<Session>;
	open(): void;
	close(): Promise<void>;
}

/** How many connections readers share, beside those of the writer and the listener. */
const POOL_SIZE = 8;
/** Milliseconds. */
const CONNECT_TIMEOUT = 5_000;
/** The server gives up on a statement after this, and frees its locks. */
const STATEMENT_TIMEOUT = 10_000;
/** A wait for a lock. */
const LOCK_TIMEOUT = 5_000;
/** An engine that stands still in the middle of a transaction loses it, and with it the locks. */
const IDLE_IN_TRANSACTION_TIMEOUT = 10_000;
/** This side gives up on an answer after this: a connection may be dead without a word. */
const QUERY_TIMEOUT = 15_000;
const PATIENCE = 600_000;

/** `bigint` is what instants and counts come as: they are far below 2^53. */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

/** Statements are prepared once a connection: their texts are ours, and few. */
const names = new Map<string, string>();

function nameOf(text: string): string {
	let name = names.get(text);
	if (name === undefined) names.set(text, (name = `cap_${names.size}`));
	return name;
}

/**
 * PostgreSQL has no character zero in a text; the replacement character stands for it, in what is looked for
 * too. Half a character is replaced by the driver.
 */
function textOf(value: string): string {
	return value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
}

function bound(value: SqlValue): unknown {
	if (typeof value === 'string') return textOf(value);
	if (Array.isArray(value)) {
		return value.map((one: unknown) => (typeof one === 'string' ? textOf(one) : one));
	}
	return value;
}

type Runner = Pick<pg.ClientBase, 'query'>;

/** @throws CapError when the storage is at fault, else what the server says of the statement */
async function query(
	runner: Runner,
	text: string,
	values: readonly SqlValue[],
	timeout: number,
): Promise<pg.QueryArrayResult<unknown[]>> {
	return runner.query<unknown[]>({
		name: nameOf(text),
		text,
		values: values.map(bound),
		rowMode: 'array',
		query_timeout: timeout,
	} as pg.QueryArrayConfig);
}

function queryable(
	runner: () => Runner,
	{ name, timeout = QUERY_TIMEOUT }: { name: string; timeout?: number },
): Queryable {
	const ask = async (
		sql: string,
		values: readonly SqlValue[] = [],
	): Promise<pg.QueryArrayResult<unknown[]>> => {
		try {
			return await query(runner(), sql, values, timeout);
		} catch (error) {
			throw storageError(error, name) ?? error;
		}
	};
	return {
		rows: async <R extends readonly unknown[]>(sql: string, values?: readonly SqlValue[]) =>
			(await ask(sql, values)).rows as unknown as R[],
		get: async <R extends readonly unknown[]>(sql: string, values?: readonly SqlValue[]) =>
			(await ask(sql, values)).rows[0] as unknown as R | undefined,
		run: async (sql, values) => (await ask(sql, values)).rowCount ?? 0,
	};
}

/** Settings of every connection, sent when it begins; what the operator's own `options` say comes first. */
function configOf(
	target: ConnectTarget,
	{ schema, answerWithin }: { schema: boolean; answerWithin: number },
): pg.ClientConfig {
	const settings = {
		...(schema ? { search_path: target.schema } : {}),
		synchronous_commit: 'on',
		timezone: 'UTC',
		jit: 'off',
		statement_timeout: STATEMENT_TIMEOUT,
		lock_timeout: LOCK_TIMEOUT,
		idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT,
	};
	const options = Object.entries(settings).map(([key, value]) => `-c ${key}=${value}`);
	return {
		...target.config,
		application_name: target.config.application_name ?? 'capscheduler',
		options: [target.config.options ?? '', ...options].join(' ').trim(),
		keepAlive: true,
		keepAliveInitialDelayMillis: 10_000,
		connectionTimeoutMillis: CONNECT_TIMEOUT,
		query_timeout: answerWithin,
		types,
	};
}

/** @param options.answerWithin when a connection that says nothing is given up: milliseconds, default 15 s */
export function createDatabase(
	target: ConnectTarget,
	{ answerWithin = QUERY_TIMEOUT }: { answerWithin?: number | undefined } = {},
): Database {
	const { name } = target;
	let pool: pg.Pool | null = null;

	function opened(): pg.Pool {
		if (pool === null) throw new CapError('STORAGE_UNAVAILABLE', `${name}: the store is not open`);
		return pool;
	}

	async function onOne<T>(
		work: (session: Queryable) => Promise<T>,
		{ begin, timeout }: { begin: string; timeout: number },
	): Promise<T> {
		const client = await opened()
			.connect()
			.catch((error: unknown) => {
				throw storageError(error, name) ?? error;
			});
		let broken: Error | undefined;
		const session = queryable(() => client, { name, timeout });
		try {
			await client.query(begin);
			const result = await work(session);
			await client.query('COMMIT');
			return result;
		} catch (error) {
			// A connection that cannot even take it back is not to be used again.
			await client.query('ROLLBACK').catch((failure: unknown) => {
				broken = failure as Error;
			});
			throw storageError(error, name) ?? error;
		} finally {
			client.release(broken);
		}
	}

	return {
		name,
		...patientReader(queryable(opened, { name, timeout: answerWithin })),
		transaction: (work) => onOne(work, { begin: 'BEGIN', timeout: answerWithin }),
		patiently: (work) =>
			onOne(work, {
				begin: `BEGIN READ ONLY; SET LOCAL statement_timeout = ${PATIENCE}`,
				timeout: PATIENCE,
			}),
		connect: ({ pipeline = false, schema = true } = {}) =>
			connect(new pg.Client({ ...configOf(target, { schema, answerWithin }), pipeline }), {
				name,
				timeout: answerWithin,
			}),
		open() {
			pool ??= new pg.Pool({
				...configOf(target, { schema: true, answerWithin }),
				max: POOL_SIZE,
				idleTimeoutMillis: 30_000,
				allowExitOnIdle: true,
			});
			// Of a connection that nobody uses just now: the next one who asks gets another. Of one in use, whoever uses it
			// learns of it by his statement; an error that nobody listens for would end the process.
			pool.on('error', () => undefined);
			pool.on('connect', (client) => client.on('error', () => undefined));
		},
		async close() {
			const closing = pool;
			pool = null;
			await closing?.end();
		},
	};
}

/** How long a read waits for a database that went away, from the first time that it failed on: milliseconds. */
const READ_PATIENCE = 3_000;

/**
 * Reads are asked again when their connection breaks: a server that restarts, or a connection of the pool that
 * died unnoticed, must not look like a failure of what needed to know something. Whatever writes is not.
 */
function patientReader(on: Queryable): Queryable {
	async function patiently<T>(sql: string, ask: () => Promise<T>): Promise<T> {
		const isRead = /^[\s(]*SELECT\b/.test(sql) && !sql.includes('pg_notify');
		let until: number | null = null;
		for (let wait = 25; ; wait *= 2) {
			try {
				return await ask();
			} catch (error) {
				// A connection that says nothing is noticed late: that is no reason to give up at once.
				until ??= performance.now() + READ_PATIENCE;
				const again = isRead && error instanceof ConnectionLost && performance.now() < until;
				if (!again) throw error;
				await pause(wait);
			}
		}
	}
	return {
		rows: (sql, values) => patiently(sql, () => on.rows(sql, values)),
		get: (sql, values) => patiently(sql, () => on.get(sql, values)),
		run: (sql, values) => on.run(sql, values),
	};
}

async function connect(
	client: pg.Client,
	{ name, timeout }: { name: string; timeout: number },
): Promise<Session> {
	let alive = true;
	const listeners: (() => void)[] = [];
	const lost = (): void => {
		if (!alive) return;
		alive = false;
		for (const listener of listeners) listener();
	};
	client.on('error', lost);
	client.on('end', lost);
	try {
		await client.connect();
	} catch (error) {
		alive = false;
		await client.end().catch(() => undefined);
		throw storageError(error, name) ?? error;
	}
	const wrapped = async <T>(work: Promise<T>): Promise<T> =>
		work.catch((error: unknown) => {
			throw storageError(error, name) ?? error;
		});
	return {
		...queryable(() => client, { name, timeout }),
		exec: async (sql) => {
			// A migration may take its time.
			await wrapped(client.query({ text: sql, query_timeout: PATIENCE } as pg.QueryConfig));
		},
		command: async (sql) => (await wrapped(client.query(sql))).command,
		get alive() {
			return alive;
		},
		onNotification(listener) {
			client.on('notification', ({ payload }) => {
				listener(payload ?? '');
			});
		},
		onLost(listener) {
			if (alive) listeners.push(listener);
			else listener();
		},
		async close() {
			// One that is lost already has nobody to say goodbye to.
			if (alive) await Promise.race([client.end().catch(() => undefined), afterwards(client)]);
			alive = false;
		},
	};
}

/** The other side may be gone without a word, so nobody waits for its goodbye. */
async function afterwards(client: pg.Client): Promise<void> {
	await new Promise<void>((resolve) => {
		setTimeout(resolve, 1000).unref();
	});
	(
		client as unknown as { connection: { stream: { destroy(): void } } }
	).connection.stream.destroy();
}

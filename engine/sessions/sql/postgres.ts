import type { Socket } from 'node:net';
import pg from 'pg';
import type { QueryResult } from 'pg';
import Cursor from 'pg-cursor';

import type { DeclaredColumn } from '../../contract/envelope.ts';
import { CapError } from '../../contract/errors.ts';
import type { JsonValue } from '../../contract/json.ts';
import type { Egress } from '../../security/security.port.ts';
import { RowText, uniqueNames } from '../shared/row-text.ts';
import { jsonTextOf, typeName } from './postgres-types.ts';
import type { Query, Rows } from './query.ts';
import { connectionFault, refusedBy } from './query.ts';
import type { ServerAddress } from './settings.ts';

const NAME = 'PostgreSQL';
const ROWS_A_READ = 500;
const QUERY_CANCELED = '57014';
/** Connection exceptions, resources, operator intervention, system errors. */
const SERVER_STATE = /^(?:08|53|57P|58|XX)/;
/** Serialization failure, deadlock: the same again may succeed. */
const CONFLICT = '40';

/** The texts in which values come are set, whatever the server's defaults are. */
const prelude = (timeout: number): string =>
	[
		"SET datestyle = 'ISO, YMD'",
		"SET intervalstyle = 'iso_8601'",
		"SET timezone = 'UTC'",
		"SET bytea_output = 'hex'",
		'SET extra_float_digits = 1',
		`SET statement_timeout = ${Math.min(timeout, 2_147_483_647)}`,
		'BEGIN TRANSACTION READ ONLY',
	].join('; ');

/** One connection, one read-only transaction, one cursor. */
export async function queryPostgres(
	egress: Egress,
	address: ServerAddress,
	query: Query,
): Promise<Rows> {
	const { limit } = query;
	const socket = await egress.connect(address.host, address.port, {
		signal: query.signal,
		timeout: limit.left,
	});
	limit.onStop(() => socket.destroy());
	const client = new pg.Client(clientConfig(address, socket));
	client.on('error', () => undefined); // whoever waits for an answer is told too
	try {
		await client.connect();
		await client.query(prelude(limit.left));
		const values = query.values.map(([, value]) => bindable(value));
		const config = { rowMode: 'array', types: { getTypeParser: jsonTextOf } } as const;
		const cursor = client.query(new Cursor<(string | null)[]>(query.sql, values, config));
		const first = await read(cursor);
		const columns = columnsOf(first.result);
		const text = new RowText(columns.map(({ name }) => name));
		return { columns, source: stream(), count: () => text.rows };

		async function* stream(): AsyncGenerator<Buffer> {
			try {
				for (let { rows } = first; rows.length > 0; { rows } = await read(cursor)) {
					for (const row of rows) {
						if (text.add(row.map((cell) => cell ?? 'null'))) yield text.take();
					}
				}
				if (!text.isEmpty) yield text.take();
				await client.end();
			} catch (error) {
				throw fault(error, query);
			} finally {
				limit.release();
				socket.destroy();
			}
		}
	} catch (error) {
		socket.destroy();
		throw fault(error, query);
	}
}

function clientConfig(address: ServerAddress, socket: Socket): pg.ClientConfig {
	return {
		host: address.host,
		port: address.port,
		database: address.database,
		user: address.user,
		// a function, because an empty text would make pg look into the environment
		password: () => address.password,
		ssl: address.tls ?? false,
		application_name: 'capscheduler',
		options: '',
		stream: () => connected(socket),
	};
}

/** pg connects the socket itself; this one is connected already, by the egress guard. */
function connected(socket: Socket): Socket {
	socket.connect = () => {
		process.nextTick(() => socket.emit('connect'));
		return socket;
	};
	return socket;
}

interface Batch {
	rows: (string | null)[][];
	result: QueryResult;
}

function read(cursor: Cursor<(string | null)[]>): Promise<Batch> {
	return new Promise((resolve, reject) => {
		cursor.read(ROWS_A_READ, (error, rows, result) => {
			// pg gives null for no error, whatever its types say
			if (error as Error | null | undefined) reject(error!);
			else resolve({ rows, result });
		});
	});
}

function columnsOf({ fields }: QueryResult): DeclaredColumn[] {
	const names = uniqueNames(fields.map(({ name }) => name));
	return fields.map(({ dataTypeID }, i) => {
		const type = typeName(dataTypeID);
		return { name: names[i] ?? '', ...(type === undefined ? {} : { type }) };
	});
}

/** Lists become arrays (`= any($1)`), objects become JSON. */
function bindable(value: JsonValue): unknown {
	const nested = Array.isArray(value) && value.some((item) => typeof item === 'object');
	return nested ? JSON.stringify(value) : value;
}

function fault(error: unknown, { limit }: Query): CapError {
	if (limit.stopped !== null) return limit.stopped;
	if (error instanceof CapError) return error;
	const { code = '', message } = error as Error & { code?: string };
	if (code === QUERY_CANCELED) {
		return new CapError('TIMEOUT', 'the query took too long', { retry: 'later', cause: error });
	}
	if (!(error instanceof pg.DatabaseError)) return connectionFault(NAME, code || message, error);
	if (SERVER_STATE.test(code)) return connectionFault(NAME, code, error);
	if (code.startsWith(CONFLICT)) {
		return new CapError('TARGET_BUSY', `${NAME} ${code}: ${message}`, { retry: 'later' });
	}
	return refusedBy(NAME, code, message);
}

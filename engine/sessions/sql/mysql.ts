import { createConnection } from 'mysql2';
import type { Connection, ConnectionOptions, FieldPacket } from 'mysql2';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

import type { DeclaredColumn } from '../../contract/envelope.ts';
import { CapError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import { RowText, bytesText, numberText, uniqueNames } from '../shared/row-text.ts';
import type { Query, Rows } from './query.ts';
import { connectionFault, refusedBy } from './query.ts';
import type { ServerAddress } from './settings.ts';

const NAME = 'MySQL';
const ROWS_HELD = 500;

/** Column types of the protocol, by number. */
const TYPES: Readonly<Record<number, string>> = {
	0: 'decimal',
	1: 'tinyint',
	2: 'smallint',
	3: 'int',
	4: 'float',
	5: 'double',
	7: 'timestamp',
	8: 'bigint',
	9: 'mediumint',
	10: 'date',
	11: 'time',
	12: 'datetime',
	13: 'year',
	15: 'varchar',
	16: 'bit',
	245: 'json',
	246: 'decimal',
	249: 'blob',
	250: 'blob',
	251: 'blob',
	252: 'blob',
	253: 'varchar',
	254: 'char',
};

/** Server errors that say nothing about the statement: too many connections, shutdown, lost, gone. */
const SERVER_STATE = new Set([1040, 1041, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1203]);
/** Lock wait timeout, deadlock. */
const CONFLICT = new Set([1205, 1213]);
/** The statement's time limit: MySQL, MariaDB. */
const TOO_LONG = new Set([1969, 3024]);

/** One connection, one read-only transaction, one prepared statement. */
export async function queryMysql(
	egress: Egress,
	address: ServerAddress,
	query: Query,
): Promise<Rows> {
	const { limit } = query;
	const socket = await egress.connect(address.host, address.port, {
		signal: query.signal,
		timeout: limit.left,
	});
	const connection = createConnection(connectionConfig(address, socket));
	connection.on('error', () => undefined); // whoever waits for an answer is told too
	// a command on a destroyed connection is not told: whoever waits for one waits for this as well
	const stopped = Promise.withResolvers<never>();
	stopped.promise.catch(() => undefined);
	limit.onStop((reason) => {
		connection.destroy();
		stopped.reject(reason);
	});
	try {
		await Promise.race([prepareSession(connection, limit.left), stopped.promise]);
		const values = query.values.map(([, value]) => value);
		const command = connection.execute({ sql: query.sql, values, rowsAsArray: true });
		const fields = whenFields(command);
		const rows = command.stream({ highWaterMark: ROWS_HELD }) as AsyncIterable<unknown> & Readable;
		rows.on('error', () => undefined); // comes out of the iteration, or of `fields`
		const columns = await Promise.race([fields, stopped.promise]);
		limit.onStop((reason) => {
			connection.destroy();
			rows.destroy(reason);
		});
		const declared = columnsOf(columns);
		const text = new RowText(declared.map(({ name }) => name));
		return { columns: declared, source: stream(), count: () => text.rows };

		async function* stream(): AsyncGenerator<Buffer> {
			try {
				for await (const row of rows) {
					const cells = (row as unknown[]).map((cell, i) => cellText(cell, columns[i]));
					if (text.add(cells)) yield text.take();
				}
				if (!text.isEmpty) yield text.take();
				if (limit.stopped !== null) throw limit.stopped;
			} catch (error) {
				throw fault(error, query);
			} finally {
				limit.release();
				connection.destroy();
			}
		}
	} catch (error) {
		connection.destroy();
		throw fault(error, query);
	}
}

function connectionConfig(address: ServerAddress, socket: Socket): ConnectionOptions {
	return {
		stream: () => socket,
		host: address.host,
		user: address.user,
		password: address.password,
		database: address.database,
		...(address.tls === undefined ? {} : { ssl: tlsOptions(address) }),
		supportBigNumbers: true,
		dateStrings: true,
		jsonStrings: true,
		multipleStatements: false,
		// the server cannot ask for files of this machine
		flags: ['-LOCAL_FILES'],
	};
}

function tlsOptions({ tls, host }: ServerAddress): NonNullable<ConnectionOptions['ssl']> {
	return {
		...(tls?.ca === undefined ? {} : { ca: tls.ca }),
		rejectUnauthorized: true,
		verifyIdentity: true,
		...{ servername: tls?.servername ?? host },
	};
}

async function prepareSession(connection: Connection, timeout: number): Promise<void> {
	await run(connection, "SET time_zone = '+00:00'");
	// MySQL counts milliseconds, MariaDB seconds; each knows only its own name
	await run(connection, `SET max_execution_time = ${timeout}`).catch(unknownVariable);
	await run(connection, `SET max_statement_time = ${timeout / 1000}`).catch(unknownVariable);
	await run(connection, 'START TRANSACTION READ ONLY');
}

function unknownVariable(error: unknown): void {
	if ((error as { errno?: number }).errno !== 1193) throw error;
}

function run(connection: Connection, sql: string): Promise<void> {
	return new Promise((resolve, reject) => {
		connection.query(sql, (error) => {
			if (error === null) resolve();
			else reject(error);
		});
	});
}

function whenFields(command: ReturnType<Connection['execute']>): Promise<FieldPacket[]> {
	return new Promise((resolve, reject) => {
		command.once('fields', (fields: FieldPacket[]) => {
			resolve(fields);
		});
		command.once('error', reject);
		command.once('end', () => {
			resolve([]);
		});
	});
}

function columnsOf(fields: readonly FieldPacket[]): DeclaredColumn[] {
	const names = uniqueNames(fields.map(({ name }) => name));
	return fields.map(({ columnType }, i) => {
		const type = TYPES[columnType ?? -1];
		return { name: names[i] ?? '', ...(type === undefined ? {} : { type }) };
	});
}

function cellText(cell: unknown, field: FieldPacket | undefined): string {
	if (cell === null || cell === undefined) return 'null';
	if (typeof cell === 'number' || typeof cell === 'bigint') return numberText(cell);
	const type = TYPES[field?.columnType ?? -1];
	if (Buffer.isBuffer(cell)) return type === 'bit' ? bitText(cell) : bytesText(cell);
	if (typeof cell !== 'string') return JSON.stringify(cell);
	if (type === 'json') return cell.replace(/[\r\n]/g, ' ');
	// the zero date of MySQL is no date: it stays as it is
	if (type === 'datetime') return JSON.stringify(cell.replace(' ', 'T'));
	if (type === 'timestamp') return JSON.stringify(`${cell.replace(' ', 'T')}Z`);
	return JSON.stringify(cell);
}

function bitText(bits: Buffer): string {
	return numberText(BigInt(`0x${bits.toString('hex') || '0'}`));
}

function fault(error: unknown, { limit }: Query): CapError {
	if (limit.stopped !== null) return limit.stopped;
	if (error instanceof CapError) return error;
	const { code = '', errno = 0, sqlState, message } = error as MysqlError;
	if (TOO_LONG.has(errno)) {
		return new CapError('TIMEOUT', 'the query took too long', { retry: 'later', cause: error });
	}
	if (sqlState === undefined) return connectionFault(NAME, code || message, error);
	if (SERVER_STATE.has(errno) || sqlState.startsWith('08'))
		return connectionFault(NAME, code, error);
	if (CONFLICT.has(errno)) {
		return new CapError('TARGET_BUSY', `${NAME} ${errno}: ${message}`, { retry: 'later' });
	}
	return refusedBy(NAME, String(errno), message);
}

type MysqlError = Error & { code?: string; errno?: number; sqlState?: string };

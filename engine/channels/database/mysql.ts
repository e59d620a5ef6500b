import type { Socket } from 'node:net';

import type { Connection, ConnectionOptions } from 'mysql2';

import type { Row } from '../../contract/envelope.ts';
import { CapError } from '../../contract/errors.ts';
import type { JsonValue } from '../../contract/json.ts';
import type { Duration } from '../../contract/time.ts';
import type { Assignment, LoadSession, TableColumn } from './load.ts';
import type { DatabaseSettings } from './settings.ts';
import { tlsOf } from './settings.ts';

const UNKNOWN_VARIABLE = 1193;
const NO_SUCH_TABLE = 1146;
const TABLE_EXISTS = 1050;

const quote = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** A connection over a socket that the guard let through. @throws the server's and the socket's errors */
export async function openMysql(settings: DatabaseSettings, socket: Socket): Promise<LoadSession> {
	const { createConnection } = (await import('mysql2')).default;
	const connection = createConnection(optionsOf(settings, socket));
	const broken = Promise.withResolvers<never>();
	broken.promise.catch(() => undefined);
	connection.on('error', broken.reject); // a command that waits on a lost connection may not be told
	socket.once('close', () => {
		broken.reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
	});
	const run: Run = async (sql, values = []) =>
		Promise.race([command(connection, sql, values), broken.promise]);
	await run("SET time_zone = '+00:00'");
	// what does not fit is refused, not cut
	await run("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')");
	return session(run, settings, connection);
}

/** The rows, or what a change answers. */
type Run = (sql: string, values?: readonly Bound[]) => Promise<unknown>;

type Bound = string | number | null;

function optionsOf(settings: DatabaseSettings, socket: Socket): ConnectionOptions {
	const { host, user, password, database } = settings;
	const tls = tlsOf(settings);
	return {
		stream: () => socket,
		host,
		user,
		password: password ?? '',
		database,
		...(tls === null
			? {}
			: {
					ssl: { servername: host, ...tls, verifyIdentity: true },
				}),
		multipleStatements: false,
		// the server cannot ask for files of this machine
		flags: ['-LOCAL_FILES'],
	};
}

function command(connection: Connection, sql: string, values: readonly Bound[]): Promise<unknown> {
	return new Promise((resolve, reject) => {
		const done = (error: Error | null, result: unknown): void => {
			if (error === null) resolve(result);
			else reject(error);
		};
		// values go apart from the statement, never within its text
		if (values.length === 0) connection.query(sql, done);
		else connection.execute(sql, [...values], done);
	});
}

const numberOf = (error: unknown): number => (error as { errno?: number }).errno ?? 0;

function unlessUnknown(error: unknown): void {
	if (numberOf(error) !== UNKNOWN_VARIABLE) throw error;
}

function session(run: Run, settings: DatabaseSettings, connection: Connection): LoadSession {
	const { database, schema = database, table, loadsTable } = settings;
	const target = `${quote(schema)}.${quote(table)}`;
	const loads = `${quote(schema)}.${quote(loadsTable)}`;
	let id = '';
	let limit: Duration | null = null;
	/** Once a connection is enough: a table that goes meanwhile fails the load, which is tried again. */
	let loadsAreThere = false;

	/** Before the transaction: a change of tables would end it. */
	async function makeLoads(): Promise<void> {
		try {
			await run(`SELECT 1 FROM ${loads} LIMIT 0`);
			return;
		} catch (error) {
			if (numberOf(error) !== NO_SUCH_TABLE) throw error;
		}
		await run(
			`CREATE TABLE ${loads} (load_id varchar(64) CHARACTER SET ascii PRIMARY KEY, table_name varchar(200) NOT NULL, row_count bigint NOT NULL, sha256 char(64) CHARACTER SET ascii NOT NULL, loaded_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB CHARACTER SET utf8mb4`,
		).catch((error: unknown) => {
			if (numberOf(error) !== TABLE_EXISTS) throw error;
		});
	}

	return {
		async limit(timeout) {
			if (timeout === limit) return;
			// MySQL counts milliseconds, MariaDB seconds; each knows only its own name
			await run(`SET max_execution_time = ${timeout}`).catch(unlessUnknown);
			await run(`SET max_statement_time = ${timeout / 1000}`).catch(unlessUnknown);
			limit = timeout;
		},
		async columns() {
			const place = [schema, table];
			const rows = await run(
				'SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position',
				place,
			);
			await demandTransactions(run, place);
			return rows as TableColumn[];
		},
		async begin(load) {
			if (!loadsAreThere) await makeLoads();
			loadsAreThere = true;
			({ id } = load);
			await run('START TRANSACTION');
			// waits for another attempt that is under way, and then knows how it ended
			const answer = (await run(
				`INSERT IGNORE INTO ${loads} (load_id, table_name, row_count, sha256) VALUES (?, ?, ?, ?)`,
				[load.id, table, load.rows, load.sha256],
			)) as { affectedRows: number };
			return answer.affectedRows === 1;
		},
		async insert(assignments, rows) {
			const columns = assignments.map(({ to }) => quote(to.name)).join(', ');
			const places = `(${assignments.map(() => '?').join(', ')})`;
			const all = rows.map(() => places).join(', ');
			const values = rows.flatMap((row) => assignments.map((one) => bound(one, row, id)));
			await run(`INSERT INTO ${target} (${columns}) VALUES ${all}`, values);
		},
		async commit() {
			await run('COMMIT');
		},
		async rollback() {
			await run('ROLLBACK');
		},
		destroy() {
			connection.destroy();
		},
	};
}

/** A table that knows no transactions would keep half of a load. */
async function demandTransactions(run: Run, place: readonly string[]): Promise<void> {
	const found = (await run(
		'SELECT t.engine AS engine, e.transactions AS transactions FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine WHERE t.table_schema = ? AND t.table_name = ?',
		place,
	)) as { engine: string; transactions: string | null }[];
	const [one] = found;
	if (one === undefined || one.transactions === 'YES') return;
	throw new CapError('TARGET_REFUSED', `the table's engine ${one.engine} knows no transactions`);
}

const INSTANT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)$/;

/** As text where a number could lose digits; instants in UTC, which is what the session's zone is. */
function bound({ from, to }: Assignment, row: Row, id: string): Bound {
	if (from === null) return id;
	const value: JsonValue | undefined = Object.hasOwn(row, from) ? row[from] : null;
	if (value === null || value === undefined) return null;
	if (typeof value === 'boolean') return value ? 1 : 0;
	if (typeof value === 'number') return Number.isSafeInteger(value) ? value : String(value);
	if (typeof value !== 'string') return JSON.stringify(value);
	return /^(?:datetime|timestamp)$/i.test(to.type) ? instantText(value) : value;
}

function instantText(value: string): string {
	const [, day = '', time = '', zone = ''] = INSTANT.exec(value) ?? [];
	if (day === '') return value;
	if (zone === 'Z') return `${day} ${time}`;
	const at = new Date(value.replace(' ', 'T'));
	return Number.isNaN(at.getTime()) ? value : at.toISOString().slice(0, -1).replace('T', ' ');
}

import type { Socket } from 'node:net';

import type { Client } from 'pg';

import type { Duration } from '../../contract/time.ts';
import type { Assignment, LoadSession, TableColumn } from './load.ts';
import type { DatabaseSettings } from './settings.ts';
import { portOf, tlsOf } from './settings.ts';

const UNDEFINED_TABLE = '42P01';
/** Two that make the loads' table at once: one of them is too late. */
const MADE_MEANWHILE = new Set(['42P07', '23505']);

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A connection over a socket that the guard let through. @throws the server's and the socket's errors */
export async function openPostgres(
	settings: DatabaseSettings,
	socket: Socket,
): Promise<LoadSession> {
	const { default: pg } = await import('pg');
	const client = new pg.Client({
		host: settings.host,
		port: portOf(settings),
		database: settings.database,
		user: settings.user,
		// a function, because an empty text would make pg look into the environment
		password: () => settings.password ?? '',
		ssl: tlsOf(settings) ?? false,
		application_name: 'capscheduler',
		options: '',
		stream: () => connected(socket),
	});
	client.on('error', () => undefined); // whoever waits for an answer is told too
	await client.connect();
	await client.query(`SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'`);
	return session(client, settings, socket);
}

/** pg connects the socket itself; this one is connected already. */
function connected(socket: Socket): Socket {
	socket.connect = () => {
		process.nextTick(() => socket.emit('connect'));
		return socket;
	};
	return socket;
}

function session(client: Client, settings: DatabaseSettings, socket: Socket): LoadSession {
	const { schema = 'public', table, loadsTable } = settings;
	const target = `${quote(schema)}.${quote(table)}`;
	const loads = `${quote(schema)}.${quote(loadsTable)}`;
	let id = '';
	let limit: Duration | null = null;
	/** Once a connection is enough: a table that goes meanwhile fails the load, which is tried again. */
	let loadsAreThere = false;

	async function makeLoads(): Promise<void> {
		try {
			await client.query(`SELECT 1 FROM ${loads} LIMIT 0`);
			return;
		} catch (error) {
			if ((error as { code?: string }).code !== UNDEFINED_TABLE) throw error;
		}
		await client
			.query(
				`CREATE TABLE ${loads} (load_id varchar(64) PRIMARY KEY, table_name varchar(200) NOT NULL, row_count bigint NOT NULL, sha256 char(64) NOT NULL, loaded_at timestamptz NOT NULL DEFAULT now())`,
			)
			.catch((error: unknown) => {
				if (!MADE_MEANWHILE.has((error as { code?: string }).code ?? '')) throw error;
			});
	}

	return {
		async limit(timeout) {
			if (timeout === limit) return;
			await client.query(`SET statement_timeout = ${Math.min(timeout, 2_147_483_647)}`);
			limit = timeout;
		},
		async columns(): Promise<TableColumn[]> {
			const { rows } = await client.query<TableColumn>(
				'SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position',
				[schema, table],
			);
			return rows;
		},
		async begin(load) {
			if (!loadsAreThere) await makeLoads();
			loadsAreThere = true;
			({ id } = load);
			await client.query('BEGIN');
			// waits for another attempt that is under way, and then knows how it ended
			const { rowCount } = await client.query(
				`INSERT INTO ${loads} (load_id, table_name, row_count, sha256) VALUES ($1, $2, $3, $4) ON CONFLICT (load_id) DO NOTHING`,
				[load.id, table, load.rows, load.sha256],
			);
			return rowCount === 1;
		},
		async insert(assignments, rows) {
			await client.query(statement(target, assignments), [
				JSON.stringify(rows.map((row) => recordOf(assignments, row, id))),
			]);
		},
		async commit() {
			await client.query('COMMIT');
		},
		async rollback() {
			await client.query('ROLLBACK');
		},
		destroy() {
			socket.destroy();
		},
	};
}

/** The database reads the values by the types of its columns: every digit of a number, lists, JSON. */
function statement(target: string, assignments: readonly Assignment[]): string {
	const columns = assignments.map(({ to }) => quote(to.name)).join(', ');
	return `INSERT INTO ${target} (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::${target}, $1::json)`;
}

function recordOf(
	assignments: readonly Assignment[],
	row: Record<string, unknown>,
	id: string,
): object {
	return Object.fromEntries(
		assignments.map(({ from, to }) => [
			to.name,
			from === null ? id : Object.hasOwn(row, from) ? row[from] : null,
		]),
	);
}

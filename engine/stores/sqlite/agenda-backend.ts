import { randomUUID } from 'node:crypto';

import type { AgendaBackend } from 'agenda';

import type { Clock } from '../../clock.ts';
import { defineDataFunctions } from './agenda-data.ts';
import { createAgendaLogger } from './agenda-logger.ts';
import type { AgendaTable } from './agenda-table.ts';
import { createAgendaRepository } from './agenda-repository.ts';
import type { Database } from './database.ts';
import { createDatabase } from './database.ts';
import { migrate } from './schema.ts';

export interface SqliteAgendaOptions {
	/** Must be the wall clock where an Agenda runs jobs: Agenda itself knows no other. */
	clock: Clock;
	/** The store's committer, so that Agenda's writes share its commits; without it each is one of its own. */
	write?: AgendaTable['write'];
	/** Ids of new jobs. Default random UUIDs. */
	newId?: () => string;
}

type Connection = Pick<AgendaBackend, 'connect' | 'disconnect' | 'ownsConnection'>;

/** One transaction for each piece of work. */
function transactions(database: Database): AgendaTable['write'] {
	return async (work) => {
		database.exec('BEGIN IMMEDIATE');
		try {
			const result = work();
			database.exec('COMMIT');
			return result;
		} catch (error) {
			if (database.inTransaction) database.exec('ROLLBACK');
			throw error;
		}
	};
}

function backendOn(
	database: Database,
	{ clock, write, newId = randomUUID }: SqliteAgendaOptions,
	connection: Connection,
): AgendaBackend {
	const table: AgendaTable = {
		fixed: (sql) => database.sql(sql),
		made(sql) {
			defineDataFunctions(database.connection());
			return database.connection().prepare(sql);
		},
		write: write ?? transactions(database),
		clock,
		newId,
	};
	return {
		name: 'SQLite',
		repository: createAgendaRepository(table),
		logger: createAgendaLogger(table),
		...connection,
	};
}

/**
 * Agenda's jobs in the database of the store, so that a change of the domain and its timer are one commit.
 * The store opens and closes it: Agenda's stop leaves it open.
 */
export function createSqliteAgendaBackend(
	database: Database,
	options: SqliteAgendaOptions,
): AgendaBackend {
	return backendOn(database, options, {
		ownsConnection: false,
		connect: async () => Promise.resolve(),
		disconnect: async () => Promise.resolve(),
	});
}

/** The same on a file of its own, opened when an Agenda connects and closed when it stops. */
export function openSqliteAgendaBackend(
	file: string,
	options: Omit<SqliteAgendaOptions, 'write'>,
): AgendaBackend {
	const database = createDatabase(file);
	let connected = false;
	return backendOn(database, options, {
		ownsConnection: true,
		async connect() {
			if (connected) return;
			database.open();
			try {
				migrate(database);
				connected = true;
			} finally {
				if (!connected) database.close();
			}
		},
		async disconnect() {
			database.close();
			connected = false;
		},
	});
}

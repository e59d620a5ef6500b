import type { Database } from './database.ts';

/** What the parts of the backend work with. */
export interface AgendaTable {
	db: Pick<Database, 'rows' | 'get' | 'run' | 'transaction'>;
	/** The present instant by this machine's clock, which is all that Agenda knows. */
	now: () => number;
	/**
	 * How far the database's clock is ahead of it, in milliseconds: instants are kept by the database's, so that
	 * engines whose clocks differ mean the same by them.
	 */
	ahead: () => number;
}

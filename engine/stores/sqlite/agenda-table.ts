import type { StatementSync } from 'node:sqlite';

import type { Clock } from '../../clock.ts';

/** What the parts of the backend work with. */
export interface AgendaTable {
	/** A statement whose text never changes. */
	fixed: (sql: string) => StatementSync;
	/** A statement whose text depends on what is asked for. */
	made: (sql: string) => StatementSync;
	/** Runs the work in a transaction that holds the write lock from its start; rejects with what it throws. */
	write: <T>(work: () => T) => Promise<T>;
	clock: Clock;
	newId: () => string;
}

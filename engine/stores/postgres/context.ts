import type { Clock } from '../../clock.ts';
import type { Write } from './committer.ts';
import type { Database } from './database.ts';

/** Something went wrong with one record, and the others went on; for the log. */
export interface StoreFault {
	/** The method. */
	where: string;
	/** The record. */
	id: string;
	error: unknown;
}

/** What every part of the store works with. */
export interface Context {
	/** For reading what was committed; inside a write, the transaction is what to ask. */
	db: Database;
	write: Write;
	clock: Clock;
	onFault: (fault: StoreFault) => void;
}

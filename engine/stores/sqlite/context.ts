import type { Clock } from '../../clock.ts';
import type { Write } from './committer.ts';
import type { Database } from './database.ts';
import type { Timers } from './timers.ts';

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
	db: Database;
	write: Write;
	clock: Clock;
	timers: Timers;
	onFault: (fault: StoreFault) => void;
}

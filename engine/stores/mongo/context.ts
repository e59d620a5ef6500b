import type { Clock } from '../../clock.ts';
import type { FaultPoints } from '../../contract/fault-points.ts';
import type { Commits } from './commits.ts';
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
	db: Database;
	commits: Commits;
	clock: Clock;
	faults: FaultPoints;
	onFault: (fault: StoreFault) => void;
	/** A number that rises with every call, by the clock across engines: the order of insertion. */
	nextSeq: () => number;
}

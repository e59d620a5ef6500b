import type { Instant } from '../contract/time.ts';

/** Something that should not be; `doctor` prints it. */
export interface Finding {
	severity: 'problem' | 'notice';
	code: string;
	message: string;
	count: number;
}

/** Something that was mended; `doctor --repair` prints it. */
export type Repair = Omit<Finding, 'severity'>;

/** Looks at all that a store holds, and mends what follows from the rest of it. */
export interface DoctorStore {
	/** Changes nothing. */
	doctor(now: Instant): Promise<Finding[]>;
	/**
	 * Mends what can be worked out without a guess: timers, rows of runs that do not exist, leases and deadlines without
	 * an end, bytes that nothing refers to, and what is kept beside the rows. Done again, it does nothing more. Nothing is
	 * made up: a run without its result or a ledger that contradicts the runs stay as they are, for people to see.
	 * @param beside whether engines work on the store: then counts and keys of runs, which change with every commit, are
	 * left alone
	 */
	repair(now: Instant, beside: 'nobody' | 'engines'): Promise<Repair[]>;
}

import type { Instant } from '../../contract/time.ts';

/** Why an occurrence is not to be run. */
export interface Skip {
	outcome: 'skipped_calendar' | 'skipped_by_user';
	/** For people. */
	reason: string;
	/** Where all before an instant are skipped too: that instant. */
	until?: Instant;
	/** Given when it is run all the same, at this instant. */
	movedTo?: Instant;
}

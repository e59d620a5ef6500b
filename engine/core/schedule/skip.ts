/** Why an occurrence is not to be run. */
export interface Skip {
	outcome: 'skipped_calendar' | 'skipped_by_user';
	/** For people. */
	reason: string;
}

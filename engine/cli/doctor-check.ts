/** One thing looked at. A `notice` is worth knowing; a `problem` should be mended. */
export interface Check {
	name: string;
	status: 'ok' | 'notice' | 'problem';
	message: string;
	/** What to do. */
	mend?: string;
}

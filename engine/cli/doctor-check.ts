/** One thing looked at. A `notice` is worth knowing; a `problem` should be mended; `mended` is what was a problem. */
export interface Check {
	name: string;
	status: 'ok' | 'mended' | 'notice' | 'problem';
	message: string;
	/** What to do. */
	mend?: string;
}

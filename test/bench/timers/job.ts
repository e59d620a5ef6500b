/** What a contestant of w2 is told on its first line of input. */
export interface TimersJob {
	/** A folder, or the URL of the server. */
	place: string;
	schedules: number;
	/** Of each schedule: seconds. */
	period: number;
	/** Schedules that are stored beside them and not due. */
	others: number;
	/** How long it measures, from the first instant on: seconds, a multiple of the period. */
	seconds: number;
	/** A folder for a profile of what is measured. */
	profile?: string;
}

/** Ready to begin: everything is scheduled, and the first instant that counts is this. */
export interface TimersReady {
	from: number;
}

/** What it saw. */
export interface TimersReport {
	fires: number;
	/** Milliseconds: quantiles of how late the work began. */
	p50: number;
	p99: number;
	most: number;
	/** Instants at which the work began before its time. */
	early: number;
	/** Instants that never came. */
	missed: number;
	/** Instants whose work was begun twice. */
	doubled: number;
	/** What its own records say otherwise. */
	wrong: string[];
}

export interface HourJob {
	place: string;
	/** Due in the same second. */
	schedules: number;
	/** A folder for a profile of what is measured. */
	profile?: string;
}

/** Everything is stored, and the engine runs. */
export interface HourReady {
	url: string;
	key: string;
	ids: string[];
	/** When they are due. */
	dueAt: number;
}

export interface HourReport {
	/** Milliseconds after the instant: until the work of all has begun, and until all are recorded as ended. */
	begun: number;
	ended: number;
	p50: number;
	p99: number;
	/** Milliseconds that the event loop was held up. */
	loopP99: number;
	loopMost: number;
	/** By priority, highest first: the share of all runs that had begun when the last of that priority did. */
	order: { priority: number; share: number; last: number }[];
	wrong: string[];
}

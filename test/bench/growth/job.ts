export interface GrowthJob {
	place: string;
	/** How many schedules there are to be before the measurement. */
	schedules: number;
	/** How many rows the ledger is to have. */
	ledger: number;
	/** Schedules that fire, and runs that are drained, to see what one costs. */
	sample: number;
}

/** The engine runs, on what was stored before. */
export interface GrowthReady {
	url: string;
	key: string;
	/** Milliseconds that `start` took, without loading the modules. */
	started: number;
}

export interface GrowthReport {
	/** Milliseconds of processor time for one: from due to ended; from queued to ended. */
	fire: number;
	run: number;
	/** Bytes of the database with its log. */
	file: number;
	wrong: string[];
}

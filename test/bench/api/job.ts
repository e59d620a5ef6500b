/** What the load generator is told on its first line of input. */
export interface LoadJob {
	url: string;
	key?: string;
	/** One after another. */
	paths: readonly string[];
	/** Of a POST with an Idempotency-Key; `"#"` in it becomes the number of the request. Absent: GET. */
	body?: string;
	/** Requests a second. */
	rate: number;
	seconds: number;
	connections: number;
}

export interface LoadReport {
	asked: number;
	answered: number;
	/** How many answers had which status; `closed`: the connection was. */
	statuses: Record<string, number>;
	/** Answers that repeated an earlier one under the same key, and how many should have. */
	replayed: number;
	expectedReplays: number;
	bytes: number;
	/** Until the last answer. */
	seconds: number;
	/** Milliseconds from the instant at which each should have been sent. */
	p50: number;
	p99: number;
	p999: number;
	most: number;
}

/** What the engine's process of the api workload is told. */
export interface ApiJob {
	place: string;
	/** Schedules that are there before. */
	schedules: number;
	/** Runs with a result of 10 kB and a link each. */
	links: number;
	/** Of the large result that is downloaded; 0: none. */
	megabytes: number;
	/** A folder for a profile of what is measured. */
	profile?: string;
}

export interface ApiReady {
	url: string;
	key: string;
	/** Of schedules, to be read. */
	ids: string[];
	/** Paths of links. */
	links: string[];
	/** The large result's link, and its file beside the engine. */
	large: { path: string; file: string } | null;
}

/** A line for the process that downloads. */
export interface DownloadJob {
	url: string;
	/** A hash takes more than the download: it is for a round that is not timed. */
	hashed: boolean;
}

export interface DownloadReport {
	bytes: number;
	milliseconds: number;
	hash: string | null;
}

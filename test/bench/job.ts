/** What a contestant's process is told on its first line of input. */
export interface Job {
	role: 'enqueue' | 'drain' | 'verify';
	/** A folder, or the URL of the server. */
	place: string;
	/** Where each job posts to; null does nothing. */
	target: string | null;
	runs: number;
	/** Notes the memory whenever this many have ended. */
	sampleEvery?: number;
	settings?: Record<string, string>;
}

/** What `drain` answers when everything has ended. */
export interface Drained {
	milliseconds: number;
	samples?: { runs: number; rss: number; heap: number }[];
}

/** What `verify` answers: counts from the contestant's own records. */
export interface Verified {
	runs: number;
	succeeded: number;
	/** The engine's: runs with exactly one event of an end, and with any. */
	endedOnce?: number;
	ended?: number;
	/** SHA-256 over the sorted ids, to be compared with the target's. */
	hash?: string;
}

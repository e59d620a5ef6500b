/** What a contestant of w3 is told on its first line of input. */
export interface PathJob {
	/** A folder, or the URL of the server. */
	place: string;
	/** How many are due in the same instant. */
	runs: number;
	/** Where the receiver listens: `/source`, `/deliver`, `/notify`. */
	receiver: string;
	/** Standard Webhooks: `whsec_` and base64. */
	secret: string;
	/** A folder for a profile of what is measured. */
	profile?: string;
}

/** Everything is stored; this is when it is due. */
export interface PathReady {
	dueAt: number;
}

/** What its own records say. */
export interface PathRecords {
	succeeded: number;
	delivered: number;
	notified: number;
}

/** What the receiver saw. */
export interface PathSeen {
	sources: { calls: number; keys: number };
	deliveries: { calls: number; keys: number; wrong: number };
	notifications: { calls: number; keys: number; wrong: number };
	/** SHA-256 over the sorted keys of each, which must be the same three times. */
	hashes: string[];
	/** When the last notification came. */
	last: number;
}

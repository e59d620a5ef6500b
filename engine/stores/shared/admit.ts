import type { Instant } from '../../contract/time.ts';

/** A run that waits for its concurrency key. */
export interface Waiting {
	seq: number;
	rank: number;
	readyAt: Instant;
	limit: number;
	/** Shared by all that wait for the same key. */
	key: { held: number };
}

/** Who begins, at most `most`: one after another, as if each were claimed alone. */
export function admit(waiting: Waiting[], most: number): Waiting[] {
	waiting.sort((a, b) => a.rank - b.rank || a.readyAt - b.readyAt || a.seq - b.seq);
	const admitted: Waiting[] = [];
	for (const run of waiting) {
		if (admitted.length === most) break;
		if (run.key.held >= run.limit) continue;
		run.key.held += 1;
		admitted.push(run);
	}
	return admitted;
}

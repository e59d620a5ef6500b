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

/** Who begins, at most `most`: one after another, as if each were claimed alone. A run without a key just begins. */
export function admit<T extends Omit<Waiting, 'key'> & { key: Waiting['key'] | null }>(
	waiting: T[],
	most: number,
): T[] {
	waiting.sort((a, b) => a.rank - b.rank || a.readyAt - b.readyAt || a.seq - b.seq);
	const admitted: T[] = [];
	for (const run of waiting) {
		if (admitted.length === most) break;
		if (run.key !== null) {
			if (run.key.held >= run.limit) continue;
			run.key.held += 1;
		}
		admitted.push(run);
	}
	return admitted;
}

/**
 * Whether those who begin stay so whatever comes behind the last tier that was read: as many as wanted begin, and the
 * last of them comes before it.
 */
export function isSettled(
	admitted: readonly Pick<Waiting, 'rank' | 'readyAt'>[],
	{ wanted, last }: { wanted: number; last: Pick<Waiting, 'rank' | 'readyAt'> },
): boolean {
	const lastAdmitted = admitted[wanted - 1];
	if (lastAdmitted === undefined) return false;
	return (lastAdmitted.rank - last.rank || lastAdmitted.readyAt - last.readyAt) <= 0;
}

import type { Transaction, Write } from './committer.ts';

/**
 * Joins the calls that fall into one commit to a single write: every run settles alone; joined, fifty of them
 * are read, changed and followed up by a handful of statements.
 * @param work gets the items of all calls, answers one result for each; may be done again
 */
export function createGather<T, R>(
	write: Write,
	work: (tx: Transaction, items: readonly T[]) => Promise<R[]>,
): (items: readonly T[]) => Promise<R[]> {
	/** What waits for the commit to begin; null when the next call has to ask for one. */
	let open: { items: T[]; results: Promise<R[]> } | null = null;

	return async (items) => {
		if (open === null) {
			const batch: T[] = [];
			const results = write(async (tx) => {
				if (open?.items === batch) open = null;
				return work(tx, batch);
			});
			open = { items: batch, results };
			// a commit that cannot even begin never comes to `work`
			results.catch(() => {
				if (open?.items === batch) open = null;
			});
		}
		const start = open.items.length;
		const { results } = open;
		for (const item of items) open.items.push(item);
		const end = open.items.length;
		return (await results).slice(start, end);
	};
}

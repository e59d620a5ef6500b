/**
 * Joins calls into batches: while one batch is under way, what comes gathers for the next. So one call alone
 * waits for nothing, and many share the round trips.
 * @param work gets the items of all calls, answers one result for each
 */
export function createGather<T, R>(
	work: (items: readonly T[]) => Promise<R[]>,
	most = 500,
): (items: readonly T[]) => Promise<R[]> {
	let waiting: { item: T; resolve: (result: R) => void; reject: (error: unknown) => void }[] = [];
	let under = false;

	async function flush(): Promise<void> {
		// Whoever comes in the same turn of the event loop shares the batch.
		await new Promise((resolve) => setImmediate(resolve));
		while (waiting.length > 0) {
			const batch = waiting.slice(0, most);
			waiting = waiting.slice(most);
			try {
				const results = await work(batch.map(({ item }) => item));
				batch.forEach(({ resolve }, n) => {
					resolve(results[n] as R);
				});
			} catch (error) {
				for (const { reject } of batch) reject(error);
			}
		}
		under = false;
	}

	return async (items) => {
		const results = items.map(
			async (item) =>
				new Promise<R>((resolve, reject) => {
					waiting.push({ item, resolve, reject });
				}),
		);
		if (!under && waiting.length > 0) {
			under = true;
			void flush();
		}
		return Promise.all(results);
	};
}

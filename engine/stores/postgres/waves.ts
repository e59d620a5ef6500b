/**
 * Settlements in waves, none of which has two for the same record: within one, all are read, decided and written
 * together; the next sees what it has written.
 * @returns the answers in the order of the items
 */
export async function inWaves<T>(
	items: readonly T[],
	keyOf: (item: T) => string,
	apply: (items: readonly T[]) => Promise<boolean[]>,
): Promise<boolean[]> {
	const answers = new Array<boolean>(items.length).fill(false);
	let left = items.map((item, at) => ({ item, at }));
	while (left.length > 0) {
		const seen = new Set<string>();
		const wave: typeof left = [];
		const later: typeof left = [];
		for (const entry of left) {
			const key = keyOf(entry.item);
			(seen.has(key) ? later : wave).push(entry);
			seen.add(key);
		}
		const applied = await apply(wave.map(({ item }) => item));
		wave.forEach(({ at }, i) => {
			answers[at] = applied[i] ?? false;
		});
		left = later;
	}
	return answers;
}

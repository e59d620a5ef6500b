/**
 * Answers many questions of one kind by one query: those that are asked within one turn of the event loop.
 * @param load answers what it found, by key
 */
export function createLoader<T>(
	load: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>,
): (key: string) => Promise<T | null> {
	let open: { keys: Set<string>; found: Promise<ReadonlyMap<string, T>> } | null = null;
	return async (key) => {
		if (open === null) {
			const keys = new Set<string>();
			const found = new Promise<void>((resolve) => {
				setImmediate(resolve);
			}).then(() => {
				open = null;
				return load([...keys]);
			});
			open = { keys, found };
		}
		open.keys.add(key);
		return (await open.found).get(key) ?? null;
	};
}

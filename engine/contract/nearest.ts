/**
 * The known name that a misspelt one most likely means: at most a third of its letters away.
 * Distance is edits of one letter, or two neighbours swapped (optimal string alignment).
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
	const most = Math.max(1, Math.floor(name.length / 3));
	let best: { name: string; distance: number } | undefined;
	for (const candidate of known) {
		if (Math.abs(candidate.length - name.length) > most) continue;
		const distance = edits(name.toLowerCase(), candidate.toLowerCase());
		if (distance <= most && (best === undefined || distance < best.distance)) {
			best = { name: candidate, distance };
		}
	}
	return best?.name;
}

function edits(a: string, b: string): number {
	let before: number[] = [];
	let above = Array.from({ length: b.length + 1 }, (_, i) => i);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const same = a[i - 1] === b[j - 1];
			let cost = Math.min(
				(above[j] ?? 0) + 1,
				(row[j - 1] ?? 0) + 1,
				(above[j - 1] ?? 0) + (same ? 0 : 1),
			);
			if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
				cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
			}
			row.push(cost);
		}
		before = above;
		above = row;
	}
	return above[b.length] ?? a.length;
}

/**
 * Names of IANA zones. Intl also knows fixed offsets ("+01:00"), which are no zones, and old names of its
 * own that mislead: its "BST" is Dhaka and its "ECT" is Paris. Those are refused.
 */
const SINGLE_WORDS: ReadonlySet<string> = new Set(
	(
		'UTC GMT UCT Zulu Universal Greenwich GMT0 GMT+0 GMT-0 CET EET MET WET EST MST HST EST5EDT CST6CDT ' +
		'MST7MDT PST8PDT Cuba Egypt Eire GB GB-Eire Hongkong Iceland Iran Israel Jamaica Japan Kwajalein ' +
		'Libya NZ NZ-CHAT Navajo PRC Poland Portugal ROC ROK Singapore Turkey W-SU'
	).split(' '),
);
const LOWER_SINGLE_WORDS: ReadonlyMap<string, string> = new Map(
	[...SINGLE_WORDS].map((name) => [name.toLowerCase(), name]),
);

export function isZone(name: string): boolean {
	return zoneNamed(name) !== undefined;
}

/**
 * The zone's name in its usual case, or `undefined` when there is none. An alias stays what the user
 * wrote: `Europe/Kyiv` does not become `Europe/Kiev`.
 */
export function zoneNamed(name: string): string | undefined {
	if (!/^[A-Za-z][A-Za-z0-9+_/-]{1,63}$/.test(name)) return undefined;
	if (!name.includes('/')) return LOWER_SINGLE_WORDS.get(name.toLowerCase());
	if (/^systemv\//i.test(name)) return undefined;
	const known = canonicalName(name);
	if (known === undefined) return undefined;
	if (known === 'UTC') return 'UTC';
	return known.toLowerCase() === name.toLowerCase() ? known : name;
}

function canonicalName(name: string): string | undefined {
	try {
		return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
	} catch (error) {
		if (error instanceof RangeError) return undefined;
		throw error;
	}
}

/** Names that the user may have meant, nearest first, at most three. */
export function nearestZones(name: string): string[] {
	const wanted = name.slice(0, 64).toLowerCase().replaceAll(' ', '_');
	return Intl.supportedValuesOf('timeZone')
		.concat('UTC')
		.map((zone) => ({ zone, distance: distanceTo(zone.toLowerCase(), wanted) }))
		.filter(({ distance }) => distance <= Math.max(1, Math.floor(wanted.length / 4)))
		.sort((a, b) => a.distance - b.distance || (a.zone < b.zone ? -1 : 1))
		.slice(0, 3)
		.map(({ zone }) => zone);
}

/** People leave the region out, or write it wrong: the city alone counts as well. */
function distanceTo(zone: string, wanted: string): number {
	const city = wanted.slice(wanted.lastIndexOf('/') + 1);
	const byCity = editDistance(zone.slice(zone.lastIndexOf('/') + 1), city);
	return Math.min(editDistance(zone, wanted), wanted.includes('/') ? byCity + 1 : byCity);
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let i = 1; i <= a.length; i++) {
		const following = [i];
		for (let j = 1; j <= b.length; j++) {
			const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
			following[j] = Math.min(replaced, (row[j] ?? 0) + 1, (following[j - 1] ?? 0) + 1);
		}
		row = following;
	}
	return row[b.length] ?? 0;
}

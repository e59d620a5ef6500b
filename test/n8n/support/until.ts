/** Milliseconds; far more than anything here takes on a busy machine. */
const WITHIN = 60_000;
const EVERY = 100;

/**
 * Looks again and again until there is something: a state is waited for, not a time.
 * @param look gives what was waited for, or nothing yet; an error counts as nothing yet
 * @throws when nothing came within the time, with what it saw last
 */
export async function until<T>(
	what: string,
	look: () => Promise<T | false | null | undefined>,
	{ within = WITHIN }: { within?: number } = {},
): Promise<T> {
	const deadline = performance.now() + within;
	let last: unknown;
	do {
		try {
			const seen = await look();
			if (seen !== false && seen !== null && seen !== undefined) return seen;
			last = seen;
		} catch (error) {
			last = error instanceof Error ? error.message : error;
		}
		await new Promise((resolve) => setTimeout(resolve, EVERY));
	} while (performance.now() < deadline);
	throw new Error(`waited ${within / 1000} s for ${what}; last seen: ${String(last)}`);
}

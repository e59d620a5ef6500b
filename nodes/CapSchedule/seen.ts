/**
 * Attempts that began an execution in this process, the oldest first. Not in the workflow's static data: n8n takes
 * what a webhook changed there for unchanged as soon as the execution begins, and does not save it.
 */
const seen = new Set<string>();

/** How many are remembered; a copy comes within seconds of the original. */
const REMEMBERED = 1_000;

/** Whether the same was asked before; asking is what makes it seen. */
export function seenBefore(claim: string): boolean {
	if (seen.has(claim)) return true;
	seen.add(claim);
	if (seen.size > REMEMBERED) {
		for (const oldest of seen) {
			seen.delete(oldest);
			break;
		}
	}
	return false;
}

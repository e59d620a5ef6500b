/**
 * A number in [0, 1) that depends on nothing but the text (FNV-1a with a final mix): used for jitter, so that
 * a decision made twice is the same decision.
 */
export function spread(text: string): number {
	let hash = 0x811c9dc5;
	for (let i = 0; i < text.length; i++) {
		hash ^= text.charCodeAt(i);
		hash = Math.imul(hash, 0x01000193);
	}
	hash ^= hash >>> 16;
	hash = Math.imul(hash, 0x85ebca6b);
	hash ^= hash >>> 13;
	return (hash >>> 0) / 0x1_0000_0000;
}

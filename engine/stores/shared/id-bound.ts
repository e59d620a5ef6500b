import type { Instant } from '../../contract/time.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Ids begin with their time (contract/ids.ts), so those made before an instant sort before this. */
export function idBound(prefix: string, instant: Instant): string {
	let text = '';
	let rest = Math.max(0, instant);
	for (let i = 0; i < 10; i++) {
		text = (ALPHABET[rest % 32] ?? '') + text;
		rest = Math.floor(rest / 32);
	}
	return `${prefix}_${text}`;
}

import { randomFillSync } from 'node:crypto';

import type { Clock } from './clock.ts';
import type { Id, IdKind, NewId } from './contract/ids.ts';
import { ID_PREFIXES } from './contract/ids.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** Random characters that wait to be used, one a byte. */
const pool = Buffer.allocUnsafeSlow(4096);
let used = pool.length;

function randomCharacters(count: number): string {
	if (used + count > pool.length) {
		randomFillSync(pool);
		for (let i = 0; i < pool.length; i++) pool[i] = ALPHABET.charCodeAt((pool[i] ?? 0) & 31);
		used = 0;
	}
	const start = used;
	used += count;
	// one text instead of one for each character that is added
	return pool.toString('latin1', start, used);
}

/** Makes ids that sort by the clock's time to the millisecond; 80 random bits keep them apart. */
export function createIds(clock: Clock): NewId {
	let lastTime = -1;
	let lastText = '';
	return <K extends IdKind>(kind: K): Id<K> => {
		const now = clock.now();
		if (now !== lastTime) {
			lastTime = now;
			lastText = '';
			let rest = now;
			for (let i = 0; i < 10; i++) {
				lastText = (ALPHABET[rest % 32] ?? '') + lastText;
				rest = Math.floor(rest / 32);
			}
		}
		return `${ID_PREFIXES[kind]}_${lastText}${randomCharacters(16)}`;
	};
}

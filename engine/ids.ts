import { randomFillSync } from 'node:crypto';

import type { Clock } from './clock.ts';
import type { Id, IdKind, NewId } from './contract/ids.ts';
import { ID_PREFIXES } from './contract/ids.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const pool = new Uint8Array(4096);
let used = pool.length;

function randomCharacters(count: number): string {
	if (used + count > pool.length) {
		randomFillSync(pool);
		used = 0;
	}
	let text = '';
	for (let i = 0; i < count; i++) text += ALPHABET[(pool[used++] ?? 0) & 31] ?? '';
	return text;
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

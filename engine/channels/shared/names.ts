import { extname } from 'node:path';

import { inputError } from '../../contract/errors.ts';
import type { Parcel } from '../channel.port.ts';

/** When the name is taken by other bytes: `name-1.csv`, put these in their place, or fail. */
export const OVERWRITE = ['suffix', 'replace', 'refuse'] as const;
export type Overwrite = (typeof OVERWRITE)[number];

const NAME_BYTES = 255;
const MAX_SUFFIX = 9999;

/**
 * Refuses what could leave the folder or hide in it.
 * @throws CapError PATH_INVALID
 */
export function judgeName(name: string): void {
	const fine =
		name !== '' &&
		!name.startsWith('.') &&
		!/[/\\\p{Cc}\p{Zl}\p{Zp}]/u.test(name) &&
		name.isWellFormed() &&
		Buffer.byteLength(name) <= NAME_BYTES;
	if (fine) return;
	throw inputError('PATH_INVALID', {
		path: 'filename',
		expected: `a name of at most ${NAME_BYTES} bytes, not starting with a dot, without / \\ and control characters`,
		received: JSON.stringify(name.slice(0, 100)),
	});
}

/** What goes beside a file whose name was free tells of that file: what an older one of the name left is in its way. */
export function overwriteOf(overwrite: Overwrite, { beside }: Pick<Parcel, 'beside'>): Overwrite {
	return beside === true && overwrite === 'suffix' ? 'replace' : overwrite;
}

/**
 * The names under which the parcel may lie, in order: its own, then with `suffix` `name-1.csv`,
 * `name-2.csv` … shortened so that they fit.
 */
export function* namesFor(filename: string, overwrite: Overwrite): Generator<string> {
	yield filename;
	if (overwrite !== 'suffix') return;
	const extension = extname(filename);
	const stem = [...filename.slice(0, filename.length - extension.length)];
	for (let n = 1; n <= MAX_SUFFIX; n++) {
		const tail = `-${n}${extension}`;
		while (Buffer.byteLength(stem.join('') + tail) > NAME_BYTES) stem.pop();
		yield stem.join('') + tail;
	}
}

/**
 * Begins every temporary name of one delivery in one folder; hidden, and too short to overflow.
 * @param room bytes that follow it
 */
export function temporaryStem({ filename, deliveryId }: Parcel, room: number): string {
	const tail = `.${deliveryId}.`;
	let head = `.${filename}`;
	while (Buffer.byteLength(head + tail) + room > NAME_BYTES) head = [...head].slice(0, -1).join('');
	return head + tail;
}

import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { beforeAll, describe, expect, it } from '@jest/globals';
import * as openpgp from 'openpgp';

import { collectGarbage } from '../../../engine/conformance/memory.ts';
import type { JsonObject } from '../../../engine/contract/json.ts';
import type { PackedFile } from '../../../engine/formats/packaging.port.ts';
import { createPackagingRegistry } from '../../../engine/formats/packaging/index.ts';

const MB = 1_000_000;
const FLAT = 12 * MB;
const AT = Date.UTC(2026, 10, 27);
const registry = createPackagingRegistry();

let recipient: string;
beforeAll(async () => {
	const userIDs = [{ email: 'them@example.org' }];
	recipient = (await openpgp.generateKey({ userIDs, date: new Date(AT - 1000) })).publicKey;
});

const ways = (): [name: string, options: JsonObject][] => [
	['gzip', {}],
	['zip', {}],
	['zip', { password: 'correct horse' }],
	['pgp', { recipients: [recipient] }],
	['pgp', { recipients: [recipient], armor: true }],
];

function pack(name: string, options: JsonObject, file: PackedFile): AsyncIterable<Uint8Array> {
	return registry.get(name)!.pack([file], { options, modifiedAt: AT, at: AT });
}

const SEED = randomBytes(65_536);

/** Bytes that do not shrink; `onChunk` is called before each 64 KB of them. */
function source(size: number, onChunk: () => Promise<void> | void = () => undefined) {
	const state = { ended: false, read: 0 };
	return {
		state,
		async *bytes() {
			try {
				for (; state.read < size; state.read += SEED.length) {
					await onChunk();
					// a copy each, so that whoever keeps them is found out
					yield Buffer.from(SEED);
				}
			} finally {
				state.ended = true;
			}
		},
	};
}

/** The most that is held of a file while it is read, in buffers. */
async function heldWhile(
	size: number,
	read: (bytes: () => AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<number> {
	let held = 0;
	let chunks = 0;
	collectGarbage();
	const before = process.memoryUsage().arrayBuffers;
	const file = source(size, async () => {
		if (++chunks % 80 !== 0) return;
		// freed buffers are given back by another thread, some turns later
		let now = Number.POSITIVE_INFINITY;
		for (let turn = 0; turn < 50 && now > FLAT; turn++) {
			collectGarbage();
			await setImmediate();
			now = process.memoryUsage().arrayBuffers - before;
		}
		held = Math.max(held, now);
	});
	await read(file.bytes);
	return held;
}

describe('every packaging', () => {
	it('holds no more than a few megabytes of a large file', async () => {
		for (const [name, options] of ways()) {
			const held = await heldWhile(30 * MB, async (bytes) => {
				for await (const chunk of pack(name, options, { name: 'a', bytes })) void chunk;
			});
			expect({ name, options: Object.keys(options), flat: held < FLAT || held }).toMatchObject({
				flat: true,
			});
		}
	}, 240_000);

	it('ends the file that it reads when its reader stops', async () => {
		for (const [name, options] of ways()) {
			const file = source(100 * MB);
			for await (const chunk of pack(name, options, { name: 'a', bytes: file.bytes })) {
				if (chunk.length > 0 && file.state.read > MB) break;
			}
			for (let turn = 0; turn < 1000 && !file.state.ended; turn++) await setImmediate();
			expect({ name, ended: file.state.ended }).toEqual({ name, ended: true });
			expect(file.state.read).toBeLessThan(50 * MB);
		}
	});

	it('fails when the file that it reads does', async () => {
		for (const [name, options] of ways()) {
			const file = source(10 * MB, () => {
				if (file.state.read > 2 * MB) throw new Error('retention took it');
			});
			const read = async (): Promise<void> => {
				for await (const chunk of pack(name, options, { name: 'a', bytes: file.bytes })) void chunk;
			};
			await expect(read()).rejects.toThrow('retention took it');
		}
	});
});

import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';

import { systemClock } from '../../../engine/clock.ts';
import type { Clock } from '../../../engine/clock.ts';
import { createDeadline } from '../../../engine/channels/shared/deadline.ts';
import { placeFile, temporaryPath } from '../../../engine/channels/shared/remote-files.ts';
import type { RemoteFiles, SumAlgorithm } from '../../../engine/channels/shared/remote-files.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { parcelOf } from '../../support/parcels.ts';

const PARCEL = parcelOf('of these bytes');

/** A server that keeps files in memory, and makes sums of what it has. */
function memoryServer(
	algorithm: SumAlgorithm,
	spoil: (bytes: Buffer) => Buffer,
): { files: RemoteFiles; kept: Map<string, Buffer> } {
	const kept = new Map<string, Buffer>();
	const files: RemoteFiles = {
		resumes: false,
		sizeOf: async (path) => Promise.resolve(kept.get(path)?.length ?? null),
		async sumOf(path) {
			const hex = createHash(algorithm).update(kept.get(path)!).digest('hex');
			return Promise.resolve({ algorithm, hex });
		},
		async write(path, source) {
			const chunks: Uint8Array[] = [];
			for await (const chunk of source) chunks.push(chunk);
			kept.set(path, spoil(Buffer.concat(chunks)));
		},
		read() {
			throw new Error('nothing is read back');
		},
		async move(from, to) {
			kept.set(to, kept.get(from)!);
			return Promise.resolve(kept.delete(from));
		},
		async remove(path) {
			kept.delete(path);
			return Promise.resolve();
		},
		makeFolder: async () => Promise.resolve(),
		hasFolder: async () => Promise.resolve(true),
	};
	return { files, kept };
}

const flipped = (bytes: Buffer): Buffer =>
	Buffer.from(bytes.map((byte, i) => (i === 7 ? byte ^ 1 : byte)));

interface Attempt {
	attempt?: number;
	clock?: Clock;
	silence?: number;
}

async function place(
	server: ReturnType<typeof memoryServer>,
	{ attempt = 1, clock = systemClock, silence = 60_000 }: Attempt = {},
) {
	const signal = new AbortController().signal;
	const deadline = createDeadline(clock, { signal, timeout: 60_000, silence });
	const plan = { folder: '', filename: 'a.csv', overwrite: 'suffix', mkdir: true } as const;
	try {
		return await placeFile(server.files, PARCEL, {
			plan: { ...plan, verify: 'size' },
			work: { deadline, attempt, onBegin: () => undefined },
		});
	} finally {
		deadline.end();
	}
}

it('an attempt that finds the file takes away what an earlier one left beside it', async () => {
	const server = memoryServer('md5', (bytes) => bytes);
	server.files.read = async function* (path) {
		await Promise.resolve();
		yield server.kept.get(path)!;
	};
	await place(server);
	server.kept.set(temporaryPath('', PARCEL), Buffer.from('of these'));
	expect(await place(server, { attempt: 2 })).toMatchObject({ path: 'a.csv', found: true });
	expect([...server.kept.keys()]).toEqual(['a.csv']);
});

it('a server that reads a large file to make its sum is not silent', async () => {
	const clock = createFakeClock();
	const server = memoryServer('md5', (bytes) => bytes);
	const { sumOf } = server.files;
	server.files.sumOf = async (path) => {
		clock.advance(50_000);
		return sumOf!(path);
	};
	expect(await place(server, { clock, silence: 20_000 })).toMatchObject({ checksum: 'md5' });
});

describe.each(['sha256', 'sha512', 'sha1', 'md5'] as const)('a server that tells the %s', (sum) => {
	it('of the bytes that were sent has the file', async () => {
		const server = memoryServer(sum, (bytes) => bytes);
		expect(await place(server)).toMatchObject({ path: 'a.csv', checksum: sum });
		expect([...server.kept.keys()]).toEqual(['a.csv']);
	});

	it('of others, as many, is left with nothing', async () => {
		const server = memoryServer(sum, flipped);
		await expect(place(server)).rejects.toMatchObject({
			code: 'TARGET_FAULT',
			message: 'other bytes arrived',
		});
		expect([...server.kept.keys()]).toEqual([]);
	});
});

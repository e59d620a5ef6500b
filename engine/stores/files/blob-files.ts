import { randomUUID } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { BlobRef } from '../../contract/result.ts';
import type { BlobStore, ByteRange, ScratchBlob } from '../blob.port.ts';
import { lentPieces } from './lent-pieces.ts';
import { scratchBlob, stageBlob } from './stage-blob.ts';

/** How many folders files lie in, by the first byte of their hash. */
export const SHARDS = 256;

/** A blob store over files, `blobs/ab/cdef…`, beside a database that keeps the small ones. */
export interface BlobFiles extends BlobStore {
	/** Makes the folders and removes what an earlier process left half written. */
	prepare(): void;
	/** Whether the file is there, with its size. */
	has(ref: BlobRef): boolean;
	/** How many files no record refers to, of those that `sweep` would remove. */
	unreferenced(isReferenced: (sha256: string) => boolean): number;
	/**
	 * Removes files that no record refers to any more: those named, and those found in one of the 256
	 * folders, a different one at each call. What was written within the last hour stays: its record may be
	 * on its way. @returns how many went
	 */
	sweep(unreferenced: readonly string[], isReferenced: (sha256: string) => boolean): number;
}

const INLINE_LIMIT = 16_384;
const GRACE = 3_600_000;
const READ_SIZE = 262_144;

export function createBlobFiles(options: {
	folder: string;
	clock: Clock;
	/** The bytes of a blob that the database keeps, or null. */
	inline: (sha256: string) => Uint8Array | null;
}): BlobFiles {
	const { folder, clock, inline } = options;
	const root = join(folder, 'blobs');
	const temporary = join(root, 'tmp');
	/** Names under which this process has written lately, so that `sweep` does not race with a rename. */
	const recent = new Map<string, number>();
	let nextShard = 0;

	const pathOf = (sha256: string): string => join(root, sha256.slice(0, 2), sha256.slice(2));

	function isOrphan(sha256: string, isReferenced: (sha256: string) => boolean): boolean {
		const writtenAt = recent.get(sha256);
		if (writtenAt !== undefined && writtenAt > clock.now() - GRACE) return false;
		const stat = statSync(pathOf(sha256), { throwIfNoEntry: false });
		return stat !== undefined && stat.mtimeMs <= clock.now() - GRACE && !isReferenced(sha256);
	}

	function remove(sha256: string, isReferenced: (sha256: string) => boolean): number {
		if (!isOrphan(sha256, isReferenced)) return 0;
		rmSync(pathOf(sha256), { force: true });
		return 1;
	}

	/** @param readFile how its bytes are read when they are in a file */
	async function* readBlob(
		{ ref, range }: { ref: BlobRef; range: ByteRange | undefined },
		readFile: (path: string, range: ByteRange) => AsyncIterable<Uint8Array>,
	): AsyncIterable<Uint8Array> {
		const start = range?.start ?? 0;
		const end = Math.min(range?.end ?? ref.size - 1, ref.size - 1);
		if (start > end) return;
		const bytes = inline(ref.sha256);
		if (bytes !== null) {
			yield bytes.subarray(start, end + 1);
			return;
		}
		try {
			yield* readFile(pathOf(ref.sha256), { start, end });
		} catch (error) {
			throw notFound(error, ref);
		}
	}

	const open = (ref: BlobRef, range?: ByteRange): AsyncIterable<Uint8Array> =>
		readBlob({ ref, range }, ownPieces);

	return {
		inlineLimit: INLINE_LIMIT,

		prepare() {
			rmSync(temporary, { recursive: true, force: true });
			mkdirSync(temporary, { recursive: true });
		},

		stage: (source, { maxBytes }) =>
			stageBlob(source, {
				maxBytes,
				inlineLimit: INLINE_LIMIT,
				temporaryFile: () => join(temporary, randomUUID()),
				root,
				pathOf(sha256) {
					recent.set(sha256, clock.now());
					return pathOf(sha256);
				},
			}),

		async scratch(source, { maxBytes }) {
			const { ref, inline, path } = await scratchBlob(source, {
				maxBytes,
				inlineLimit: INLINE_LIMIT,
				temporaryFile: () => join(temporary, randomUUID()),
			});
			return inline === null && path !== null ? scratchFile(ref, path) : scratchBytes(ref, inline);
		},

		open,
		lend: (ref, range) => readBlob({ ref, range }, lentPieces),

		async read(ref) {
			const parts: Uint8Array[] = [];
			for await (const part of open(ref)) parts.push(part);
			return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
		},

		has(ref) {
			return statSync(pathOf(ref.sha256), { throwIfNoEntry: false })?.size === ref.size;
		},

		unreferenced(isReferenced) {
			const shards = filesIn(root).filter((name) => /^[0-9a-f]{2}$/.test(name));
			const names = shards.flatMap((shard) =>
				filesIn(join(root, shard)).map((name) => shard + name),
			);
			return names.filter((sha256) => isOrphan(sha256, isReferenced)).length;
		},

		sweep(unreferenced, isReferenced) {
			let removed = 0;
			for (const sha256 of unreferenced) removed += remove(sha256, isReferenced);
			const shard = nextShard.toString(16).padStart(2, '0');
			nextShard = (nextShard + 1) % SHARDS;
			for (const name of filesIn(join(root, shard))) removed += remove(shard + name, isReferenced);
			for (const [sha256, at] of recent) if (at <= clock.now() - GRACE) recent.delete(sha256);
			return removed;
		},
	};
}

/** Each in memory of its own, so that it may be kept. */
const ownPieces = (path: string, range?: ByteRange): AsyncIterable<Uint8Array> =>
	createReadStream(path, { ...range, highWaterMark: READ_SIZE }) as AsyncIterable<Uint8Array>;

function scratchFile(ref: BlobRef, path: string): ScratchBlob {
	return {
		ref,
		open: (range) => ownPieces(path, range),
		dispose: () => rm(path, { force: true }),
	};
}

function scratchBytes(ref: BlobRef, bytes: Uint8Array | null): ScratchBlob {
	return {
		ref,
		async *open({ start, end } = { start: 0, end: ref.size - 1 }) {
			const wanted = bytes?.subarray(start, end + 1);
			if (wanted !== undefined && wanted.byteLength > 0) yield wanted;
		},
		dispose: () => Promise.resolve(),
	};
}

function filesIn(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
		throw error;
	}
}

function notFound(error: unknown, ref: BlobRef): unknown {
	if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
	return new CapError('NOT_FOUND', `no bytes with sha256 ${ref.sha256} any more`, { cause: error });
}

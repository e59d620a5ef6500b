import { createHash } from 'node:crypto';

import { CapError } from '../../contract/errors.ts';
import type { Parcel } from '../channel.port.ts';
import type { Deadline } from './deadline.ts';
import { namesFor, temporaryStem } from './names.ts';
import type { Overwrite } from './names.ts';
import { collect, readParcel } from './source.ts';

export type SumAlgorithm = 'sha256' | 'sha512' | 'sha1' | 'md5';

export interface Sum {
	algorithm: SumAlgorithm;
	/** In lower case. */
	hex: string;
}

/** A server of files, logged in. Paths are as its settings say them; errors are CapErrors. */
export interface RemoteFiles {
	/** Whether `write` can go on behind what is there. */
	readonly resumes: boolean;
	/** Null: nothing of that name. */
	sizeOf(path: string): Promise<number | null>;
	/** What the server itself says of the bytes that it has; null: it does not. */
	sumOf?(path: string): Promise<Sum | null>;
	/** Creates it, or from byte `from` on goes on with what is there. The rest is about the whole file. */
	write(
		path: string,
		source: AsyncIterable<Uint8Array>,
		options: { from: number; size: number; sha256: string; contentType: string },
	): Promise<void>;
	read(path: string, from: number): AsyncIterable<Uint8Array>;
	/** In one step. False: something has the name, and it was not to be replaced. */
	move(from: string, to: string, options: { replace: boolean }): Promise<boolean>;
	/** Fine when it is not there. */
	remove(path: string): Promise<void>;
	/** With those above it; fine when it is there. */
	makeFolder(path: string): Promise<void>;
	/** Whether the folder is there, to say why a write was refused. */
	hasFolder(path: string): Promise<boolean>;
}

export interface PlacePlan {
	folder: string;
	filename: string;
	overwrite: Overwrite;
	mkdir: boolean;
	/** What the temporary name ends in; default `part`. */
	temporary?: string;
	/** `content`: reads the file back and compares its hash. */
	verify: 'size' | 'content';
}

export interface Placed {
	path: string;
	/** A repeat found what an earlier attempt had left. */
	found: boolean;
	/** Bytes that an earlier attempt had sent. */
	resumedFrom: number;
	/** Of the sum that the server made of the bytes, where it made one. */
	checksum?: SumAlgorithm;
}

export interface PlaceWork {
	deadline: Deadline;
	attempt: number;
	/** Called before anything is written. */
	onBegin(): void;
}

/** Less than this is sent again rather than looked at. */
const WORTH_RESUMING = 1_000_000;
/** So much of the end of what is there must be ours before it is gone on with. */
const TAIL = 262_144;
const SLICE = 32_768;

export function joinPath(folder: string, name: string): string {
	if (folder === '' || folder === '.') return name;
	return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

/** The same in every attempt of one delivery, so that attempts leave at most one such file. */
export function temporaryPath(folder: string, parcel: Parcel, ending = 'part'): string {
	return joinPath(folder, temporaryStem(parcel, ending.length) + ending);
}

/**
 * Writes under a temporary name, checks what arrived, and gives it its name in one step.
 * @throws CapError
 */
export async function placeFile(
	files: RemoteFiles,
	parcel: Parcel,
	{ plan, work }: { plan: PlacePlan; work: PlaceWork },
): Promise<Placed> {
	const { folder, filename, overwrite } = plan;
	const aside = temporaryPath(folder, parcel, plan.temporary);
	if (work.attempt > 1 && overwrite !== 'replace') {
		const there = await findPlaced(files, parcel, { plan, work });
		if (there !== null) {
			// an attempt that was broken off may have left it; that the file is there does not depend on it
			await files.remove(aside).catch(() => undefined);
			return { path: there, found: true, resumedFrom: 0 };
		}
	}
	work.onBegin();
	const resumedFrom = await writeAside(files, parcel, { aside, plan, work });
	const checked = await checkArrived(files, parcel, { aside, plan, work });
	for (const name of namesFor(filename, overwrite)) {
		work.deadline.signal.throwIfAborted();
		const path = joinPath(folder, name);
		if (await files.move(aside, path, { replace: overwrite === 'replace' })) {
			return { path, found: false, resumedFrom, ...checked };
		}
		if (await holds(files, path, { parcel, work })) {
			await files.remove(aside);
			return { path, found: true, resumedFrom };
		}
	}
	await files.remove(aside);
	throw new CapError('TARGET_REFUSED', `a file named ${JSON.stringify(filename)} is already there`);
}

/** The first of the names that holds these very bytes. */
async function findPlaced(
	files: RemoteFiles,
	parcel: Parcel,
	{ plan, work }: { plan: PlacePlan; work: PlaceWork },
): Promise<string | null> {
	for (const name of namesFor(plan.filename, plan.overwrite)) {
		const path = joinPath(plan.folder, name);
		const there = await holds(files, path, { parcel, work });
		if (there === null) return null;
		if (there) return path;
	}
	return null;
}

/** Whether the file has the parcel's bytes, read back where the size is right; null when there is none. */
async function holds(
	files: RemoteFiles,
	path: string,
	{ parcel, work }: { parcel: Parcel; work: PlaceWork },
): Promise<boolean | null> {
	const size = await files.sizeOf(path);
	if (size === null) return null;
	return size === parcel.size && (await hashOf(files, path, work)) === parcel.sha256;
}

async function hashOf(files: RemoteFiles, path: string, { deadline }: PlaceWork): Promise<string> {
	const hash = createHash('sha256');
	for await (const chunk of files.read(path, 0)) {
		deadline.progress();
		hash.update(chunk);
	}
	return hash.digest('hex');
}

/** @returns how many bytes were there already */
async function writeAside(
	files: RemoteFiles,
	parcel: Parcel,
	{ aside, plan, work }: { aside: string; plan: PlacePlan; work: PlaceWork },
): Promise<number> {
	const from = await resumableFrom(files, parcel, { aside, work });
	if (from === parcel.size && from > 0) return from;
	const write = async (): Promise<void> => {
		const source = slices(skip(readParcel(parcel, work.deadline), from), work.deadline);
		const { size, sha256, contentType } = parcel;
		await files.write(aside, source, { from, size, sha256, contentType });
	};
	try {
		await write();
	} catch (error) {
		const refused = error instanceof CapError && error.code === 'TARGET_REFUSED';
		if (!refused || plan.folder === '' || (await files.hasFolder(plan.folder))) throw error;
		if (!plan.mkdir) throw missing(plan.folder);
		await files.makeFolder(plan.folder);
		await write();
	}
	return from;
}

/** How much of the file is there from an earlier attempt; 0 where its end is not ours. */
async function resumableFrom(
	files: RemoteFiles,
	parcel: Parcel,
	{ aside, work }: { aside: string; work: PlaceWork },
): Promise<number> {
	if (work.attempt === 1 || !files.resumes || parcel.size < WORTH_RESUMING) return 0;
	const there = await files.sizeOf(aside);
	if (there === null || there < WORTH_RESUMING || there > parcel.size) return 0;
	const from = there - TAIL;
	const ours = await collect(limit(skip(readParcel(parcel, work.deadline), from), TAIL));
	// one byte more than should be there, so that a reading is broken off only where it is not ours anyway
	const theirs = await collect(limit(files.read(aside, from), TAIL + 1));
	return Buffer.compare(ours, theirs) === 0 ? there : 0;
}

async function checkArrived(
	files: RemoteFiles,
	parcel: Parcel,
	{ aside, plan, work }: { aside: string; plan: PlacePlan; work: PlaceWork },
): Promise<Pick<Placed, 'checksum'>> {
	const size = await files.sizeOf(aside);
	// who makes a sum reads all of the file, and says nothing meanwhile
	work.deadline.rest();
	const sum = size === parcel.size ? ((await files.sumOf?.(aside)) ?? null) : null;
	work.deadline.progress();
	const right =
		size === parcel.size &&
		(sum === null || sum.hex === (await ownSum(parcel, sum, work))) &&
		(plan.verify === 'size' || (await hashOf(files, aside, work)) === parcel.sha256);
	if (right) return sum === null ? {} : { checksum: sum.algorithm };
	await files.remove(aside);
	const what = size === parcel.size ? 'other bytes' : `${size ?? 'none'} of ${parcel.size} bytes`;
	throw new CapError('TARGET_FAULT', `${what} arrived`, { retry: 'later' });
}

async function ownSum(
	parcel: Parcel,
	{ algorithm }: Sum,
	{ deadline }: PlaceWork,
): Promise<string> {
	if (algorithm === 'sha256') return parcel.sha256;
	const hash = createHash(algorithm);
	for await (const chunk of readParcel(parcel, deadline)) hash.update(chunk);
	return hash.digest('hex');
}

/** The rest of a stream; what is left out is read all the same, since the whole is hashed. */
async function* skip(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
	let left = bytes;
	for await (const chunk of source) {
		if (left === 0) yield chunk;
		else if (left < chunk.length) yield chunk.subarray(left);
		left = Math.max(0, left - chunk.length);
	}
}

async function* limit(
	source: AsyncIterable<Uint8Array>,
	bytes: number,
): AsyncGenerator<Uint8Array> {
	let left = bytes;
	for await (const chunk of source) {
		yield chunk.subarray(0, left);
		left -= chunk.length;
		if (left <= 0) return;
	}
}

/** In small pieces, each of which shows that something moves. */
async function* slices(
	source: AsyncIterable<Uint8Array>,
	deadline: Deadline,
): AsyncGenerator<Uint8Array> {
	for await (const chunk of source) {
		for (let from = 0; from < chunk.length; from += SLICE) {
			yield chunk.subarray(from, from + SLICE);
			deadline.progress();
		}
	}
}

function missing(folder: string): CapError {
	return new CapError('TARGET_UNREACHABLE', `the folder ${JSON.stringify(folder)} is not there`, {
		retry: 'later',
	});
}

import { createHash, hash as hashOf } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { CapError } from '../../contract/errors.ts';
import type { BlobRef } from '../../contract/result.ts';
import type { StagedBlob } from '../blob.port.ts';

interface SpoolOptions {
	maxBytes: number;
	/** Up to so many bytes stay in memory. */
	inlineLimit: number;
	/** Does not exist yet. */
	temporaryFile: () => string;
}

interface StageOptions extends SpoolOptions {
	root: string;
	/** The final path; it is about to be written. */
	pathOf: (sha256: string) => string;
}

/** Small chunks are gathered to this size before they are written. */
const WRITE_SIZE = 262_144;

/**
 * Reads the source to its end. Up to `inlineLimit` bytes stay in memory; more go into a temporary file, which
 * is synced, renamed to its hash, and its folder synced: then it is durable.
 */
export async function stageBlob(
	source: AsyncIterable<Uint8Array> | Uint8Array,
	options: StageOptions,
): Promise<StagedBlob> {
	if (source instanceof Uint8Array && source.byteLength <= options.inlineLimit) {
		return stageInline(source, options.maxBytes);
	}
	const { ref, inline } = await spool(source, options, async (file, path, sha256) => {
		await file.sync();
		await publish(path, sha256, options);
	});
	return { ref, inline };
}

/** The same for a while only: the temporary file is what there is, and nothing is synced. */
export async function scratchBlob(
	source: AsyncIterable<Uint8Array>,
	options: SpoolOptions,
): Promise<{ ref: BlobRef; inline: Uint8Array | null; path: string | null }> {
	let path: string | null = null;
	const spooled = await spool(source, options, (_file, written) => {
		path = written;
		return Promise.resolve();
	});
	return { ...spooled, path };
}

/** @param finish takes over the temporary file once all is in it; if it throws, the file is removed */
async function spool(
	source: AsyncIterable<Uint8Array> | Uint8Array,
	options: SpoolOptions,
	finish: (file: FileHandle, path: string, sha256: string) => Promise<void>,
): Promise<{ ref: BlobRef; inline: Uint8Array | null }> {
	const hash = createHash('sha256');
	const pending: Uint8Array[] = [];
	let pendingSize = 0;
	let size = 0;
	let file: FileHandle | null = null;
	let temporaryFile = '';
	const openFile = async (): Promise<FileHandle> => {
		temporaryFile = options.temporaryFile();
		return open(temporaryFile, 'wx', 0o600);
	};
	try {
		for await (const chunk of source instanceof Uint8Array ? [source] : source) {
			size += chunk.byteLength;
			if (size > options.maxBytes) throw tooLarge(options.maxBytes);
			hash.update(chunk);
			pending.push(chunk);
			pendingSize += chunk.byteLength;
			if (size <= options.inlineLimit || pendingSize < WRITE_SIZE) continue;
			file ??= await openFile();
			await file.appendFile(Buffer.concat(pending));
			pending.length = pendingSize = 0;
		}
		const ref = { sha256: hash.digest('hex'), size };
		if (size <= options.inlineLimit) return { ref, inline: Buffer.concat(pending) };
		file ??= await openFile();
		if (pendingSize > 0) await file.appendFile(Buffer.concat(pending));
		await finish(file, temporaryFile, ref.sha256);
		return { ref, inline: null };
	} catch (error) {
		if (file !== null) await rm(temporaryFile, { force: true });
		throw storageFull(error) ?? error;
	} finally {
		await file?.close();
	}
}

/** What is in memory already and stays there: nearly every result, so at no more cost than the hash. */
function stageInline(bytes: Uint8Array, maxBytes: number): StagedBlob {
	if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
	return { ref: { sha256: hashOf('sha256', bytes), size: bytes.byteLength }, inline: bytes };
}

async function publish(
	temporaryFile: string,
	sha256: string,
	{ root, pathOf }: StageOptions,
): Promise<void> {
	const path = pathOf(sha256);
	const made = await mkdir(dirname(path), { recursive: true });
	if (made !== undefined) await syncFolder(root);
	await rename(temporaryFile, path);
	await syncFolder(dirname(path));
}

async function syncFolder(folder: string): Promise<void> {
	const handle = await open(folder, 'r');
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

function tooLarge(maxBytes: number): CapError {
	return new CapError('RESULT_TOO_LARGE', `expected at most ${maxBytes} bytes, got more`);
}

function storageFull(error: unknown): CapError | null {
	const { code } = error as NodeJS.ErrnoException;
	if (code !== 'ENOSPC' && code !== 'EDQUOT') return null;
	return new CapError('STORAGE_FULL', 'no room left on the disk of the data folder', {
		retry: 'later',
		cause: error,
	});
}

import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';

import { type Binary, GridFSBucket, type ObjectId } from 'mongodb';
import type { GridFSBucketWriteStream } from 'mongodb';

import { CapError } from '../../contract/errors.ts';
import type { BlobRef } from '../../contract/result.ts';
import type { BlobStore, ByteRange, ScratchBlob, StagedBlob } from '../blob.port.ts';
import { createScratchFolder } from '../files/scratch-folder.ts';
import { scratchBlob } from '../files/stage-blob.ts';
import type { Context } from './context.ts';
import type { Doc } from './documents.ts';

/**
 * Bytes by their hash: small ones in the document of the blob, larger ones in GridFS (`files.files`,
 * `files.chunks`), written and acknowledged by a majority before `stage` returns. A file belongs to the blob whose
 * document names it; one that no document names was left half written.
 */
export interface MongoBlobs extends BlobStore {
	/** Makes the folder for what is not to be kept, and removes those of processes that are gone. */
	prepare(): Promise<void>;
	close(): Promise<void>;
	/**
	 * Removes blobs that no record refers to, and were not touched within the last hour: those named, some of all (others
	 * at each call), or all. @returns how many
	 */
	sweep(hashes: readonly string[] | 'some' | 'all'): Promise<number>;
	/** Blobs whose files are missing or cut. */
	missing(): Promise<number>;
}

const INLINE_LIMIT = 16_384;
const GRACE = 3_600_000;
const READ_SIZE = 262_144;
const CHUNK = 261_120;
/** How many of the blobs that are there one sweep looks at. */
const SWEPT = 500;

export function createBlobs(
	{ db, clock }: Pick<Context, 'db' | 'clock'>,
	folder: string,
): MongoBlobs {
	const scratchFolder = createScratchFolder(folder);
	const temporary = scratchFolder.path;
	let position = '';

	const bucket = (): GridFSBucket =>
		new GridFSBucket(db.db(), { bucketName: 'files', chunkSizeBytes: CHUNK });

	async function docOf(sha256: string): Promise<Doc | null> {
		return db.run(async () => db.of('blobs').findOne({ _id: String(sha256) }));
	}

	async function* open(ref: BlobRef, range?: ByteRange): AsyncIterable<Uint8Array> {
		const start = range?.start ?? 0;
		const end = Math.min(range?.end ?? ref.size - 1, ref.size - 1);
		if (start > end) return;
		const doc = await docOf(ref.sha256);
		if (doc === null) throw notFound(ref);
		const { bytes, file } = doc as { bytes?: Binary; file?: ObjectId };
		if (file === undefined) {
			if (bytes === undefined) throw notFound(ref);
			yield bytes.buffer.subarray(0, bytes.length()).subarray(start, end + 1);
			return;
		}
		const stream = bucket().openDownloadStream(file, { start, end: end + 1 });
		let read = 0;
		try {
			for await (const chunk of stream as AsyncIterable<Uint8Array>) {
				read += chunk.byteLength;
				yield chunk;
			}
		} catch (error) {
			if (/FileNotFound|ChunkIsMissing/.test(String(error))) throw notFound(ref, error);
			throw error;
		}
		if (read !== end + 1 - start) throw notFound(ref);
	}

	/** Into a new file; who finds that the blob is there already drops it. */
	async function keep(ref: BlobRef, file: ObjectId): Promise<void> {
		const { sha256, size } = ref;
		const touchedAt = clock.now();
		await db.run(async () =>
			db
				.of('blobs')
				.updateOne(
					{ _id: sha256 },
					{ $max: { touchedAt }, $setOnInsert: { size, file } },
					{ upsert: true },
				),
		);
		const doc = await docOf(sha256);
		if (String(doc?.['file']) !== String(file)) await bucket().delete(file);
	}

	async function stage(
		source: AsyncIterable<Uint8Array> | Uint8Array,
		{ maxBytes }: { maxBytes: number },
	): Promise<StagedBlob> {
		const hash = createHash('sha256');
		const pending: Uint8Array[] = [];
		let size = 0;
		let upload: GridFSBucketWriteStream | null = null;
		try {
			for await (const chunk of source instanceof Uint8Array ? [source] : source) {
				size += chunk.byteLength;
				if (size > maxBytes) {
					throw new CapError('RESULT_TOO_LARGE', `expected at most ${maxBytes} bytes, got more`);
				}
				hash.update(chunk);
				pending.push(chunk);
				if (size <= INLINE_LIMIT) continue;
				upload ??= bucket().openUploadStream(randomUUID());
				await put(upload, Buffer.concat(pending.splice(0)));
			}
			const ref = { sha256: hash.digest('hex'), size };
			if (upload === null) return { ref, inline: Buffer.concat(pending) };
			await finish(upload);
			await keep(ref, upload.id);
			return { ref, inline: null };
		} catch (error) {
			if (upload !== null) await upload.abort().catch(() => undefined);
			throw error;
		}
	}

	async function isReferenced(sha256: string): Promise<boolean> {
		for (const name of ['results', 'artifacts', 'deliveries'] as const) {
			if ((await db.run(async () => db.of(name).findOne({ sha256 }))) !== null) return true;
		}
		return false;
	}

	async function remove(doc: Doc): Promise<number> {
		const before = clock.now() - GRACE;
		if (Number(doc['touchedAt'] ?? 0) > before || (await isReferenced(doc._id))) return 0;
		// Not when a write that will name it has touched it meanwhile.
		const { deletedCount } = await db.run(async () =>
			db.of('blobs').deleteOne({ _id: doc._id, touchedAt: { $lte: before } }),
		);
		if (deletedCount === 1 && doc['file'] !== undefined) {
			await bucket()
				.delete(doc['file'] as ObjectId)
				.catch(() => undefined);
		}
		return deletedCount;
	}

	/** Files that were left half written: no document names them. */
	async function sweepFiles(): Promise<number> {
		const old = new Date(clock.now() - GRACE * 24);
		let removed = 0;
		for (const file of await bucket()
			.find({ uploadDate: { $lt: old }, 'metadata.checked': null })
			.limit(50)
			.toArray()) {
			const named = await db.run(async () => db.of('blobs').findOne({ file: file._id }));
			if (named === null) {
				await bucket().delete(file._id);
				removed++;
			} else {
				const files = db.db().collection('files.files');
				await files.updateOne({ _id: file._id }, { $set: { 'metadata.checked': true } });
			}
		}
		return removed;
	}

	/** Those after the last that was looked at. */
	async function sweepNext(): Promise<number> {
		let removed = 0;
		const filter = { _id: { $gt: position } };
		const docs = await db.run(async () =>
			db
				.of('blobs')
				.find(filter)
				.sort({ _id: 1 })
				.limit(SWEPT)
				.project<Doc>({ bytes: 0 })
				.toArray(),
		);
		position = docs.length < SWEPT ? '' : (docs.at(-1)?._id ?? '');
		for (const doc of docs) removed += await remove(doc);
		return removed + (await sweepFiles());
	}

	return {
		inlineLimit: INLINE_LIMIT,

		async prepare() {
			await mkdir(temporary, { recursive: true });
			scratchFolder.clean();
		},
		async close() {
			scratchFolder.remove();
			await Promise.resolve();
		},

		stage,
		open,
		lend: open,

		async read(ref) {
			const parts: Uint8Array[] = [];
			for await (const part of open(ref)) parts.push(part);
			if (parts.length === 0 && ref.size === 0 && (await docOf(ref.sha256)) === null) {
				throw notFound(ref);
			}
			return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
		},

		async scratch(source, { maxBytes }) {
			const { ref, inline, path } = await scratchBlob(source, {
				maxBytes,
				inlineLimit: INLINE_LIMIT,
				temporaryFile: () => join(temporary, randomUUID()),
			});
			return scratchOf(ref, inline, path);
		},

		async sweep(hashes) {
			let removed = 0;
			if (hashes === 'some') return sweepNext();
			if (hashes === 'all') {
				position = '';
				do removed += await sweepNext();
				while (position !== '');
				return removed;
			}
			for (const sha256 of new Set(hashes)) {
				const doc = await docOf(sha256);
				if (doc !== null) removed += await remove(doc);
			}
			return removed;
		},

		async missing() {
			let missing = 0;
			const files = db.db().collection('files.files');
			for await (const doc of db.of('blobs').find({ size: { $gt: INLINE_LIMIT } })) {
				const file = await files.findOne({ _id: doc['file'] as ObjectId });
				const chunks = await db
					.db()
					.collection('files.chunks')
					.countDocuments({ files_id: doc['file'] });
				const whole = file !== null && file['length'] === doc['size'];
				if (!whole || chunks !== Math.ceil(Number(doc['size']) / CHUNK)) missing++;
			}
			return missing;
		},
	};
}

async function put(upload: GridFSBucketWriteStream, bytes: Uint8Array): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		upload.once('error', reject);
		upload.write(bytes, (error) => {
			upload.off('error', reject);
			if (error) reject(error);
			else resolve();
		});
	});
}

async function finish(upload: GridFSBucketWriteStream): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		upload.once('error', reject);
		upload.end(() => {
			upload.off('error', reject);
			resolve();
		});
	});
}

function scratchOf(ref: BlobRef, bytes: Uint8Array | null, path: string | null): ScratchBlob {
	if (bytes === null && path !== null) {
		return {
			ref,
			open: (range) =>
				createReadStream(path, { ...range, highWaterMark: READ_SIZE }) as AsyncIterable<Uint8Array>,
			dispose: async () => rm(path, { force: true }),
		};
	}
	return {
		ref,
		async *open({ start, end } = { start: 0, end: ref.size - 1 }) {
			const wanted = bytes?.subarray(start, end + 1);
			if (wanted !== undefined && wanted.byteLength > 0) yield wanted;
		},
		dispose: () => Promise.resolve(),
	};
}

function notFound(ref: BlobRef, cause?: unknown): CapError {
	return new CapError('NOT_FOUND', `no bytes with sha256 ${ref.sha256} any more`, { cause });
}

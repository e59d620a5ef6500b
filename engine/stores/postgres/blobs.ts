import { createHash, randomUUID } from 'node:crypto';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { BlobRef } from '../../contract/result.ts';
import type { BlobStore, ByteRange, StagedBlob } from '../blob.port.ts';
import type { BlobFiles } from '../files/blob-files.ts';
import type { Database, Queryable } from './database.ts';

/** Up to so many bytes are in the row of the blob itself, in the commit of the record that refers to it. */
const INLINE_LIMIT = 16_384;
/** Every piece but the last has this size, so that a range is found without a look at those before it. */
const PIECE = 262_144;
/** Nobody writes one blob for so long. */
const UPLOAD_GRACE = 86_400_000;

/** Whether no record refers to the blob `b`. */
export const UNREFERENCED = `NOT EXISTS (SELECT 1 FROM results r WHERE r.sha256 = b.sha256)
	AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.sha256 = b.sha256)
	AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.artifactSha256 = b.sha256)`;

/** What was staged within this time stays: its record may be on its way. Milliseconds. */
export const GRACE = 3_600_000;
/** The same, and it was not staged since `$1`. */
export const ABANDONED = `(b.stagedAt IS NULL OR b.stagedAt < $1) AND ${UNREFERENCED}`;

/** A blob store in the database, as every engine sees it. */
export interface BlobTable extends BlobStore {
	/**
	 * Removes blobs that nothing refers to any more: those named, and some of those staged longer ago than an hour.
	 * @returns how many went
	 */
	sweep(unreferenced: readonly string[], limit: number): Promise<number>;
}

/**
 * Blobs in pieces of 256 kB, rows of a table: not PostgreSQL's large objects, which belong to no schema, are left
 * behind by a deleted row, and are not replicated logically. A piece is written by itself, so a large blob holds
 * no transaction open and no lock; the row in `blobs` that makes it readable comes last, and is durable before
 * `stage` returns, and so is everything that was written before it.
 * @param scratch keeps what is needed for a while only on this engine's own disk
 */
export function createBlobTable(options: {
	db: Database;
	clock: Clock;
	scratch: Pick<BlobFiles, 'scratch'>;
}): BlobTable {
	const { db, clock, scratch } = options;

	async function stage(
		source: AsyncIterable<Uint8Array> | Uint8Array,
		{ maxBytes }: { maxBytes: number },
	): Promise<StagedBlob> {
		const upload = new Upload(db, clock);
		try {
			for await (const chunk of source instanceof Uint8Array ? [source] : source) {
				if (upload.size + chunk.byteLength > maxBytes) throw tooLarge(maxBytes);
				await upload.add(chunk);
			}
			return await upload.finish();
		} catch (error) {
			await upload.discard();
			throw error;
		}
	}

	async function* open(ref: BlobRef, range?: ByteRange): AsyncIterable<Uint8Array> {
		const start = range?.start ?? 0;
		const end = Math.min(range?.end ?? ref.size - 1, ref.size - 1);
		if (start > end) return;
		const row = await db.get<[Buffer | null, string | null]>(
			'SELECT bytes, dataId FROM blobs WHERE sha256 = $1',
			[ref.sha256],
		);
		const [bytes, dataId] = row ?? [null, null];
		if (bytes !== null) {
			yield bytes.subarray(start, end + 1);
			return;
		}
		if (dataId === null) throw gone(ref);
		for (let n = Math.floor(start / PIECE); n * PIECE <= end; n++) {
			const piece = await db.get<[Buffer]>(
				'SELECT bytes FROM blob_pieces WHERE dataId = $1 AND n = $2',
				[dataId, n],
			);
			if (piece === undefined) throw gone(ref);
			yield piece[0].subarray(Math.max(0, start - n * PIECE), end + 1 - n * PIECE);
		}
	}

	return {
		inlineLimit: INLINE_LIMIT,
		stage,
		scratch: (source, limits) => scratch.scratch(source, limits),
		open,
		lend: open,

		async read(ref) {
			const parts: Uint8Array[] = [];
			for await (const part of open(ref)) parts.push(part);
			return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
		},

		sweep: (unreferenced, limit) =>
			db.transaction(async (on) => {
				const before = clock.now() - GRACE;
				const removed = await removeBlobs(on, unreferenced, before);
				const old = await on.rows<[string]>(
					'SELECT sha256 FROM blobs WHERE stagedAt < $1 ORDER BY stagedAt LIMIT $2',
					[before, limit],
				);
				const names = old.map(([sha256]) => sha256);
				const more = await removeBlobs(on, names, before);
				// Those that are still there are referred to: from now on whoever refers to them last removes them.
				await on.run(
					'UPDATE blobs SET stagedAt = NULL WHERE sha256 = ANY($1::text[]) AND stagedAt < $2',
					[names, before],
				);
				await removeUploads(on, clock.now() - UPLOAD_GRACE);
				return removed + more;
			}),
	};
}

/**
 * First the locks, then the look: a commit that is about to refer to one of them is waited for or keeps it, and none
 * can begin to before this is over. Those that somebody has in his hands just now stay, and those that were staged again
 * since they were named.
 */
async function removeBlobs(
	on: Queryable,
	names: readonly string[],
	before: number,
): Promise<number> {
	if (names.length === 0) return 0;
	const locked = await on.rows<[string]>(
		'SELECT sha256 FROM blobs WHERE sha256 = ANY($1::text[]) ORDER BY sha256 FOR UPDATE SKIP LOCKED',
		[names],
	);
	const gone = await on.rows<[string | null]>(
		`DELETE FROM blobs b WHERE sha256 = ANY($2::text[]) AND ${ABANDONED} RETURNING dataId`,
		[before, locked.map(([sha256]) => sha256)],
	);
	await on.run('DELETE FROM blob_pieces WHERE dataId = ANY($1::uuid[])', [
		gone.flatMap(([dataId]) => (dataId === null ? [] : [dataId])),
	]);
	return gone.length;
}

/** What a crash left half written. */
async function removeUploads(on: Queryable, before: number): Promise<void> {
	const old = await on.rows<[string]>(
		'DELETE FROM blob_uploads WHERE startedAt < $1 RETURNING dataId',
		[before],
	);
	if (old.length === 0) return;
	await on.run('DELETE FROM blob_pieces WHERE dataId = ANY($1::uuid[])', [old.map(([id]) => id)]);
}

/** One blob on its way into the table. */
class Upload {
	readonly #db: Database;
	readonly #clock: Clock;
	readonly #hash = createHash('sha256');
	readonly #dataId = randomUUID();
	#pending: Uint8Array[] = [];
	#pendingSize = 0;
	#pieces = 0;
	size = 0;

	constructor(db: Database, clock: Clock) {
		this.#db = db;
		this.#clock = clock;
	}

	async add(chunk: Uint8Array): Promise<void> {
		this.size += chunk.byteLength;
		this.#hash.update(chunk);
		this.#pending.push(chunk);
		this.#pendingSize += chunk.byteLength;
		while (this.#pendingSize >= PIECE && this.size > INLINE_LIMIT) await this.#write();
	}

	async finish(): Promise<StagedBlob> {
		const ref = { sha256: this.#hash.digest('hex'), size: this.size };
		if (this.size <= INLINE_LIMIT) return { ref, inline: Buffer.concat(this.#pending) };
		while (this.#pendingSize > 0) await this.#write();
		await this.#db.transaction(async (on) => {
			await on.run('DELETE FROM blob_uploads WHERE dataId = $1', [this.#dataId]);
			// One that is there already is new again, for as long as its record may take.
			const kept = await on.get<[string | null]>(
				`INSERT INTO blobs AS b (sha256, size, dataId, stagedAt) VALUES ($1, $2, $3, $4)
				ON CONFLICT (sha256) DO UPDATE SET stagedAt = excluded.stagedAt RETURNING dataId`,
				[ref.sha256, ref.size, this.#dataId, this.#clock.now()],
			);
			if (kept?.[0] !== this.#dataId) await this.#removePieces(on);
		});
		return { ref, inline: null };
	}

	/** Nothing stays behind; what cannot be removed now goes with retention. */
	async discard(): Promise<void> {
		if (this.#pieces === 0) return;
		await this.#db
			.transaction(async (on) => {
				await on.run('DELETE FROM blob_uploads WHERE dataId = $1', [this.#dataId]);
				await this.#removePieces(on);
			})
			.catch(() => undefined);
	}

	async #removePieces(on: Queryable): Promise<void> {
		await on.run('DELETE FROM blob_pieces WHERE dataId = $1', [this.#dataId]);
	}

	async #write(): Promise<void> {
		if (this.#pieces === 0) {
			await this.#db.run('INSERT INTO blob_uploads (dataId, startedAt) VALUES ($1, $2)', [
				this.#dataId,
				this.#clock.now(),
			]);
		}
		const all = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
		const piece = all.subarray(0, PIECE);
		const rest = all.subarray(piece.byteLength);
		this.#pending = rest.byteLength === 0 ? [] : [rest];
		this.#pendingSize = rest.byteLength;
		await this.#db.run('INSERT INTO blob_pieces (dataId, n, bytes) VALUES ($1, $2, $3)', [
			this.#dataId,
			this.#pieces++,
			piece,
		]);
	}
}

function tooLarge(maxBytes: number): CapError {
	return new CapError('RESULT_TOO_LARGE', `expected at most ${maxBytes} bytes, got more`);
}

function gone({ sha256 }: BlobRef): CapError {
	return new CapError('NOT_FOUND', `no bytes with sha256 ${sha256} any more`);
}

import type { ArtifactRecord, BlobRef, FormatNotice, ResultRecord } from '../../contract/result.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import { TryAgain } from './storage-error.ts';
import type { Transaction } from './transaction.ts';

/** A blob that a record is about to refer to. */
export interface KeptBlob {
	ref: BlobRef;
	inline: Uint8Array | null;
}

interface Results {
	port: Pick<Store, 'getResult' | 'getArtifact' | 'putArtifact' | 'lastDeliveredResult'>;
	/** Inside a write. */
	insertResults(
		tx: Transaction,
		results: readonly { record: ResultRecord; inline: Uint8Array | null }[],
	): void;
	/** Inside a write; does nothing for artifacts that are there. */
	insertArtifacts(
		tx: Transaction,
		artifacts: readonly { record: ArtifactRecord; inline: Uint8Array | null }[],
	): void;
	/** Inside a write: these blobs are there until the commit, and records may refer to them. */
	keepBlobs(tx: Transaction, blobs: readonly KeptBlob[]): void;
}

type ResultRow = [
	id: ResultRecord['id'],
	tenant: string,
	runId: ResultRecord['runId'],
	encoding: ResultRecord['encoding'],
	contentType: string,
	filename: string | null,
	sha256: string,
	size: number,
	rows: number | null,
	columns: string | null,
	createdAt: number,
];

const RESULT = `id, tenant, runId, encoding, contentType, filename, sha256, size, rows, columns, createdAt`;

export function createResults({ db, write }: Context): Results {
	/**
	 * The lock is shared: any number of commits refer to one blob at the same time, and only retention, which
	 * wants it alone, is kept out.
	 */
	function keepBlobs(tx: Transaction, blobs: readonly KeptBlob[]): void {
		if (blobs.length === 0) return;
		const distinct = [...new Map(blobs.map((blob) => [blob.ref.sha256, blob])).values()].sort(
			(a, b) => (a.ref.sha256 < b.ref.sha256 ? -1 : 1),
		);
		const inline = distinct.filter((blob) => blob.inline !== null);
		if (inline.length > 0) {
			tx.later(
				`INSERT INTO blobs (sha256, size, bytes)
				SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])
				ON CONFLICT (sha256) DO NOTHING`,
				[
					inline.map(({ ref }) => ref.sha256),
					inline.map(({ ref }) => ref.size),
					inline.map(({ inline: bytes }) => bytes),
				],
			);
		}
		tx.expect(
			'SELECT 1 FROM blobs WHERE sha256 = ANY($1::text[]) ORDER BY sha256 FOR KEY SHARE',
			[distinct.map(({ ref }) => ref.sha256)],
			(there) => {
				if (there === distinct.length) return;
				// Retention has just taken it away: of a small one there are the bytes to put it there again.
				if (inline.length === distinct.length) throw new TryAgain('a blob was being removed');
				throw new Error('the bytes of a result are not there any more');
			},
		);
	}

	function insertArtifacts(
		tx: Transaction,
		artifacts: readonly { record: ArtifactRecord; inline: Uint8Array | null }[],
	): void {
		if (artifacts.length === 0) return;
		keepBlobs(
			tx,
			artifacts.map(({ record, inline }) => ({ ref: record.blob, inline })),
		);
		const records = artifacts.map(({ record }) => record);
		tx.later(
			`INSERT INTO artifacts (resultId, rendering, tenant, format, contentType, extension, sha256,
				size, notices, createdAt)
			SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
				$7::text[], $8::bigint[], $9::text[], $10::bigint[])
			ON CONFLICT (resultId, rendering) DO NOTHING`,
			[
				records.map(({ resultId }) => resultId),
				records.map(({ rendering }) => rendering),
				records.map(({ tenant }) => tenant),
				records.map(({ format }) => format),
				records.map(({ contentType }) => contentType),
				records.map(({ extension }) => extension),
				records.map(({ blob }) => blob.sha256),
				records.map(({ blob }) => blob.size),
				records.map(({ notices }) => (notices === undefined ? null : JSON.stringify(notices))),
				records.map(({ createdAt }) => createdAt),
			],
		);
	}

	return {
		port: {
			async getResult(tenant, id) {
				const row = await db.get<ResultRow>(
					`SELECT ${RESULT} FROM results WHERE id = $1 AND tenant = $2`,
					[id, tenant],
				);
				return row === undefined ? null : resultOf(row);
			},

			async getArtifact(tenant, resultId, rendering) {
				const row = await db.get<[string, string, string, string, number, string | null, number]>(
					`SELECT format, contentType, extension, sha256, size, notices, createdAt FROM artifacts
					WHERE resultId = $1 AND rendering = $2 AND tenant = $3`,
					[resultId, rendering, tenant],
				);
				if (row === undefined) return null;
				const [format, contentType, extension, sha256, size, notices, createdAt] = row;
				return {
					tenant,
					resultId,
					rendering,
					format,
					contentType,
					extension,
					blob: { sha256, size },
					...(notices === null ? {} : { notices: JSON.parse(notices) as FormatNotice[] }),
					createdAt,
				};
			},

			putArtifact: (artifact, inline, events = []) =>
				write(async (tx) => {
					const { resultId, rendering } = artifact;
					// One after another, so that of two engines that render the same, one writes and tells of it.
					await tx.run('SELECT pg_advisory_xact_lock(hashtextextended($1, 3))', [
						`${resultId} ${rendering}`,
					]);
					const there = await tx.get(
						'SELECT 1 FROM artifacts WHERE resultId = $1 AND rendering = $2',
						[resultId, rendering],
					);
					if (there !== undefined) return;
					insertArtifacts(tx, [{ record: artifact, inline }]);
					tx.events(events);
				}),

			async lastDeliveredResult(tenant, scheduleId, targetKey) {
				const row = await db.get<[string | null]>(
					`SELECT deliveredSha256 FROM targets
					WHERE scheduleId = $1 AND targetKey = $2 AND tenant = $3`,
					[scheduleId, targetKey, tenant],
				);
				return row?.[0] ?? null;
			},
		},

		insertResults(tx, results) {
			if (results.length === 0) return;
			keepBlobs(
				tx,
				results.map(({ record, inline }) => ({ ref: record.blob, inline })),
			);
			const records = results.map(({ record }) => record);
			tx.later(
				`INSERT INTO results (${RESULT}) SELECT * FROM unnest($1::text[], $2::text[], $3::text[],
					$4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::text[],
					$11::bigint[])`,
				[
					records.map(({ id }) => id),
					records.map(({ tenant }) => tenant),
					records.map(({ runId }) => runId),
					records.map(({ encoding }) => encoding),
					records.map(({ contentType }) => contentType),
					records.map(({ filename }) => filename ?? null),
					records.map(({ blob }) => blob.sha256),
					records.map(({ blob }) => blob.size),
					records.map(({ rows }) => rows ?? null),
					records.map(({ columns }) => (columns === undefined ? null : JSON.stringify(columns))),
					records.map(({ createdAt }) => createdAt),
				],
			);
		},

		insertArtifacts,
		keepBlobs,
	};
}

function resultOf(row: ResultRow): ResultRecord {
	const [id, tenant, runId, encoding, contentType, filename, sha256, size, rows, columns, at] = row;
	return {
		id,
		tenant,
		runId,
		encoding,
		contentType,
		...(filename === null ? {} : { filename }),
		blob: { sha256, size },
		...(rows === null ? {} : { rows }),
		...(columns === null
			? {}
			: { columns: JSON.parse(columns) as ResultRecord['columns'] & object }),
		createdAt: at,
	};
}

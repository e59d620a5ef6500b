import type { ArtifactRecord, BlobRef, FormatNotice, ResultRecord } from '../../contract/result.ts';
import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';

interface Results {
	port: Pick<Store, 'getResult' | 'getArtifact' | 'putArtifact' | 'lastDeliveredResult'>;
	/** Inside a write. */
	insertResult(record: ResultRecord, inline: Uint8Array | null): void;
	/** Inside a write; does nothing when the artifact is there. @returns whether it was not */
	insertArtifact(record: ArtifactRecord, inline: Uint8Array | null): boolean;
	/** Inside a write: a record more that refers to the blob. */
	keepBlob(ref: BlobRef, inline: Uint8Array | null): void;
	/** Inside a write: a record less. @returns whether it was the last, and the blob was in a file */
	dropBlob(sha256: string): boolean;
	inlineBytes: (sha256: string) => Uint8Array | null;
	isReferenced: (sha256: string) => boolean;
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

export function createResults({ db, write }: Context): Results {
	function keepBlob(ref: BlobRef, inline: Uint8Array | null): void {
		db.sql(
			`INSERT INTO blobs (sha256, size, refs, bytes) VALUES (?, ?, 1, ?)
			ON CONFLICT (sha256) DO UPDATE SET refs = refs + 1`,
		).run(ref.sha256, ref.size, inline);
	}

	function dropBlob(sha256: string): boolean {
		const left = db
			.rows<[refs: number, inFile: number]>(
				'UPDATE blobs SET refs = refs - 1 WHERE sha256 = ? RETURNING refs, bytes IS NULL',
			)
			.get(sha256);
		if (left === undefined || left[0] > 0) return false;
		db.sql('DELETE FROM blobs WHERE sha256 = ?').run(sha256);
		return left[1] === 1;
	}

	function insertArtifact(artifact: ArtifactRecord, inline: Uint8Array | null): boolean {
		const { tenant, resultId, rendering, format, contentType, extension, blob, createdAt } =
			artifact;
		const notices = artifact.notices === undefined ? null : JSON.stringify(artifact.notices);
		const { changes } = db
			.sql(
				`INSERT OR IGNORE INTO artifacts
				(resultId, rendering, tenant, format, contentType, extension, sha256, size, notices, createdAt)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			)
			.run(
				resultId,
				rendering,
				tenant,
				format,
				contentType,
				extension,
				blob.sha256,
				blob.size,
				notices,
				createdAt,
			);
		if (changes === 1) keepBlob(blob, inline);
		return changes === 1;
	}

	return {
		port: {
			async getResult(tenant, id) {
				const row = db
					.rows<ResultRow>(
						`SELECT id, tenant, runId, encoding, contentType, filename, sha256, size, rows, columns,
						createdAt
					FROM results WHERE id = ? AND tenant = ?`,
					)
					.get(id, tenant);
				return row === undefined ? null : resultOf(row);
			},

			async getArtifact(tenant, resultId, rendering) {
				const row = db
					.rows<[string, string, string, string, number, string | null, number]>(
						`SELECT format, contentType, extension, sha256, size, notices, createdAt FROM artifacts
					WHERE resultId = ? AND rendering = ? AND tenant = ?`,
					)
					.get(resultId, rendering, tenant);
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
				write((tx) => {
					if (insertArtifact(artifact, inline)) tx.events(events);
				}),

			async lastDeliveredResult(tenant, scheduleId, targetKey) {
				const row = db
					.rows<[string | null]>(
						'SELECT deliveredSha256 FROM targets WHERE scheduleId = ? AND targetKey = ? AND tenant = ?',
					)
					.get(scheduleId, targetKey, tenant);
				return row?.[0] ?? null;
			},
		},

		insertResult(record, inline) {
			const { id, tenant, runId, encoding, contentType, filename, blob, rows, columns } = record;
			db.sql(
				`INSERT INTO results
				(id, tenant, runId, encoding, contentType, filename, sha256, size, rows, columns, createdAt)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			).run(
				id,
				tenant,
				runId,
				encoding,
				contentType,
				filename ?? null,
				blob.sha256,
				blob.size,
				rows ?? null,
				columns === undefined ? null : JSON.stringify(columns),
				record.createdAt,
			);
			keepBlob(blob, inline);
		},

		insertArtifact,
		keepBlob,
		dropBlob,

		inlineBytes(sha256) {
			return (
				db.rows<[Uint8Array | null]>('SELECT bytes FROM blobs WHERE sha256 = ?').get(sha256)?.[0] ??
				null
			);
		},

		isReferenced(sha256) {
			return db.rows('SELECT 1 FROM blobs WHERE sha256 = ?').get(sha256) !== undefined;
		},
	};
}

function resultOf(row: ResultRow): ResultRecord {
	const [
		id,
		tenant,
		runId,
		encoding,
		contentType,
		filename,
		sha256,
		size,
		rows,
		columns,
		createdAt,
	] = row;
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
		createdAt,
	};
}

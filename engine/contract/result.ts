import type { DeclaredColumn } from './envelope.ts';
import type { ResultId, RunId } from './ids.ts';
import type { Instant } from './time.ts';

/**
 * How the bytes of a result are kept.
 * - `ndjson`: rows, one JSON object a line
 * - `csv`: rows as the capability sent them, RFC 4180 with a header line, UTF-8
 * - `json`: one JSON value, UTF-8; an array or `{ rows }` also counts as rows, `null` as none
 * - `bytes`: anything else, passed through untouched
 */
export type ResultEncoding = 'ndjson' | 'csv' | 'json' | 'bytes';

/** Bytes in the blob store, addressed by content. */
export interface BlobRef {
	/** Lower-case hexadecimal. */
	sha256: string;
	size: number;
}

export interface ResultRecord {
	id: ResultId;
	tenant: string;
	runId: RunId;
	encoding: ResultEncoding;
	/** The media type that the capability declared, or the one of the encoding. */
	contentType: string;
	/** Given when the capability named a file in Content-Disposition. */
	filename?: string;
	blob: BlobRef;
	/** Number of rows where it is known; `json` values that are no rows have none. */
	rows?: number;
	columns?: DeclaredColumn[];
	createdAt: Instant;
}

/** A result rendered in one format with one set of options. */
export interface ArtifactRecord {
	tenant: string;
	resultId: ResultId;
	/** SHA-256 of the format's name and its canonical options. */
	rendering: string;
	format: string;
	contentType: string;
	extension: string;
	blob: BlobRef;
	createdAt: Instant;
}

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

/**
 * What a file does not show of its result, or shows otherwise, because a limit of its format was met.
 * It stands in the file, the receipt and an event; it never holds data of the result.
 */
export type FormatNotice = {
	code: NoticeCode;
	/** One sentence for people. */
	message: string;
	table?: string;
	column?: string;
	/** How many rows, cells or columns it concerns; parts, for `split`. */
	count: number;
	/** The limit that was met. */
	limit?: number;
};

/**
 * - `rows_truncated`, `columns_truncated`: rows or columns beyond the limit are not in the file
 * - `columns_undeclared`: keys of rows that neither the declared columns nor a closed schema name
 * - `cells_truncated`: cells longer than the limit were cut
 * - `split`: the rows are spread over several sheets or files
 * - `chart_reduced`: a chart shows less than its rows, or could not be drawn
 * - `values_changed`: values that the format cannot hold were written as others, as its type table says
 */
export const NOTICE_CODES = [
	'rows_truncated',
	'columns_truncated',
	'columns_undeclared',
	'cells_truncated',
	'split',
	'values_changed',
	'chart_reduced',
] as const;
export type NoticeCode = (typeof NOTICE_CODES)[number];

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
	/** Absent: the file shows all of the result. */
	notices?: FormatNotice[];
	createdAt: Instant;
}

import type { z } from 'zod';

import type { DeclaredColumn, Row } from '../contract/envelope.ts';
import type { JsonObject } from '../contract/json.ts';
import type { FormatNotice, ResultEncoding } from '../contract/result.ts';

/** What a report says about itself. Instants are ISO 8601; nothing here names a machine. */
export interface ReportMeta {
	title: string;
	capability: string;
	action: string;
	/** Null where no run brought it: what was handed in to be formatted. */
	runId: string | null;
	parameters: JsonObject;
	nominalAt: string | null;
	window: { start: string | null; end: string } | null;
	timeZone: string;
	/** When the result came: not "now", so that the same result gives the same bytes. */
	resultAt: string;
}

/** One of the result sets of a result that has several. */
export interface ResultTable {
	/** Unique in the result, never empty. */
	name: string;
	columns: readonly DeclaredColumn[] | undefined;
	/** As those of the input. */
	rows(): AsyncIterable<readonly Row[]>;
}

/** A result as formats see it. */
export interface FormatInput {
	/** Rows in batches, from the first, as often as asked for. Batches keep the cost of a row low. */
	rows(): AsyncIterable<readonly Row[]>;
	/** The stored bytes untouched. */
	bytes(): AsyncIterable<Uint8Array>;
	/** Whether the result is bytes that are no rows. */
	binary: boolean;
	/** How `bytes()` is kept: a format may pass on what already has its form. */
	encoding: ResultEncoding;
	/** The media type of `bytes()`. */
	contentType: string;
	/** Columns that the capability declared beside its rows, in order: what they leave out is not shown. */
	columns: readonly DeclaredColumn[] | undefined;
	/** JSON Schema of the result, or of one row of it, that the manifest of the action declares. */
	schema?: JsonObject;
	/** The result sets of a result that is made of such; `rows()` is then the result as one value. */
	tables?: readonly ResultTable[];
	/** Takes what the file does not show, or shows otherwise; the receipt and an event carry it on. */
	notice?(notice: FormatNotice): void;
	meta: ReportMeta;
}

/** A format: rows in, a file out, streamed. One folder each. Pure but for the streams. */
export interface Format {
	readonly name: string;
	readonly title: string;
	readonly contentType: string;
	/** Without the dot. */
	readonly extension: string;
	readonly abilities: {
		/** Takes rows; formats that do not only take `binary` input. */
		rows: boolean;
		/** Takes bytes that are no rows. */
		binary: boolean;
		/** What several result sets become; a `zip` holds a file for each. */
		tables: 'sheets' | 'sections' | 'zip' | 'untouched';
	};
	/** Limits that users should know, by name. */
	readonly limits: Readonly<Record<string, number>>;
	readonly options: z.ZodType;
	/** The content type and extension where they depend on options or input; default those above. */
	describe?(
		input: Pick<FormatInput, 'binary' | 'contentType' | 'tables'>,
		options: unknown,
	): { contentType: string; extension: string };
	/** Memory stays flat in the number of rows; stopping the iteration frees everything. */
	render(input: FormatInput, options: unknown): AsyncIterable<Uint8Array>;
}

export interface FormatRegistry {
	get(name: string): Format | undefined;
	list(): readonly Format[];
}

/** Bytes from `start` to `end`, both included. */
export interface ByteRange {
	start: number;
	end: number;
}

/** A stored result, to be read as often as asked for. */
export interface StoredBytes {
	encoding: ResultEncoding;
	open(range?: ByteRange): AsyncIterable<Uint8Array>;
}

/** Reads a stored result as rows, in batches. */
export type ReadRows = (
	stored: Pick<StoredBytes, 'encoding'> & { open(): AsyncIterable<Uint8Array> },
) => () => AsyncIterable<readonly Row[]>;

/** Finds the result sets of a stored result that is made of such; undefined for every other result. */
export type FindTables = (stored: StoredBytes) => Promise<readonly ResultTable[] | undefined>;

import { CapError } from '../../contract/errors.ts';
import type { Row } from '../../contract/envelope.ts';
import type { ResultEncoding } from '../../contract/result.ts';
import type { ReadRows } from '../format.port.ts';
import { readCsv } from './csv.ts';
import { readJson } from './json.ts';
import { readNdjson } from './ndjson.ts';

export { findTables } from './tables.ts';

const READERS: Record<
	ResultEncoding,
	(source: AsyncIterable<Uint8Array>) => AsyncIterable<readonly Row[]>
> = {
	ndjson: readNdjson,
	csv: readCsv,
	json: readJson,
	bytes: refuse,
};

/**
 * How a stored result is read as rows, in batches, as often as asked for; memory is bounded by the
 * largest row. Integers beyond 2^53 come as `JSON.rawJSON` (see shared/exact-json.ts).
 * The iteration throws CapError RESULT_INVALID (naming line or element), RESULT_TOO_LARGE (one row beyond
 * 64 MiB) and, for `bytes`, FORMAT_UNSUITABLE.
 */
export const createRowReader: ReadRows = (stored) => () => READERS[stored.encoding](stored.open());

// eslint-disable-next-line require-yield
async function* refuse(): AsyncGenerator<readonly Row[]> {
	throw new CapError('FORMAT_UNSUITABLE', 'result: expected rows, got bytes that are none');
}

import { TextDecoder } from 'node:util';

import { CapError } from '../../contract/errors.ts';
import type { JsonValue } from '../../contract/json.ts';
import type { ReadAnswer, ResultBody, SessionCall, SessionOutcome } from '../session.port.ts';
import { failedWith, tooLarge } from '../shared/failure.ts';
import { rowsIn } from '../shared/rows-in.ts';
import { onlyUtf8, readUtf8 } from '../shared/utf8.ts';
import type { ContentKind } from './content.ts';
import { filenameOf, kindOf } from './content.ts';

import { CsvRecords } from './csv.ts';
import { codingsOf, decoded, limited } from './decode.ts';
import { EnvelopeStream } from './envelope-stream.ts';
import { parseExactly, readEnvelope, readTable } from './envelope.ts';
import type { AsTheyCame } from './envelope.ts';
import type { Answer } from './exchange.ts';
import { JSON_HELD } from './exchange.ts';
import { RowLines } from './ndjson.ts';

const NULL = Buffer.from('null');

/**
 * What a 2xx answer means: its body as a result, or what its envelope says; at once when it is here in whole.
 * @throws CapError, or rejects with one, when the body cannot be a result
 */
export function readResult(
	answer: Answer,
	call: SessionCall,
	{ envelopes }: { envelopes: boolean },
): SessionOutcome | Promise<SessionOutcome> {
	const reading: Reading = { kind: kindOf(answer.headers['content-type']), envelopes };
	const header = answer.headers['content-encoding'];
	const codings = codingsOf(typeof header === 'string' ? header : header?.[0]);
	if (answer.bytes === null || codings.length > 0) {
		return readCoded(answer, call, { reading, codings });
	}
	if (answer.bytes.length > call.maxResultBytes) throw tooLarge(call.maxResultBytes);
	return named(answer, readWhole(answer.bytes, reading));
}

function named({ headers }: Answer, outcome: SessionOutcome): SessionOutcome {
	const filename = filenameOf(headers['content-disposition']);
	if (outcome.kind === 'result' && filename !== undefined) outcome.body.filename = filename;
	return outcome;
}

interface Reading {
	kind: ContentKind;
	/** Whether JSON may be a ResponseEnvelope. */
	envelopes: boolean;
	/** Whether JSON may be `{ rows, columns }` without one. */
	tables?: boolean;
}

/** A body that is still coming, or has codings to be taken off. */
async function readCoded(
	answer: Answer,
	call: SessionCall,
	{ reading, codings }: { reading: Reading; codings: readonly string[] },
): Promise<SessionOutcome> {
	const source = answer.stream ?? one(answer.bytes);
	try {
		const length = Number(answer.headers['content-length'] ?? 0);
		if (codings.length === 0 && length > call.maxResultBytes) throw tooLarge(call.maxResultBytes);
		return named(answer, await readStream(limited(decoded(source, codings), call), reading));
	} catch (error) {
		await answer.stream?.return();
		throw error;
	}
}

async function readStream(body: AsyncGenerator<Buffer>, reading: Reading): Promise<SessionOutcome> {
	if (reading.kind.encoding !== 'json')
		return { kind: 'result', body: streamBody(body, reading.kind) };
	const held = await hold(body, JSON_HELD);
	if (held.whole) return readWhole(held.bytes, reading);
	return readLargeJson(held.rest, reading);
}

/** What a capability sends by a callback: an envelope, or the result itself in any content type. */
export const readAnswer: ReadAnswer = async ({ contentType, source }, limits) => {
	try {
		const reading = { kind: kindOf(contentType), envelopes: true };
		return await readStream(limited(buffers(source), limits), reading);
	} catch (error) {
		if (error instanceof CapError) return failedWith(error);
		throw error;
	}
};

/** What somebody hands in to be formatted or delivered: rows, a value or bytes, and never an envelope. */
export const readUpload: ReadAnswer = async ({ contentType, source }, limits) => {
	try {
		const reading = { kind: kindOf(contentType), envelopes: false, tables: true };
		return await readStream(limited(buffers(source), limits), reading);
	} catch (error) {
		if (error instanceof CapError) return failedWith(error);
		throw error;
	}
};

async function* buffers(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
	for await (const chunk of source) {
		yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
	}
}

function readWhole(bytes: Buffer, reading: Reading): SessionOutcome {
	const { kind } = reading;
	if (kind.encoding === 'json') return readJson(bytes, reading);
	if (bytes.length === 0 && kind.encoding === 'bytes') return jsonResult(NULL, 0);
	if (kind.encoding === 'bytes') {
		return {
			kind: 'result',
			body: { encoding: 'bytes', contentType: kind.contentType, source: bytes },
		};
	}
	return { kind: 'result', body: streamBody(one(bytes), kind) };
}

function readJson(bytes: Buffer, { envelopes, tables = false }: Reading): SessionOutcome {
	if (bytes.length === 0) return jsonResult(NULL, 0);
	const text = readUtf8(bytes);
	let value: JsonValue;
	try {
		value = envelopes || tables ? parseExactly(text) : (JSON.parse(text) as JsonValue);
	} catch (error) {
		const message = error instanceof SyntaxError ? error.message : 'it cannot be parsed';
		throw new CapError('RESULT_INVALID', `the JSON is wrong: ${message}`, { cause: error });
	}
	const asTheyCame: AsTheyCame = (rows, written) => {
		const body = one(Buffer.from(text));
		return rowsOf(envelopes ? body : asResult(body), { count: rows.length, written });
	};
	const told = envelopes
		? readEnvelope(value, asTheyCame)
		: tables
			? readTable(value, asTheyCame)
			: undefined;
	if (told !== undefined) return told;
	const plain = text.length === bytes.length || bytes[0] !== 0xef;
	return jsonResult(plain ? bytes : Buffer.from(text), rowsIn(value));
}

/** Rows as the text has them; where its envelope is in another form than that of large ones, as they are written. */
async function* rowsOf(
	envelope: AsyncIterable<Buffer>,
	{ count, written }: { count: number; written: Buffer },
): AsyncGenerator<Buffer> {
	const stream = new EnvelopeStream();
	const lines: Buffer[] = [];
	try {
		for await (const line of stream.read(envelope)) lines.push(line);
	} catch (error) {
		if (!(error instanceof CapError)) throw error;
	}
	yield stream.kind === 'rows' && stream.rows === count ? Buffer.concat(lines) : written;
}

function jsonResult(source: Buffer | AsyncIterable<Buffer>, rows?: number): SessionOutcome {
	const body: ResultBody = { encoding: 'json', contentType: 'application/json', source };
	if (rows !== undefined) body.rows = () => rows;
	return { kind: 'result', body };
}

function streamBody(source: AsyncIterable<Buffer>, kind: ContentKind): ResultBody {
	const { encoding, contentType } = kind;
	if (encoding === 'bytes') return { encoding, contentType, source };
	const text = onlyUtf8(recoded(source, kind.charset));
	if (encoding === 'csv') {
		const records = new CsvRecords();
		return {
			encoding,
			contentType,
			source: records.check(text),
			rows: () => records.rows,
			get columns() {
				return records.columns!;
			},
		};
	}
	const lines = new RowLines();
	return { encoding, contentType, source: lines.check(text), rows: () => lines.rows };
}

async function readLargeJson(
	source: AsyncIterable<Buffer>,
	reading: Reading,
): Promise<SessionOutcome> {
	const stream = new EnvelopeStream();
	if (!reading.envelopes && reading.tables !== true) stream.kind = 'plain';
	const text = onlyUtf8(source);
	const bytes = stream.read(reading.tables === true ? asResult(text) : text);
	// what it is shows before its first byte comes out
	const first = await bytes.next();
	const rest = chain(first, bytes);
	if (stream.kind !== 'rows') return jsonResult(rest);
	return {
		kind: 'result',
		body: {
			encoding: 'ndjson',
			contentType: 'application/x-ndjson',
			source: rest,
			rows: () => stream.rows,
			// may stand behind the rows: known when the source was read, undefined when there were none
			get columns() {
				return stream.columns!;
			},
		},
	};
}

/** Rows and columns are told apart in an envelope only, so it gets one. Nothing in it can close the envelope. */
async function* asResult(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
	yield Buffer.from('{"status":"succeeded","result":');
	yield* source;
	yield Buffer.from('}');
}

type Held = { whole: true; bytes: Buffer } | { whole: false; rest: AsyncIterable<Buffer> };

async function hold(source: AsyncGenerator<Buffer>, most: number): Promise<Held> {
	const chunks: Buffer[] = [];
	let size = 0;
	while (size <= most) {
		const item = await source.next();
		if (item.done === true) return { whole: true, bytes: Buffer.concat(chunks) };
		chunks.push(item.value);
		size += item.value.length;
	}
	const start: IteratorResult<Buffer> = { value: Buffer.concat(chunks), done: false };
	return { whole: false, rest: chain(start, source) };
}

async function* chain(
	first: IteratorResult<Buffer>,
	rest: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer> {
	try {
		if (first.done !== true) yield first.value;
		yield* rest;
	} finally {
		await rest.return(undefined);
	}
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
	if (bytes.length > 0) yield bytes;
}

/** Text in another character set becomes UTF-8. @throws CapError RESULT_INVALID */
function recoded(
	source: AsyncIterable<Buffer>,
	charset: string | undefined,
): AsyncIterable<Buffer> {
	if (charset === undefined || /^(?:utf-?8|us-ascii|ascii)$/.test(charset)) return source;
	let decoder: TextDecoder;
	try {
		decoder = new TextDecoder(charset, { fatal: true });
	} catch {
		throw new CapError('RESULT_INVALID', `the character set "${charset}" is not known`);
	}
	return decodeText(source, decoder, charset);
}

async function* decodeText(
	source: AsyncIterable<Buffer>,
	decoder: TextDecoder,
	charset: string,
): AsyncGenerator<Buffer> {
	try {
		for await (const chunk of source) yield Buffer.from(decoder.decode(chunk, { stream: true }));
		yield Buffer.from(decoder.decode());
	} catch (error) {
		if (error instanceof CapError) throw error;
		throw new CapError('RESULT_INVALID', `the result is not ${charset}`, { cause: error });
	}
}

import type { Row } from '../../contract/envelope.ts';
import { isReordered, responseEnvelopeSchema } from '../../contract/envelope.ts';
import type { JsonValue } from '../../contract/json.ts';
import type { ResultBody, SessionOutcome } from '../session.port.ts';
import { readColumns } from '../shared/columns.ts';
import { cleanText, failed } from '../shared/failure.ts';
import { rowsIn } from '../shared/rows-in.ts';

type Members = Record<string, JsonValue>;

export function isObject(value: JsonValue | undefined): value is Members {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Numbers whose digits a double cannot hold. */
const LONG_NUMBER = /\d{16}|\d[eE][+-]?\d{3}/;

/** Node has `source` and `rawJSON` (ECMA-262 proposal, shipped in V8), the type library not yet. */
const exactJson = JSON as unknown as {
	parse(
		text: string,
		revive: (key: string, value: unknown, at: { source?: string }) => unknown,
	): JsonValue;
	rawJSON(text: string): unknown;
};

/** Parses JSON so that numbers are written again with the digits that came. @throws SyntaxError */
export function parseExactly(text: string): JsonValue {
	if (!LONG_NUMBER.test(text)) return JSON.parse(text) as JsonValue;
	return exactJson.parse(text, (_key, value, { source }) =>
		typeof value === 'number' && source !== undefined && String(value) !== source
			? exactJson.rawJSON(source)
			: value,
	);
}

/** The text of rows with their keys in the order in which they came; `written`: as JavaScript has them. */
export type AsTheyCame = (rows: readonly Row[], written: Buffer) => AsyncIterable<Buffer>;

/**
 * Reads a body as ResponseEnvelope, known by `status` and by having no members but those of an envelope.
 * @returns undefined when it is none, so that the whole body is the result
 */
export function readEnvelope(
	value: JsonValue,
	asTheyCame?: AsTheyCame,
): SessionOutcome | undefined {
	if (!isObject(value)) return undefined;
	const members = Object.keys(value);
	const only = (other: string): boolean =>
		members.every((member) => member === 'status' || member === other);
	switch (value['status']) {
		case 'succeeded':
			return only('result')
				? { kind: 'result', body: bodyOf(value['result'] ?? null, asTheyCame) }
				: undefined;
		case 'accepted':
			return members.length === 1 ? { kind: 'accepted' } : undefined;
		case 'failed':
			return only('error') ? readFailure(value) : undefined;
		default:
			return undefined;
	}
}

function readFailure(value: Members): SessionOutcome {
	const parsed = responseEnvelopeSchema.safeParse(value);
	if (!parsed.success || parsed.data.status !== 'failed') {
		const error = value['error'];
		return failed('CAPABILITY_FAILED', typeof error === 'string' ? error : JSON.stringify(error));
	}
	const { code, message, retry, retryAfter } = parsed.data.error;
	return failed('CAPABILITY_FAILED', message === '' ? code : message, {
		detail: cleanText(code),
		retry,
		...(retryAfter === undefined ? {} : { retryAfter }),
	});
}

/** Whether an envelope's error says itself if it may be retried; otherwise the HTTP status does. */
export function saysRetry(value: JsonValue): boolean {
	const error = isObject(value) ? value['error'] : undefined;
	return isObject(error) && error['retry'] !== undefined;
}

/** `{ rows, columns }` as rows; undefined when the value is anything else. */
export function readTable(value: JsonValue, asTheyCame: AsTheyCame): SessionOutcome | undefined {
	const body = tableOf(value, asTheyCame);
	return body === undefined ? undefined : { kind: 'result', body };
}

function tableOf(value: JsonValue, asTheyCame?: AsTheyCame): ResultBody | undefined {
	if (!isObject(value)) return undefined;
	const { rows, columns, ...more } = value as { rows?: JsonValue; columns?: JsonValue };
	if (Object.keys(more).length > 0) return undefined;
	return Array.isArray(rows) && rows.every(isObject)
		? rowsBody({ rows, columns }, asTheyCame)
		: undefined;
}

/** `{ rows, columns }` becomes NDJSON, everything else one JSON value. */
function bodyOf(result: JsonValue, asTheyCame?: AsTheyCame): ResultBody {
	const table = tableOf(result, asTheyCame);
	if (table !== undefined) return table;
	const count = rowsIn(result);
	return {
		encoding: 'json',
		contentType: 'application/json',
		source: Buffer.from(JSON.stringify(result)),
		...(count === undefined ? {} : { rows: () => count }),
	};
}

function rowsBody(
	{ rows, columns }: { rows: readonly Row[]; columns: JsonValue | undefined },
	asTheyCame?: AsTheyCame,
): ResultBody {
	let text = '';
	for (const row of rows) text += `${JSON.stringify(row)}\n`;
	const written = Buffer.from(text);
	return {
		encoding: 'ndjson',
		contentType: 'application/x-ndjson',
		source: (rows.some(isReordered) ? asTheyCame?.(rows, written) : undefined) ?? written,
		rows: () => rows.length,
		...(columns === undefined ? {} : { columns: readColumns(columns) }),
	};
}

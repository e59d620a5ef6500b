import { z } from 'zod';

import type { JsonValue } from '../../contract/json.ts';
import type { Format, FormatInput } from '../format.port.ts';
import { columnsOf } from '../shared/columns.ts';
import { encodeText } from '../shared/encode-text.ts';
import { readJsonItems, type JsonItems } from '../shared/json-items.ts';
import { demandRows } from '../shared/suitable.ts';

const jsonOptionsSchema = z.strictObject({
	shape: z
		.enum(['array', 'envelope'])
		.default('array')
		.describe(
			'`array`: the rows in a list; a result that is no list of rows stays as it is. ' +
				'`envelope`: `{ meta, columns, rows, rowCount }`',
		),
	pretty: z.boolean().default(false).describe('Indented with two spaces'),
});

type JsonOptions = z.output<typeof jsonOptionsSchema>;

/** Rows as one JSON document. Numbers keep every digit. */
export function createJsonFormat(): Format {
	return {
		name: 'json',
		title: 'JSON',
		contentType: 'application/json',
		extension: 'json',
		abilities: { rows: true, binary: false, tables: 'untouched' },
		limits: {},
		options: jsonOptionsSchema,
		async *render(input, given) {
			demandRows(input, 'json');
			const options = jsonOptionsSchema.parse(given);
			if (options.shape === 'envelope') yield* renderEnvelope(input, options);
			else if (input.encoding === 'json') yield* renderStoredJson(input, options);
			else yield* encodeText(input.rows(), list(options, 0));
		},
	};
}

/** Read as JSON and not as rows: `[1, 2]` stays `[1, 2]`, and `{"a": 1}` stays no list. */
async function* renderStoredJson(
	input: FormatInput,
	options: JsonOptions,
): AsyncGenerator<Uint8Array> {
	const reader = readJsonItems(input.bytes());
	try {
		const first = await reader.next();
		if (first.done) return;
		if (first.value.shape === 'value') {
			const [value] = first.value.items;
			yield Buffer.from(`${JSON.stringify(value, null, options.pretty ? 2 : 0)}\n`, 'utf8');
		} else {
			yield* encodeText(itemsFrom(first.value, reader), list(options, 0));
		}
	} finally {
		await reader.return(undefined);
	}
}

async function* itemsFrom(
	first: JsonItems,
	rest: AsyncIterable<JsonItems>,
): AsyncGenerator<JsonValue[]> {
	yield first.items;
	for await (const { items } of rest) yield items;
}

async function* renderEnvelope(
	input: FormatInput,
	options: JsonOptions,
): AsyncGenerator<Uint8Array> {
	const names = await columnsOf(input, undefined);
	const columns = input.columns ?? names.map((name) => ({ name }));
	const write = (value: unknown): string => indented(value, options, 1);
	const [line, gap] = options.pretty ? ['\n  ', ' '] : ['', ''];
	const rows = list(options, 1);
	yield* encodeText(input.rows(), {
		opening:
			`{${line}"meta":${gap}${write(input.meta)},` +
			`${line}"columns":${gap}${write(columns)},${line}"rows":${gap}${rows.opening}`,
		each: rows.each,
		closing: (count) =>
			`${rows.closing(count).trimEnd()},${line}"rowCount":${gap}${count}${options.pretty ? '\n' : ''}}\n`,
	});
}

/** A list, `level` steps in; one element a line, so that a line tool can read it. */
function list(options: JsonOptions, level: number) {
	const indent = options.pretty ? '  '.repeat(level + 1) : '';
	const outer = options.pretty ? '  '.repeat(level) : '';
	return {
		opening: '[',
		each: (value: unknown, index: number): string =>
			`${index === 0 ? '\n' : ',\n'}${indent}${indented(value, options, level + 1)}`,
		closing: (count: number): string => (count === 0 ? ']\n' : `\n${outer}]\n`),
	};
}

/** Line breaks within texts are escaped in JSON: those that are there are ours. */
function indented(value: unknown, { pretty }: JsonOptions, level: number): string {
	if (!pretty) return JSON.stringify(value);
	return JSON.stringify(value, null, 2).replaceAll('\n', `\n${'  '.repeat(level)}`);
}

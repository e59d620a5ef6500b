import type { JsonValue } from '../../contract/json.ts';
import type { Format, FormatInput } from '../format.port.ts';
import { readJsonItems, type JsonItems } from '../shared/json-items.ts';
import { changesRows, needForJson } from '../shared/json-rows.ts';
import { demandRows } from '../shared/suitable.ts';
import { openTables } from '../shared/table.ts';
import { JsonWriter } from './json-writer.ts';
import { jsonOptionsSchema, type JsonOptions } from './options.ts';

/** Rows as one JSON document. Numbers keep every digit. */
export function createJsonFormat(): Format {
	return {
		name: 'json',
		title: 'JSON',
		contentType: 'application/json',
		extension: 'json',
		abilities: { rows: true, binary: false, tables: 'sections' },
		limits: {},
		options: jsonOptionsSchema,
		render(input, given) {
			demandRows(input, 'json');
			const options = jsonOptionsSchema.parse(given);
			const asItCame = options.shape === 'array' && options.tables === undefined;
			if (asItCame && !changesRows(options)) {
				return input.encoding === 'json'
					? renderStoredJson(input, options)
					: new JsonWriter(options).list(input.rows(), { level: 0 });
			}
			return renderTables(input, options);
		},
	};
}

async function* renderTables(input: FormatInput, options: JsonOptions): AsyncGenerator<Uint8Array> {
	const isEnvelope = options.shape === 'envelope';
	const needed = needForJson(options);
	const changes = changesRows(options);
	const need = isEnvelope || changes ? needed : 'nothing';
	const tables = await openTables(input, options, { format: 'json', need, wholeRows: !changes });
	const writer = new JsonWriter(options);
	const [only] = tables;
	if (tables.length === 1 && only?.name === '') {
		if (isEnvelope) yield* writer.envelope(input.meta, only, input.columns);
		else if (options.shape === 'object') yield* writer.object([{ ...only, name: 'rows' }]);
		else yield* writer.array(only);
	} else if (isEnvelope) {
		yield* writer.envelopes(input.meta, tables);
	} else {
		yield* writer.object(tables);
	}
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
			const items = itemsFrom(first.value, reader);
			yield* new JsonWriter(options).list(items, { level: 0 });
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

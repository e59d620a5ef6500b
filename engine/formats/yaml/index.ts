import { z } from 'zod';

import type { Row } from '../../contract/envelope.ts';
import type { JsonValue } from '../../contract/json.ts';
import type { Format, FormatInput } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { changesRows, needForJson, rowProjector } from '../shared/json-rows.ts';
import { openTables, type Table } from '../shared/table.ts';
import { columnOptions } from '../shared/table-options.ts';
import { MAX_KEY, yamlText, yamlValue } from './scalars.ts';

const yamlOptionsSchema = z.strictObject(columnOptions);
type YamlOptions = z.output<typeof yamlOptionsSchema>;

/** Rows as YAML 1.2 that readers of 1.1 take the same way: a list of rows, a cell a line. */
export function createYamlFormat(): Format {
	return {
		name: 'yaml',
		title: 'YAML',
		contentType: 'application/yaml',
		extension: 'yaml',
		abilities: { rows: true, binary: false, tables: 'sections' },
		limits: {},
		options: yamlOptionsSchema,
		render: (input, given) => render(input, yamlOptionsSchema.parse(given)),
	};
}

async function* render(input: FormatInput, options: YamlOptions): AsyncGenerator<Uint8Array> {
	const need = changesRows(options) ? needForJson(options) : 'nothing';
	const tables = await openTables(input, options, { format: 'yaml', need });
	for (const table of tables) {
		const isNamed = table.name !== '';
		const row = rowText(table, { options, indent: isNamed ? '  ' : '' });
		// without a row there is no list to see: an empty one is written out
		const key = isNamed ? keyOf(table.name) : '';
		const name = isNamed ? `${key}${key.startsWith('? ') ? '\n' : ''}:` : '';
		yield* encodeText(table.rows(), {
			each: (cells, index) => (index === 0 && isNamed ? `${name}\n` : '') + row(cells),
			closing: (count) => (count > 0 ? '' : `${name}${isNamed ? ' ' : ''}[]\n`),
		});
	}
}

/** The first cell stands behind the dash, the others below it. */
function rowText(
	table: Table,
	{ options, indent }: { options: YamlOptions; indent: string },
): (row: Row) => string {
	const project = changesRows(options) ? rowProjector(table, options) : (row: Row): object => row;
	const keys = new Map<string, string>();
	return (row) => {
		let text = '';
		const cells = project(row) as Record<string, JsonValue>;
		for (const key in cells) {
			let name = keys.get(key);
			if (name === undefined) {
				name = keyOf(key);
				if (keys.size < MAX_KNOWN_KEYS) keys.set(key, name);
			}
			const isLong = name.startsWith('? ');
			const before = indent + (text === '' ? '- ' : '  ');
			text += isLong
				? `${before}${name}\n${indent}  : ${yamlValue(cells[key]!)}\n`
				: `${before}${name}: ${yamlValue(cells[key]!)}\n`;
		}
		return text === '' ? `${indent}- {}\n` : text;
	};
}

const MAX_KNOWN_KEYS = 10_000;

function keyOf(key: string): string {
	const name = yamlText(key);
	return name.length > MAX_KEY ? `? ${name}` : name;
}

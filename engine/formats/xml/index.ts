import { z } from 'zod';

import type { Format, FormatInput } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { openTables, type Table } from '../shared/table.ts';
import { columnOptions, textOptions } from '../shared/table-options.ts';
import { needForText, textWriter } from '../shared/text-writer.ts';
import { ElementWriter } from './elements.ts';
import { xmlName } from './escape.ts';

const elementName = z
	.string()
	.max(100)
	.refine((name) => xmlName(name) === name, { error: 'a name of an XML element' });

/** Nothing is the absence of an element. */
const { nullText: _noText, ...patterns } = textOptions;

const xmlOptionsSchema = z.strictObject({
	root: elementName.default('rows').describe('The element around everything'),
	row: elementName.default('row').describe('The element of a row'),
	item: elementName.default('item').describe('The element of each value in a list'),
	pretty: z.boolean().default(false).describe('Indented with two spaces, a cell a line'),
	...columnOptions,
	nested: z
		.enum(['elements', 'json', 'flatten'])
		.default('elements')
		.describe(
			'Objects and lists in a cell: elements of their own, a text of JSON, or a column for each field: `address.city`',
		),
	...patterns,
});

type XmlOptions = z.output<typeof xmlOptionsSchema>;

/** Rows as XML 1.0, UTF-8, without a document type: an element for each row and cell. */
export function createXmlFormat(): Format {
	return {
		name: 'xml',
		title: 'XML',
		contentType: 'application/xml',
		extension: 'xml',
		abilities: { rows: true, binary: false, tables: 'sections' },
		limits: {},
		options: xmlOptionsSchema,
		render: (input, given) => render(input, xmlOptionsSchema.parse(given)),
	};
}

async function* render(input: FormatInput, options: XmlOptions): AsyncGenerator<Uint8Array> {
	const { root, pretty } = options;
	const text = { ...options, nullText: '' };
	const nested = options.nested === 'flatten' ? 'flatten' : 'json';
	const demand = { format: 'xml', need: needForText(text) };
	const tables = await openTables(input, { ...options, nested }, demand);
	const writer = new ElementWriter({ ...options, elements: options.nested === 'elements' });
	const isNamed = tables[0]?.name !== '';
	const level = isNamed ? 2 : 1;
	const rowTag = { open: `<${options.row}>`, close: `</${options.row}>` };
	const rowText = (table: Table) => {
		const scheduleZone = input.meta.timeZone;
		const columns = table.columns.map((column) => ({
			column,
			write: textWriter(column, text, { scheduleZone }),
		}));
		const cells = writer.row(columns, level + 1);
		const end = pretty ? '' : '\n';
		return (row: Parameters<typeof cells>[0]) => writer.around(rowTag, cells(row), level) + end;
	};
	const indent = pretty ? '  ' : '';
	for (const [index, table] of tables.entries()) {
		const isFirst = index === 0;
		const isLast = index === tables.length - 1;
		const name = writer.escape.attribute(table.name);
		yield* encodeText(table.rows(), {
			opening:
				(isFirst ? `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>\n` : '') +
				(isNamed ? `${indent}<table name="${name}">\n` : ''),
			each: rowText(table),
			closing: () => (isNamed ? `${indent}</table>\n` : '') + (isLast ? `</${root}>\n` : ''),
		});
	}
	if (writer.escape.replaced > 0) {
		input.notice?.({
			code: 'values_changed',
			message: 'Characters that XML cannot hold, such as NUL, were written as U+FFFD.',
			count: writer.escape.replaced,
		});
	}
}

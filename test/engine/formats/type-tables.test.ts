import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { createFormatRegistry } from '../../../engine/formats/registry.ts';
import { parseJson } from '../../../engine/formats/shared/exact-json.ts';
import { openTables } from '../../../engine/formats/shared/table.ts';
import { columnOptions } from '../../../engine/formats/shared/table-options.ts';
import { inputOf, renderToBytes, textOf } from '../../support/format-input.ts';
import { typedRows } from '../../support/nasty-rows.ts';
import { allText, readPdf } from '../../support/pdf-reader.ts';
import { WRITTEN_CELLS } from '../../support/written-cells.ts';

const FORMATS = join(import.meta.dirname, '..', '..', '..', 'engine', 'formats');

/** Finds in a file what became of the one value, in the column `x`; `z` is the column behind it. */
const CELLS: Record<
	string,
	{ find: RegExp; options?: object; read?: (bytes: Buffer) => string | Promise<string> }
> = {
	csv: { find: /^x,z\r\n(.*),z\r\n$/ },
	json: { find: /"x":(.*),"z":"z"/ },
	ndjson: { find: /"x":(.*),"z":"z"/ },
	xml: { find: /<row>(?:<x>)?(.*?)(?:<\/x>)?<z>/ },
	yaml: { find: /^- x: (.*)\n {2}z: z\n$/ },
	markdown: { find: /\n\| (.*) \| z \|\n$/ },
	text: { find: /\n *(.*?) *\| z\n$/ },
	html: {
		find: /<tbody>\n<tr><td[^>]*>(?:<code>)?(.*?)(?:<\/code>)?<\/td><td>z<\/td>/,
		options: { summary: false },
	},
	pdf: {
		find: /\nx\nz\n(.*?)\n?z$/,
		options: { summary: false },
		read: (bytes) => allText(readPdf(bytes)),
	},
	...Object.fromEntries(
		Object.entries(WRITTEN_CELLS).map(([name, read]) => [name, { find: /^(.*)$/, read }]),
	),
	template: { find: /^(.*)$/, options: { template: '{{#rows}}{{x}}{{/rows}}', escape: 'none' } },
};

/** The rows of the table in a README: type, value, what is in the file. */
function typeTable(format: string): { type: string; value: string; written: string }[] {
	const readme = readFileSync(join(FORMATS, format, 'README.md'), 'utf8');
	const unquoted = (cell: string): string => cell.replace(/^`(.*)`$/, '$1');
	return readme
		.split('\n')
		.filter((line) => /^\| (?!type|---|-)/.test(line))
		.map((line) => {
			const [type = '', value = '', written = ''] = line.slice(2, -2).split(/ +\| +/);
			return {
				type: type.trim(),
				value: unquoted(value.trim()),
				written: unquoted(written.trim()),
			};
		});
}

describe.each(Object.entries(CELLS))(
	'the type table of %s',
	(name, { find, options = {}, read = textOf }) => {
		const format = createFormatRegistry().get(name)!;
		const rows = typeTable(name);

		it('has every type', () => {
			const types = new Set(rows.map(({ type }) => type));
			const declared = new Set(typedRows().columns.map((column) => column.name.split('_')[0]));
			expect([...declared].filter((type) => !types.has(type!))).toEqual([]);
			expect(types.has('any')).toBe(true);
		});

		it.each(rows.map((row) => [row.type, row.value, row.written] as const))(
			'is right about %s: %s is %s',
			async (type, value, written) => {
				const columns = [{ name: 'x', ...(type === 'any' ? {} : { type }) }, { name: 'z' }];
				const input = inputOf([{ x: parseJson(value), z: 'z' }], { columns });
				const file = await renderToBytes(format.render(input, format.options.parse(options)));
				const found = find.exec(await read(file))?.[1];
				expect(found).toBe(written === 'nothing' ? '' : written);
				// the value is one of that type, or the table would show another
				const [table] = await openTables(input, z.strictObject(columnOptions).parse({}), {
					format: name,
					need: 'types',
				});
				if (type !== 'any') expect(table!.columns[0]!.type).toBe(type);
			},
		);
	},
);

import { z } from 'zod';

import type { Format, FormatInput } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { openTables, type Table } from '../shared/table.ts';
import { columnOptions, textOptions } from '../shared/table-options.ts';
import { visibleText } from '../shared/visible.ts';
import { layOut, type Grid } from './grid.ts';

const textTableOptionsSchema = z.strictObject({
	border: z
		.enum(['lines', 'box', 'none'])
		.default('lines')
		.describe('`lines`: a rule below the head; `box`: one around everything; `none`: blanks only'),
	maxWidth: z
		.number()
		.int()
		.min(4)
		.max(1000)
		.default(60)
		.describe('Characters of the widest column; longer cells go on in the next line'),
	numbers: z.boolean().default(false).describe('Whether the rows are numbered'),
	title: z.boolean().default(false).describe('Whether the title stands above'),
	...columnOptions,
	...textOptions,
});

export type TextTableOptions = z.output<typeof textTableOptionsSchema>;

/** Rows as a table of plain text, for terminals and mails. The rows are read twice: how wide, then what. */
export function createTextFormat(): Format {
	return {
		name: 'text',
		title: 'Plain text',
		contentType: 'text/plain; charset=utf-8',
		extension: 'txt',
		abilities: { rows: true, binary: false, tables: 'sections' },
		limits: {},
		options: textTableOptionsSchema,
		render: (input, given) => render(input, textTableOptionsSchema.parse(given)),
	};
}

async function* render(input: FormatInput, options: TextTableOptions): AsyncGenerator<Uint8Array> {
	const tables = await openTables(input, options, { format: 'text', need: 'types' });
	const about = { options, scheduleZone: input.meta.timeZone };
	for (const [index, table] of tables.entries()) {
		const grid = await layOut(table, about);
		yield* encodeText(table.rows(), {
			opening: (index === 0 ? titleOf(input, options) : '\n') + headOf(table, grid),
			each: grid.row,
			closing: () => grid.bottom,
		});
	}
}

function titleOf({ meta }: FormatInput, { title }: TextTableOptions): string {
	return title ? `${visibleText(meta.title).replace(/\s+/g, ' ')}\n\n` : '';
}

function headOf(table: Table, grid: Grid): string {
	return (table.name === '' ? '' : `${visibleText(table.name).replace(/\s+/g, ' ')}\n`) + grid.head;
}

import { z } from 'zod';

import type { Row } from '../../contract/envelope.ts';
import type { Format, FormatInput } from '../format.port.ts';
import { encodeText } from '../shared/encode-text.ts';
import { openTables, type Align, type Table } from '../shared/table.ts';
import { columnOptions, textOptions } from '../shared/table-options.ts';
import { textWriter } from '../shared/text-writer.ts';
import { markdownText } from './escape.ts';

const markdownOptionsSchema = z.strictObject({
	title: z.boolean().default(false).describe('Whether a heading with the title stands above'),
	...columnOptions,
	...textOptions,
});

type MarkdownOptions = z.output<typeof markdownOptionsSchema>;

const RULES: Readonly<Record<Align, string>> = { left: '---', right: '--:', center: ':-:' };

/** Rows as tables of GitHub Flavored Markdown. Nothing in a cell is markup, whatever it holds. */
export function createMarkdownFormat(): Format {
	return {
		name: 'markdown',
		title: 'Markdown',
		contentType: 'text/markdown; charset=utf-8',
		extension: 'md',
		abilities: { rows: true, binary: false, tables: 'sections' },
		limits: {},
		options: markdownOptionsSchema,
		render: (input, given) => render(input, markdownOptionsSchema.parse(given)),
	};
}

async function* render(input: FormatInput, options: MarkdownOptions): AsyncGenerator<Uint8Array> {
	const tables = await openTables(input, options, { format: 'markdown', need: 'types' });
	const title = options.title ? `# ${markdownText(input.meta.title)}\n\n` : '';
	for (const [index, table] of tables.entries()) {
		const heading = table.name === '' ? '' : `## ${markdownText(table.name)}\n\n`;
		const before = index === 0 ? title : '\n';
		yield* encodeText(table.rows(), {
			opening: before + heading + head(table),
			each: rowText(table, options, input.meta.timeZone),
		});
	}
}

/** A table has a head and a rule below it, or it is none. */
function head({ columns }: Table): string {
	if (columns.length === 0) return '';
	const labels = columns.map(({ label }) => markdownText(label)).join(' | ');
	const rules = columns.map(({ align }) => RULES[align]).join(' | ');
	return `| ${labels} |\n| ${rules} |\n`;
}

function rowText(
	{ columns }: Table,
	options: MarkdownOptions,
	scheduleZone: string,
): (row: Row) => string {
	const cells = columns.map((column) => ({
		read: column.read,
		write: textWriter(column, options, { scheduleZone }),
	}));
	return (row) => {
		let text = '|';
		for (const { read, write } of cells) text += ` ${markdownText(write(read(row)))} |`;
		return `${text}\n`;
	};
}

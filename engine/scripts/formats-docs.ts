import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import type { Format } from '../formats/format.port.ts';
import { createFormatRegistry } from '../formats/registry.ts';
import { columnOptions, textOptions } from '../formats/shared/table-options.ts';
import { exampleOf } from './formats-examples.ts';
import type { GeneratedFile } from './generated-file.ts';

const ROOT = join(import.meta.dirname, '..', '..');

const HEAD = `# Formats

<!-- Generated from engine/formats/*/README.md and the schemas of options by \`node engine/scripts/generate-docs.ts\`; do not edit. -->

A result is kept as it came; a format makes a file of it, streamed, when a delivery or a link asks for it. The same result
with the same options is the same bytes. \`GET /v1/formats\` answers all of this with JSON Schemas of the options.

## What all of them share

**Columns** are those that the options choose, else those that the capability declared beside its rows, else those of the
action's result schema and what comes beyond it, else every key of every row in the order in which it is first seen.
Nothing is guessed from the first rows: where a format needs to know what a column holds, all rows are read for it.

| type | what it is |
| --- | --- |
| \`string\` | texts, and columns without any value |
| \`boolean\` | true and false |
| \`integer\` | whole numbers up to 2^53 |
| \`bigint\` | whole numbers beyond, or declared as 64 bits; every digit is kept |
| \`decimal\` | exact: declared (\`numeric(10,2)\`, \`format: "decimal"\`), or with more digits than a double holds |
| \`number\` | doubles, and whole numbers among them |
| \`date\`, \`datetime\`, \`instant\` | texts of ISO 8601 all down a column: a day, a reading of a clock, a point in time with its zone. A leap second makes a column a text: no format could hold it |
| \`time\`, \`duration\` | where they are declared |
| \`binary\` | base64, where it is declared |
| \`json\` | objects and lists |
| \`mixed\` | values of several kinds, each written as what it is |

A declared type is taken where all values fit it; a type that the options choose and that a value does not fit is an error.
Texts of a result that came as CSV are also read as numbers and booleans, where all of a column are such as a program
writes them: \`007\` and \`+49\` stay texts.

**Several result sets** are \`{ "tables": [{ "name", "rows", "columns"? }] }\`, or an object that holds nothing but lists of
objects. They become sheets, sections or an archive with a file for each.

**Limits** are told: what a file does not show, or shows otherwise, stands in the file where it can, in the receipt of the
delivery (\`notices\`) and in the event \`artifact.limited\`. So is
how many keys rows have that neither the declared columns nor a schema that is closed name: files leave them out.

`;

/** A format whose folder has another name. */
const FOLDERS: Readonly<Record<string, string>> = { tsv: 'csv' };

type Property = { description?: string; default?: unknown; enum?: unknown[]; type?: unknown };

export async function formatsDocs(): Promise<GeneratedFile[]> {
	const shared =
		HEAD +
		table('Options for columns', schemaOf(z.strictObject(columnOptions))) +
		table('Options for texts', schemaOf(z.strictObject(textOptions)));
	const sections = await Promise.all(createFormatRegistry().list().map(section));
	return [
		{
			path: 'docs/formats.md',
			text: [shared, ...sections].map((part) => `${part.trimEnd()}\n`).join('\n'),
		},
	];
}

async function section(format: Format): Promise<string> {
	const { name, title, contentType, extension, abilities, limits } = format;
	const facts = [
		`\`${contentType}\``,
		`\`.${extension}\``,
		`several result sets: ${abilities.tables}`,
		...Object.entries(limits).map(([what, limit]) => `${what}: ${limit.toLocaleString('en')}`),
	].join(' · ');
	return `## ${title} (\`${name}\`)\n\n${facts}\n\n${about(name)}\n${picture(name)}${await exampleOf(format)}${table('Options', ownOptions(format))}`;
}

/** What its README says, a level deeper. */
function about(name: string): string {
	const folder = FOLDERS[name];
	if (folder !== undefined) return `As \`${folder}\`, with another delimiter.\n`;
	const text = readFileSync(join(ROOT, 'engine', 'formats', name, 'README.md'), 'utf8');
	return text.replace(/^# .*\n\n/, '').replace(/^#/gm, '##');
}

function picture(name: string): string {
	const path = `images/format-${name}.png`;
	return existsSync(join(ROOT, 'docs', path)) ? `![A file of this format](${path})\n\n` : '';
}

const schemaOf = (schema: z.ZodType): Record<string, Property> =>
	(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }).properties ?? {}) as Record<
		string,
		Property
	>;

/** Without those that are shared and mean the same. */
function ownOptions({ options }: Format): Record<string, Property> {
	const common = {
		...schemaOf(z.strictObject(columnOptions)),
		...schemaOf(z.strictObject(textOptions)),
	};
	const all = Object.entries(schemaOf(options));
	const own = all.filter(([name, { description }]) => common[name]?.description !== description);
	const taken = all.filter((entry) => !own.includes(entry)).map(([name]) => `\`${name}\``);
	const rest = taken.length === 0 ? {} : { '…': { description: `As above: ${taken.join(', ')}` } };
	return { ...Object.fromEntries(own), ...rest };
}

function table(title: string, properties: Record<string, Property>): string {
	const rows = Object.entries(properties).map(([name, property]) => {
		const fallback = property.default === undefined ? 'none' : code(property.default);
		const words = (property.description ?? '').replaceAll('|', '\\|');
		const choices = property.enum === undefined ? '' : ` (${property.enum.map(code).join(', ')})`;
		return name === '…'
			? `| … | | ${words} |`
			: `| \`${name}\` | ${fallback} | ${words}${choices} |`;
	});
	if (rows.length === 0) return '';
	return `### ${title}\n\n| name | default | meaning |\n| --- | --- | --- |\n${rows.join('\n')}\n\n`;
}

const code = (value: unknown): string => `\`${JSON.stringify(value).replaceAll('|', '\\|')}\``;

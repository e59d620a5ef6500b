import type { Row } from '../contract/envelope.ts';
import { META, inputOf, renderToText } from '../conformance/format-input.ts';
import type { Format } from '../formats/format.port.ts';

const ROWS: readonly Row[] = [
	{ day: '2026-11-26', region: 'Nord & Süd', sales: 1234.5, paid: true, items: ['tea', 'rice'] },
	{ day: '2026-11-27', region: 'say "East"\nor West', sales: -80, paid: false, items: [] },
];

/** Of the formats that a person can read as they are: in which language, and by which options. */
const EXAMPLES: Readonly<Record<string, { language: string; options?: object }>> = {
	json: { language: 'json' },
	ndjson: { language: 'json' },
	csv: { language: 'csv' },
	tsv: { language: 'text' },
	xml: { language: 'xml', options: { pretty: true } },
	yaml: { language: 'yaml' },
	markdown: { language: 'markdown' },
	text: { language: 'text', options: { border: 'box' } },
	template: {
		language: 'edifact',
		options: {
			template:
				"UNB+UNOC:3+ME+YOU+261127:0800+1'\n{{#rows}}LIN+{{@index}}++{{region}}:EN'\nMOA+203:{{sales}}:EUR'\n{{/rows}}UNZ+1+1'\n",
			escape: 'edifact',
		},
	},
};

/** A file of the format, and the options that it was made by; empty for those that only programs read. */
export async function exampleOf(format: Format): Promise<string> {
	const example = EXAMPLES[format.name];
	if (example === undefined) return '';
	const { language, options = {} } = example;
	const rows = inputOf(ROWS, { meta: META });
	const file = await renderToText(format.render(rows, format.options.parse(options)));
	const by =
		Object.keys(options).length === 0
			? ''
			: `, by \`${JSON.stringify(options).replaceAll('`', '')}\``;
	return `### Example\n\nTwo rows${by}:\n\n\`\`\`${language}\n${file.trimEnd().replaceAll('\r', '')}\n\`\`\`\n\n`;
}

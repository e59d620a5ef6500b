import { z } from 'zod';

import { columnOptions, textOptions } from '../shared/table-options.ts';

const DELIMITERS = { comma: ',', semicolon: ';', tab: '\t', pipe: '|' } as const;

const lines = {
	header: z.boolean().default(true).describe('Whether the first line names the columns'),
	quote: z
		.enum(['minimal', 'all'])
		.default('minimal')
		.describe('Quote only cells that need it, or all'),
	eol: z.enum(['lf', 'crlf']).default('crlf').describe('How lines end; RFC 4180 says crlf'),
	bom: z
		.boolean()
		.default(false)
		.describe('Begin with a byte order mark, by which Excel knows that the file is UTF-8'),
	formulaGuard: z
		.boolean()
		.default(true)
		.describe(
			'Put an apostrophe before cells that a spreadsheet would run as a formula; plain numbers stay',
		),
};

export const csvOptionsSchema = z.strictObject({
	delimiter: z
		.union([z.enum(DELIMITERS), z.enum(['comma', 'semicolon', 'tab', 'pipe'])])
		.transform((given) => (given.length > 1 ? DELIMITERS[given as keyof typeof DELIMITERS] : given))
		.default(',')
		.describe('What stands between two cells: `,` `;` a tab or `|`, or its name'),
	...lines,
	...columnOptions,
	...textOptions,
});

export const tsvOptionsSchema = z.strictObject({ ...lines, ...columnOptions, ...textOptions });

export type CsvOptions = z.output<typeof csvOptionsSchema>;

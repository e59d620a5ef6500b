import { z } from 'zod';

const DELIMITERS = { comma: ',', semicolon: ';', tab: '\t', pipe: '|' } as const;

export const csvOptionsSchema = z.strictObject({
	delimiter: z
		.union([z.enum(DELIMITERS), z.enum(['comma', 'semicolon', 'tab', 'pipe'])])
		.transform((given) => (given.length > 1 ? DELIMITERS[given as keyof typeof DELIMITERS] : given))
		.default(',')
		.describe('What stands between two cells: `,` `;` a tab or `|`, or its name'),
	header: z.boolean().default(true).describe('Whether the first line names the columns'),
	columns: z
		.array(z.string().min(1).max(500))
		.min(1)
		.max(2000)
		.refine((names) => new Set(names).size === names.length, { error: 'each column once' })
		.optional()
		.describe('Which columns, in this order; all of them when omitted'),
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
});

export type CsvOptions = z.output<typeof csvOptionsSchema>;

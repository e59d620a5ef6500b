import { z } from 'zod';

import { chartOptions } from '../chart/options.ts';
import { columnOptions, limitOption, textOptions } from '../table-options.ts';
import { themeSchema } from './theme.ts';

export const DEFAULT_MAX_ROWS = 100_000;
/** Mail programs cut off long messages: Gmail at about 100 KB. */
export const EMAIL_MAX_ROWS = 100;
export const HIGHEST_MAX_ROWS = 1_000_000;

/** Options of what people read: pages on screens and on paper. */
export const reportOptions = {
	title: z.string().min(1).max(200).optional().describe("The heading; default the schedule's name"),
	maxRows: z
		.number()
		.int()
		.min(1)
		.max(HIGHEST_MAX_ROWS)
		.optional()
		.describe(
			`Rows of a table that are shown; ${DEFAULT_MAX_ROWS} when omitted, ${EMAIL_MAX_ROWS} in an email`,
		),
	onLimit: limitOption(['error', 'truncate'], 'truncate'),
	summary: z
		.boolean()
		.default(true)
		.describe('Whether to tell what each column holds: how many values, least, greatest, sum'),
	...chartOptions,
	theme: themeSchema,
	...columnOptions,
	...textOptions,
};
export type ReportOptions = z.output<z.ZodObject<typeof reportOptions>>;

export const PAPERS = ['A3', 'A4', 'A5', 'Letter', 'Legal', 'Tabloid'] as const;
export type Paper = (typeof PAPERS)[number];

export const paperOptions = {
	paper: z.enum(PAPERS).default('A4').describe('What it is printed on'),
	orientation: z
		.enum(['auto', 'portrait', 'landscape'])
		.default('auto')
		.describe('Which way up; `auto`: on its side where the columns need it'),
};

import { z } from 'zod';

export const DEFAULT_MAX_ROWS = 100_000;
export const HIGHEST_MAX_ROWS = 1_000_000;

export const htmlOptionsSchema = z.strictObject({
	title: z.string().min(1).max(200).optional().describe("The heading; default the schedule's name"),
	columns: z
		.array(z.string().min(1).max(500))
		.min(1)
		.max(2000)
		.refine((names) => new Set(names).size === names.length, { error: 'each column once' })
		.optional()
		.describe('Which columns, in this order; all of them when omitted'),
	maxRows: z
		.number()
		.int()
		.min(1)
		.max(HIGHEST_MAX_ROWS)
		.default(DEFAULT_MAX_ROWS)
		.describe('Browsers tire of long pages: rows beyond are left out, and the page says so'),
	summary: z
		.boolean()
		.default(true)
		.describe('Whether to tell what each column holds: how many values, least, greatest, sum'),
});

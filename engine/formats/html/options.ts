import { z } from 'zod';

import { paperOptions, reportOptions } from '../shared/report/options.ts';

export const htmlOptionsSchema = z.strictObject({
	email: z
		.boolean()
		.default(false)
		.describe('As mail programs show it: styles inside the elements, laid out by tables, small'),
	...reportOptions,
	...paperOptions,
});
export type HtmlOptions = z.output<typeof htmlOptionsSchema>;

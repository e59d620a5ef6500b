import { z } from 'zod';

import { columnOptions } from '../shared/table-options.ts';

export const jsonOptionsSchema = z.strictObject({
	shape: z
		.enum(['array', 'object', 'envelope'])
		.default('array')
		.describe(
			'`array`: the rows in a list; a result that is no list of rows stays as it is. ' +
				'`object`: `{ rows }`, or a list for each of several tables by its name. ' +
				'`envelope`: `{ meta, columns, rows, rowCount }`, or `{ meta, tables }` with these for each of several',
		),
	pretty: z.boolean().default(false).describe('Indented with two spaces'),
	...columnOptions,
});

export type JsonOptions = z.output<typeof jsonOptionsSchema>;

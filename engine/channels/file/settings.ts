import { z } from 'zod';

import { OVERWRITE } from '../shared/names.ts';

export const fileSettingsSchema = z.strictObject({
	/** Absolute and inside a root, or relative to the first root. `.` is that root itself. */
	folder: z.string().min(1).max(1000),
	/** When the name is taken by other bytes: `name-1.csv`, put these in their place, or fail. */
	overwrite: z.enum(OVERWRITE).default('suffix'),
	/** Makes missing folders below the root; a root itself is never made. */
	mkdir: z.boolean().default(true),
});

export type FileSettings = z.output<typeof fileSettingsSchema>;

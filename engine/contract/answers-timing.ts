import { z } from 'zod';

import { instant, text } from './answers-parts.ts';
import { jsonObjectSchema } from './json.ts';

/* What the REST API answers to questions about timing. */

const warningSchema = z.looseObject({ code: text, message: text });

export const previewSchema = z
	.looseObject({
		occurrences: z.array(
			z.looseObject({
				at: instant,
				local: text,
				viewerLocal: text.optional(),
				dueAt: instant.optional(),
				planned: z.enum(['run', 'skip']),
				reason: text.nullable(),
				notes: z.array(text),
			}),
		),
		understood: jsonObjectSchema,
		warnings: z.array(warningSchema),
	})
	.meta({ id: 'Preview' });

export const lintSchema = z
	.looseObject({
		ok: z.boolean().meta({ description: 'Whether a schedule could be made of it.' }),
		errors: z.array(
			z.looseObject({ code: text, path: text, expected: text, received: text.optional() }),
		),
		warnings: z.array(warningSchema),
	})
	.meta({ id: 'Lint' });

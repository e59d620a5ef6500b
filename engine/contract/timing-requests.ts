import { z } from 'zod';

import { idSchema } from './ids.ts';
import { policiesSchema } from './policies.ts';
import { instantSchema } from './time.ts';
import { timingInputSchema } from './timing.ts';
import { listed } from './zod-words.ts';

/* Questions about timing that touch nothing. */

export const MAX_PREVIEW = 1000;

/** One of the three ways to say when, as in `POST /{capability}/schedule`. */
export const whenFields = {
	timing: timingInputSchema.optional().describe('When it is due, in full.'),
	time: z
		.string()
		.min(1)
		.max(60)
		.optional()
		.meta({ examples: ['in 10m'] })
		.describe('Short form, one shot: an instant or `in 10m`.'),
	frequency: z
		.string()
		.min(1)
		.max(200)
		.optional()
		.meta({ examples: ['every 15m'] })
		.describe('Short form, recurring.'),
};

type When = Partial<Record<'timing' | 'time' | 'frequency', unknown>>;

export function demandOneWhen(input: When, context: z.core.$RefinementCtx<When>): void {
	const sent = (['timing', 'time', 'frequency'] as const).filter((x) => input[x] !== undefined);
	if (sent.length === 1) return;
	context.addIssue({
		code: 'custom',
		path: ['timing'],
		message: 'exactly one of "timing", "time" and "frequency"',
		params: { received: sent.length === 0 ? 'none' : listed(sent) },
		input,
	});
}

export const ONE_WHEN = [
	{ required: ['timing'] },
	{ required: ['time'] },
	{ required: ['frequency'] },
];

/** `POST /v1/timing/preview`. */
export const previewInputSchema = z
	.strictObject({
		...whenFields,
		from: instantSchema.optional().describe('Instants after this one; now unless given.'),
		count: z
			.number()
			.int()
			.min(1)
			.max(MAX_PREVIEW)
			.default(10)
			.describe('How many, those that are skipped included.'),
		viewerTimeZone: z
			.string()
			.min(1)
			.max(64)
			.optional()
			.meta({ examples: ['America/New_York'] })
			.describe('Whose clock `viewerLocal` shows.'),
		policies: policiesSchema
			.optional()
			.describe('Looked at for warnings: what contradicts the timing.'),
		scheduleId: idSchema('schedule')
			.optional()
			.describe('What jitter and `~` depend on: given, their values are those of that schedule.'),
	})
	.superRefine(demandOneWhen)
	.meta({ id: 'PreviewInput', oneOf: ONE_WHEN });

export type PreviewInput = z.output<typeof previewInputSchema>;

/** `POST /v1/timing/lint`: what is wrong with it is the answer, not an error. */
export const lintInputSchema = z
	.looseObject({
		timing: z.unknown().optional(),
		time: z.unknown().optional(),
		frequency: z.unknown().optional(),
		policies: z.unknown().optional(),
	})
	.meta({
		id: 'LintInput',
		description:
			'`timing`, `time` or `frequency`, and `policies`, as in `POST /{capability}/schedule`, right or wrong.',
	});

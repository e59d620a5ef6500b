import { z } from 'zod';

import { count, instant, text } from './answers-parts.ts';
import { jsonObjectSchema } from './json.ts';
import { transitionSchema } from './answers-schedules.ts';
import { runSchema } from './answers-runs.ts';
import { RUN_STATES } from './run.ts';
import { EXPLAINED_RULES, STEP_RESULTS, VERDICTS_BESIDE_OUTCOMES } from './explanation.ts';
import { OUTCOMES } from './schedule.ts';

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
		words: text.meta({ description: 'The same in one English sentence.' }),
		transitions: z.array(transitionSchema).meta({
			description: 'The clock changes of the next 400 days, four at most.',
		}),
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

const counts = z.record(z.string(), count);

export const simulationSchema = z
	.looseObject({
		schedules: z.array(
			z.looseObject({
				name: text,
				occurrences: z.array(
					z.looseObject({
						nominalAt: instant,
						local: text,
						dueAt: instant,
						outcome: z.enum(OUTCOMES).nullable().meta({
							description: 'Null: nobody was there to decide, or it was paused, to the end.',
						}),
						reason: text.nullable(),
						decidedAt: instant.nullable(),
						lateness: text.nullable(),
						run: z
							.looseObject({
								state: z.enum(RUN_STATES),
								startedAt: instant.nullable(),
								endedAt: instant.nullable(),
								attempts: count,
							})
							.nullable(),
					}),
				),
				totals: z.looseObject({
					outcomes: counts,
					runs: counts,
					attempts: count,
					busy: text,
					longestWait: text,
					mostAtOnce: count,
				}),
			}),
		),
	})
	.meta({ id: 'Simulation' });

const ruleSchema = z.looseObject({
	timing: jsonObjectSchema,
	schedules: count,
	scheduleIds: z.array(text).meta({ description: 'The first twenty of them.' }),
});

export const forecastSchema = z
	.looseObject({
		from: instant,
		to: instant.meta({ description: 'Exclusive.' }),
		bucket: z.enum(['minute', 'hour']),
		schedules: count.meta({ description: 'How many active ones were counted.' }),
		occurrences: count,
		counts: z
			.array(count)
			.meta({ description: 'How many are due in each bucket, from `from` on.' }),
		peaks: z.array(
			z.looseObject({
				at: instant,
				count,
				causes: z.array(z.looseObject({ ...ruleSchema.shape, occurrences: count })),
			}),
		),
		proposal: z
			.looseObject({
				peakBefore: count,
				peakAfter: count,
				jitter: z.array(z.looseObject({ ...ruleSchema.shape, jitter: text })),
			})
			.nullable()
			.meta({ description: 'Jitter that would flatten the peaks; null where it would not.' }),
	})
	.meta({ id: 'Forecast' });

const nearestSchema = z.looseObject({ at: instant, local: text }).nullable();

export const explanationSchema = z
	.looseObject({
		at: instant,
		local: text,
		verdict: z.enum([...OUTCOMES, ...VERDICTS_BESIDE_OUTCOMES]),
		summary: text.meta({ description: 'One sentence.' }),
		chain: z.array(
			z.looseObject({
				rule: z.enum(EXPLAINED_RULES),
				value: text,
				result: z.enum(STEP_RESULTS).meta({
					description: '`stopped`: this one decided; `open`: not known before it is due.',
				}),
				text,
			}),
		),
		nearest: z.looseObject({ previous: nearestSchema, next: nearestSchema }),
		run: runSchema.nullable(),
	})
	.meta({ id: 'Explanation' });

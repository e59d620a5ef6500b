import { z } from 'zod';

import { count, id, instant, secretsSchema, text } from './answers-parts.ts';
import { TRIGGERS } from './envelope.ts';
import { jsonObjectSchema } from './json.ts';
import { OUTCOMES, SCHEDULE_STATES } from './schedule.ts';

/* What the REST API answers about schedules. */

export const upcomingSchema = z
	.looseObject({
		at: instant,
		local: text,
		dueAt: instant.optional(),
		movedFrom: instant.optional(),
		notes: z.array(text),
	})
	.meta({ id: 'UpcomingOccurrence' });

export const transitionSchema = z
	.looseObject({
		at: instant,
		kind: z.enum(['gap', 'fold']).meta({
			description: '`gap`: local times are left out; `fold`: local times come twice.',
		}),
		width: text.meta({ description: 'By how much the clock is set: `1h`.' }),
		localBefore: text.meta({ description: 'What the clock would show without the change.' }),
		localAfter: text.meta({ description: 'What it shows.' }),
		effect: z.enum(['none', 'shifted', 'skipped', 'first', 'last', 'both', 'drifts']),
		text,
	})
	.meta({
		id: 'ClockTransition',
		description: 'A clock change of the zone, and what happens to the timing there.',
	});

export const acceptedSchema = z
	.looseObject({
		scheduleId: id('sch'),
		status: z.enum(SCHEDULE_STATES),
		understood: jsonObjectSchema.meta({
			description:
				'The timing as it was understood: relative times resolved, `every` anchored, English as rules.',
		}),
		words: text.meta({ description: 'The same in one English sentence.' }),
		nextOccurrences: z.array(upcomingSchema),
		transitions: z
			.array(transitionSchema)
			.meta({ description: 'The clock changes of the next 400 days, four at most.' }),
		warnings: z.array(z.looseObject({ code: text, message: text })),
		links: z.record(z.string(), z.string()),
		secrets: secretsSchema.optional(),
	})
	.meta({ id: 'AcceptedSchedule' });

export const scheduleSchema = z
	.looseObject({
		id: id('sch'),
		name: text.nullable(),
		capability: text,
		action: text,
		status: z.enum(SCHEDULE_STATES),
		pauseReason: text.nullable().meta({
			description:
				'`by_user`, `on_failure`, `webhook_missing` or `secrets_missing`, while it is paused.',
		}),
		revision: count,
		timing: jsonObjectSchema,
		lastOccurrenceAt: instant.nullable(),
		nextOccurrenceAt: instant.nullable(),
		runsMade: count,
		labels: z.record(z.string(), z.string()),
		metadata: jsonObjectSchema,
		createdAt: instant,
		updatedAt: instant,
	})
	.meta({ id: 'Schedule' });

export const scheduleDetailsSchema = z
	.looseObject({
		...scheduleSchema.shape,
		parameters: jsonObjectSchema,
		policies: jsonObjectSchema,
		delivery: jsonObjectSchema.nullable(),
		notify: z.array(jsonObjectSchema),
		overrides: z
			.looseObject({
				skipped: z.array(z.looseObject({ at: instant, by: text })),
				moved: z.array(z.looseObject({ from: instant, to: instant, by: text })),
			})
			.meta({ description: 'What people did to occurrences that have no outcome yet.' }),
		nextOccurrences: z.array(upcomingSchema),
		links: z.record(z.string(), z.string()),
	})
	.meta({ id: 'ScheduleDetails' });

export const updatedSchema = z
	.looseObject({
		...scheduleDetailsSchema.shape,
		changed: z.array(text).meta({ description: 'The fields that are not as they were.' }),
		droppedOverrides: count.meta({
			description: 'Skipped and moved occurrences that went with the timing they belonged to.',
		}),
		warnings: z.array(z.looseObject({ code: text, message: text })),
		secrets: secretsSchema.optional(),
	})
	.meta({ id: 'UpdatedSchedule' });

export const actedSchema = z
	.looseObject({
		occurrences: z
			.array(instant)
			.meta({ description: 'What it was done to; empty when all was so already.' }),
		schedule: scheduleDetailsSchema,
	})
	.meta({ id: 'ActedOnOccurrences' });

export const occurrenceSchema = z
	.looseObject({
		nominalAt: instant,
		local: text.meta({ description: "The wall-clock time in the schedule's zone." }),
		dueAt: instant,
		outcome: z.enum(OUTCOMES).nullable().meta({ description: 'Null: not decided yet.' }),
		planned: z
			.enum(['run', 'skip'])
			.nullable()
			.meta({ description: 'What is foreseen while there is no outcome; null once there is.' }),
		decidedAt: instant.nullable(),
		trigger: z.enum(TRIGGERS).nullable(),
		runId: id('run').nullable(),
		reason: text.nullable(),
		movedFrom: instant.nullable(),
		notes: z.array(text),
	})
	.meta({ id: 'Occurrence' });

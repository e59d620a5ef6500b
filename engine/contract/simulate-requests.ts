import { z } from 'zod';

import { idSchema } from './ids.ts';
import { titleSchema } from './names.ts';
import { policiesSchema } from './policies.ts';
import { durationSchema, instantSchema, parseDuration } from './time.ts';
import { whenFields } from './timing-requests.ts';

/* `POST /v1/simulate`: what would become of it all, if. */

const spanSchema = {
	from: instantSchema,
	to: instantSchema,
};

const ordered = ({ from, to }: { from: number; to: number }): boolean => from < to;
const ORDERED = { path: ['to'], error: 'an instant after "from"' };

const outageSchema = z
	.strictObject({
		...spanSchema,
		ends: z
			.enum(['crash', 'orderly'])
			.default('crash')
			.describe(
				'How the engine goes: attempts under way are found lost when the next one starts (`crash`), or given up by the engine itself as it goes (`orderly`, with nothing waited for).',
			),
	})
	.refine(ordered, ORDERED);

const pauseSchema = z
	.strictObject({
		...spanSchema,
		schedule: titleSchema.optional().describe('By its `name`; all of them unless given.'),
	})
	.refine(ordered, ORDERED);

/** `+30m`, `-1h`: by how much a clock is set. */
const shiftSchema = z
	.string()
	.max(40)
	.transform((text, context): number => {
		const length = parseDuration(text.replace(/^[+-]/, ''));
		if (length === undefined || length === 0 || !/^[+-]/.test(text)) {
			context.addIssue({
				code: 'custom',
				message: 'how far the clock is set, like "+30m" or "-1h"',
			});
			return z.NEVER;
		}
		return text.startsWith('-') ? -length : length;
	})
	.meta({ examples: ['+30m'] });

const simulatedDuration = z.union([
	durationSchema,
	z
		.strictObject({ min: durationSchema, max: durationSchema })
		.refine(({ min, max }) => min <= max, { path: ['max'], error: 'a duration not below "min"' }),
]);

const simulatedFailures = z.union([
	z.number().min(0).max(1).describe('The share of attempts that fail: 0 to 1.'),
	z
		.array(z.number().int().min(1).max(50_000))
		.max(1000)
		.describe('Which attempts of the schedule fail, counted from 1.'),
]);

export const simulatedScheduleSchema = z
	.strictObject({
		name: titleSchema
			.optional()
			.describe('As the answer calls it; it must be given unless `scheduleId` is.'),
		...whenFields,
		policies: policiesSchema
			.optional()
			.describe('Those of the schedule, or the defaults, unless given.'),
		scheduleId: idSchema('schedule')
			.optional()
			.describe('A schedule that is there: its timing and policies as they are.'),
		duration: simulatedDuration
			.default(0)
			.describe('How long an attempt takes: always so long, or anything between `min` and `max`.'),
		failures: simulatedFailures.default(0),
	})
	.superRefine((input, context) => {
		const sent = (['timing', 'time', 'frequency', 'scheduleId'] as const).filter(
			(field) => input[field] !== undefined,
		);
		const refuse = (path: string, message: string, received: string): void => {
			context.addIssue({ code: 'custom', path: [path], message, params: { received } });
		};
		if (sent.length !== 1) {
			const received = sent.length === 0 ? 'none' : sent.join(' and ');
			refuse('timing', 'exactly one of "timing", "time", "frequency" and "scheduleId"', received);
		} else if (input.name === undefined && input.scheduleId === undefined) {
			refuse('name', 'a name, by which the answer calls it', 'nothing');
		}
	})
	.meta({ id: 'SimulatedScheduleInput' });

export const simulateInputSchema = z
	.strictObject({
		schedules: z.array(simulatedScheduleSchema).min(1).max(100),
		from: instantSchema.optional().describe('Now unless given.'),
		to: instantSchema.describe(
			'Inclusive. Runs that have begun by then are followed to their end.',
		),
		outages: z
			.array(outageSchema)
			.max(100)
			.default([])
			.describe('While no engine runs; attempts under way at its start are lost.'),
		clockChanges: z
			.array(z.strictObject({ at: instantSchema, by: shiftSchema }))
			.max(100)
			.default([])
			.describe(
				"When somebody sets the engine's clock, and how far. All other instants are true time.",
			),
		pauses: z.array(pauseSchema).max(100).default([]).describe('While schedules are paused.'),
		concurrency: z
			.number()
			.int()
			.min(1)
			.max(10_000)
			.optional()
			.describe("Runs in flight at most; the engine's setting unless given."),
	})
	.meta({ id: 'SimulateInput' });

export type SimulateInput = z.output<typeof simulateInputSchema>;
export type SimulatedScheduleInput = z.output<typeof simulatedScheduleSchema>;

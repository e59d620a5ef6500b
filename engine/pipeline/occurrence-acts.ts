import { z } from 'zod';

import type { Actor } from '../contract/access.ts';
import type { Calendars } from '../contract/calendar.ts';
import type { ScheduleId } from '../contract/ids.ts';
import type { RunSpec, Schedule } from '../contract/schedule.ts';
import { instantSchema, toIso } from '../contract/time.ts';
import type { Acted, ActContext } from '../core/schedule/overrides.ts';
import { moved, nextUnder, skipped, unskipped } from '../core/schedule/overrides.ts';
import type { Changed, Decided } from './change-schedule.ts';
import { calendarsOf } from './calendars.ts';
import { changeSchedule, specOf } from './change-schedule.ts';
import type { Answered, Context, OnceRequest } from './context.ts';

const at = instantSchema
	.optional()
	.describe('The nominal instant of the occurrence; the next one that is to be run unless given.');

/** `POST /v1/schedules/{id}/skip`. */
export const skipInputSchema = z
	.strictObject({
		at,
		count: z
			.number()
			.int()
			.min(1)
			.max(100)
			.optional()
			.describe('How many of the next ones; 1 unless given.'),
	})
	.refine((wish) => wish.at === undefined || wish.count === undefined, {
		path: ['count'],
		error: 'either "at" or "count"',
	})
	.meta({ id: 'SkipInput' });

/** `POST /v1/schedules/{id}/unskip`. */
export const unskipInputSchema = z
	.strictObject({
		at: instantSchema
			.optional()
			.describe('The nominal instant of the occurrence; all that are to be skipped unless given.'),
	})
	.meta({ id: 'UnskipInput' });

/** `POST /v1/schedules/{id}/move`. */
export const moveInputSchema = z
	.strictObject({
		at,
		to: instantSchema.describe(
			'When it is run instead: in the future, within `start` and `end`, and no other occurrence there.',
		),
	})
	.meta({ id: 'MoveInput' });

/** What an act on occurrences is answered with, beside the schedule. */
export interface ActedOn {
	/** Nominal instants that it was done to, in ISO 8601; empty when all was so already. */
	occurrences: string[];
	calendars: Calendars;
	spec: RunSpec;
}

export interface OccurrenceAct<W> {
	id: ScheduleId;
	ifMatch?: number | undefined;
	wish: W;
}

type Once = OnceRequest<Changed<ActedOn>> | undefined;
type Result = Promise<Answered<Changed<ActedOn>>>;

/** The next ones, or one that is named, will be `skipped_by_user`. */
export async function skipOccurrences(
	ctx: Context,
	actor: Actor,
	act: OccurrenceAct<z.output<typeof skipInputSchema>>,
	once?: Once,
): Result {
	return onOccurrences(ctx, actor, { ...act, done: 'skipped' }, once, (schedule, context) => ({
		acted: skipped(schedule, act.wish, context),
		type: 'schedule.occurrence_skipped',
	}));
}

/** Takes skips back, while they are not decided. */
export async function unskipOccurrences(
	ctx: Context,
	actor: Actor,
	act: OccurrenceAct<z.output<typeof unskipInputSchema>>,
	once?: Once,
): Result {
	return onOccurrences(ctx, actor, { ...act, done: 'unskipped' }, once, (schedule) => ({
		acted: unskipped(schedule, act.wish.at),
		type: 'schedule.occurrence_unskipped',
	}));
}

/** The next one, or one that is named, is run at another instant. */
export async function moveOccurrence(
	ctx: Context,
	actor: Actor,
	act: OccurrenceAct<z.output<typeof moveInputSchema>>,
	once?: Once,
): Result {
	return onOccurrences(ctx, actor, { ...act, done: 'moved' }, once, (schedule, context) => ({
		acted: moved(schedule, act.wish, context),
		type: 'schedule.occurrence_moved',
		data: { to: toIso(act.wish.to) },
	}));
}

async function onOccurrences(
	ctx: Context,
	actor: Actor,
	act: { id: ScheduleId; ifMatch?: number | undefined; done: string },
	once: Once,
	decide: (
		schedule: Schedule,
		context: ActContext,
	) => { acted: Acted } & Pick<NonNullable<Decided<ActedOn>['change']>, 'type' | 'data'>,
): Result {
	const whole = {
		id: act.id,
		ifMatch: act.ifMatch,
		from: ['active', 'paused'] as const,
		settled: true as const,
		done: `have occurrences ${act.done}`,
	};
	return changeSchedule<ActedOn>(
		ctx,
		actor,
		whole,
		async (schedule, now) => {
			const calendars = await calendarsOf(ctx, schedule);
			const { acted, type, data } = decide(schedule, { now, by: actor.keyId, calendars });
			const spec = await specOf(ctx, schedule);
			const told = { occurrences: acted.at.map(toIso), calendars, spec };
			if (acted.at.length === 0) return { change: null, told };
			const next = nextUnder(schedule, acted.overrides, { now, calendars });
			return {
				change: {
					set: { ...next, zoneData: ctx.zoneData, updatedAt: now },
					timerAt: schedule.state === 'active' ? next.dueAt : null,
					calendars,
					type,
					data: { occurrences: told.occurrences, ...data },
				},
				told,
			};
		},
		once,
	);
}

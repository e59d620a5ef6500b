import { z } from 'zod';

import type { Actor } from '../contract/access.ts';
import type { RunSettlement } from '../contract/change.ts';
import type { EventDraft } from '../contract/event.ts';
import type { ScheduleId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import { jsonObjectSchema } from '../contract/json.ts';
import type { Run } from '../contract/run.ts';
import type { Backlog, RunSpec, Schedule, SpecRecord } from '../contract/schedule.ts';
import type { Instant } from '../contract/time.ts';
import { slaAfterEnd } from '../core/run/sla.ts';
import { newRun } from '../core/schedule/occurrences.ts';
import { cancelled, runEvent } from '../core/run/transitions.ts';
import { findAction } from './capabilities.ts';
import type { Changed } from './change-schedule.ts';
import { changeSchedule, done, findSchedule, specOf } from './change-schedule.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import { checkParameters } from './parameters.ts';
import { specId } from './spec-id.ts';

/** Occurrences from now on wait for what is said when it is resumed; runs that exist go on. */
export async function pauseSchedule(
	ctx: Context,
	actor: Actor,
	act: { id: ScheduleId; ifMatch?: number | undefined },
): Promise<Changed<boolean>> {
	const from = ['active', 'paused'] as const;
	return done(
		await changeSchedule(ctx, actor, { ...act, from, done: 'be paused' }, (schedule, now) => {
			if (schedule.state === 'paused') return { change: null, told: false };
			return {
				change: {
					set: {
						state: 'paused',
						pauseReason: 'by_user',
						pauses: [...schedule.pauses, { from: now, to: null }],
						updatedAt: now,
					},
					timerAt: null,
					type: 'schedule.paused',
				},
				told: true,
			};
		}),
	);
}

/** What fell into the pause becomes what `backlog` says, then it goes on as before. */
export async function resumeSchedule(
	ctx: Context,
	actor: Actor,
	act: { id: ScheduleId; ifMatch?: number | undefined; backlog: Backlog },
): Promise<Changed<boolean>> {
	const from = ['active', 'paused'] as const;
	return done(
		await changeSchedule(ctx, actor, { ...act, from, done: 'be resumed' }, (schedule, now) => {
			if (schedule.state === 'active') return { change: null, told: false };
			const { pauses, nextAt, dueAt } = schedule;
			return {
				change: {
					set: {
						// Its timing may be over since it was changed.
						state: nextAt === null ? 'completed' : 'active',
						pauseReason: null,
						failures: 0,
						pauses: pauses.map((pause) =>
							pause.to === null ? { ...pause, to: now, backlog: act.backlog } : pause,
						),
						updatedAt: now,
					},
					timerAt: dueAt,
					type: 'schedule.resumed',
					data: { backlog: act.backlog },
					...(nextAt === null ? { more: [completedEvent(schedule, now)] } : {}),
				},
				told: true,
			};
		}),
	);
}

function completedEvent({ tenant, id, runsMade }: Schedule, at: Instant): EventDraft {
	return {
		type: 'schedule.completed',
		tenant,
		at,
		subject: { scheduleId: id },
		data: { runsMade },
	};
}

/** Nothing more fires, and runs that have not begun are cancelled; one that is running ends as it will. */
export async function removeSchedule(
	ctx: Context,
	actor: Actor,
	act: { id: ScheduleId; ifMatch?: number | undefined },
): Promise<void> {
	const from = ['active', 'paused', 'completed'] as const;
	const { told } = done(
		await changeSchedule(
			ctx,
			actor,
			{ ...act, from, done: 'be deleted' },
			async (_schedule, now) => {
				const { runs, ends } = await endsOfUnbegun(ctx, actor, { id: act.id, at: now });
				return {
					change: {
						set: { state: 'deleted', updatedAt: now },
						timerAt: null,
						type: 'schedule.deleted',
						settle: ends,
					},
					told: runs,
				};
			},
		),
	);
	// Those that were triggered since that look; none is from now on.
	const late = await endsOfUnbegun(ctx, actor, { id: act.id, at: ctx.clock.now() });
	if (late.ends.length > 0) await ctx.store.settleRuns(late.ends);
	for (const run of [...told, ...late.runs]) ctx.wake.runEnded(run.id);
}

/** Of all runs of the schedule that have not begun. */
async function endsOfUnbegun(
	ctx: Context,
	actor: Actor,
	{ id, at }: { id: ScheduleId; at: Instant },
): Promise<{ runs: Run[]; ends: RunSettlement[] }> {
	const active = await ctx.store.activeRunsOf(actor.tenant, id);
	const runs = active.filter(({ state }) => state === 'queued' || state === 'retrying');
	const message = 'its schedule was deleted';
	return { runs, ends: runs.flatMap((run) => endOfUnbegun(ctx, run, { at, message })) };
}

/** Of a run that goes with what made it, if it has not begun: nobody is told of it any more. */
export function endOfUnbegun(
	ctx: Pick<Context, 'newId'>,
	run: Run,
	{ at, message }: { at: Instant; message: string },
): RunSettlement[] {
	const end: RunSettlement = {
		...cancelled(run, {
			at,
			error: { code: 'CANCELLED', message },
			followUps: { deliveries: [], notifications: [], links: [] },
		}),
		// One that has begun meanwhile goes on.
		from: ['queued', 'retrying'],
	};
	const sla = slaAfterEnd(run, null, end, { at, newId: ctx.newId });
	return sla === null ? [end] : [end, sla];
}

/** `POST /v1/schedules/{id}/trigger`. */
export const triggerInputSchema = z
	.strictObject({
		parameters: jsonObjectSchema
			.optional()
			.describe("Laid over the schedule's parameters, key by key, for this run only."),
	})
	.meta({ id: 'TriggerInput' });

/** A run now, beside the timing. It waits for a run of the schedule that is not over, unless overlap allows all. */
export async function triggerSchedule(
	ctx: Context,
	actor: Actor,
	act: { id: ScheduleId; parameters?: JsonObject | undefined },
	once?: OnceRequest<Run>,
): Promise<Answered<Run>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const schedule = await findSchedule(ctx, actor, act.id);
	const { spec, record } = await specWith(ctx, actor, schedule, act.parameters);
	const run = newRun({
		id: ctx.newId('run'),
		spec,
		specId: record?.id ?? schedule.specId,
		scheduleId: act.id,
		trigger: 'manual',
		nominalAt: null,
		windowStart: schedule.lastAt,
		now: ctx.clock.now(),
	});
	const specs = record === null ? [] : [record];
	return addRun(ctx, actor, { run, specs, schedule: { tenant: actor.tenant, id: act.id } }, once);
}

/** What a run of the schedule is made of, with other parameters where some are given. */
export async function specWith(
	ctx: Context,
	actor: Actor,
	schedule: Schedule,
	parameters: JsonObject | undefined,
): Promise<{ spec: RunSpec; record: SpecRecord | null }> {
	const kept = await specOf(ctx, schedule);
	if (parameters === undefined) return { spec: kept, record: null };
	const { capability, action } = schedule;
	const found = await findAction(ctx, actor, { capability, action });
	const spec = { ...kept, parameters: { ...kept.parameters, ...parameters } };
	await checkParameters(found.action, spec.parameters);
	return { spec, record: { id: specId(spec), spec } };
}

/** Stores a run that no occurrence made. */
export async function addRun(
	ctx: Context,
	actor: Actor,
	add: { run: Run } & Pick<Parameters<Context['store']['addRuns']>[0], 'specs' | 'schedule'>,
	once: OnceRequest<Run> | undefined,
): Promise<Answered<Run>> {
	const { run, ...more } = add;
	const stored = await ctx.store.addRuns(
		{
			...more,
			runs: [run],
			settle: [],
			events: [
				runEvent('run.queued', run, run.createdAt, { by: actor.keyId, trigger: run.trigger }),
			],
		},
		onceRecord(ctx, actor, once, run),
	);
	if (stored.replayed && once !== undefined) {
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	ctx.wake.poke();
	return { kind: 'done', answer: run };
}

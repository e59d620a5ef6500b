import type { Actor } from '../contract/access.ts';
import { CapError } from '../contract/errors.ts';
import type { RunSettlement } from '../contract/change.ts';
import type { EventDraft, EventType } from '../contract/event.ts';
import type { ScheduleId } from '../contract/ids.ts';
import type { Run } from '../contract/run.ts';
import type { Schedule, ScheduleState } from '../contract/schedule.ts';
import { slaAfterEnd } from '../core/run/sla.ts';
import { newRun } from '../core/schedule/occurrences.ts';
import { cancelled, runEvent } from '../core/run/transitions.ts';
import { mayUse } from './access.ts';
import { revisionDiffers } from './capabilities.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';

/** A schedule that the actor may see. @throws CapError NOT_FOUND */
export async function findSchedule(ctx: Context, actor: Actor, id: ScheduleId): Promise<Schedule> {
	const schedule = await ctx.store.getSchedule(actor.tenant, id);
	if (schedule === null || !mayUse(actor, schedule.capability)) {
		throw new CapError('NOT_FOUND', `no schedule ${id}`);
	}
	return schedule;
}

/** Occurrences from now on become `skipped_paused` until it is resumed; runs that exist go on. */
export async function pauseSchedule(
	ctx: Context,
	actor: Actor,
	id: ScheduleId,
	ifMatch?: number,
): Promise<Schedule> {
	return change(ctx, actor, { id, ifMatch }, (schedule, now) => {
		if (schedule.state === 'paused') return null;
		requireState(schedule, 'active', 'paused');
		return {
			from: ['active'],
			set: {
				state: 'paused',
				pauseReason: 'by_user',
				pauses: [...schedule.pauses, { from: now, to: null }],
				updatedAt: now,
			},
			timerAt: null,
			type: 'schedule.paused',
		};
	});
}

/** What fell into the pause is written down as `skipped_paused`, then it goes on as before. */
export async function resumeSchedule(
	ctx: Context,
	actor: Actor,
	id: ScheduleId,
	ifMatch?: number,
): Promise<Schedule> {
	return change(ctx, actor, { id, ifMatch }, (schedule, now) => {
		if (schedule.state === 'active') return null;
		requireState(schedule, 'paused', 'resumed');
		return {
			from: ['paused'],
			set: {
				state: 'active',
				pauseReason: null,
				failures: 0,
				pauses: schedule.pauses.map((pause) => (pause.to === null ? { ...pause, to: now } : pause)),
				updatedAt: now,
			},
			timerAt: schedule.dueAt,
			type: 'schedule.resumed',
		};
	});
}

/** Nothing more fires, and runs that have not begun are cancelled; one that is running ends as it will. */
export async function removeSchedule(
	ctx: Context,
	actor: Actor,
	id: ScheduleId,
	ifMatch?: number,
): Promise<void> {
	let notBegun: Run[] = [];
	await change(ctx, actor, { id, ifMatch }, async (_schedule, now) => {
		const active = await ctx.store.activeRunsOf(actor.tenant, id);
		notBegun = active.filter(({ state }) => state === 'queued' || state === 'retrying');
		return {
			from: ['active', 'paused', 'completed'],
			set: { state: 'deleted', updatedAt: now },
			timerAt: null,
			type: 'schedule.deleted',
			cancel: notBegun,
		};
	});
	for (const run of notBegun) ctx.wake.runEnded(run.id);
}

interface ScheduleChange {
	from: readonly ScheduleState[];
	set: Partial<Pick<Schedule, 'state' | 'pauseReason' | 'pauses' | 'failures' | 'updatedAt'>>;
	timerAt: number | null;
	type: EventType;
	cancel?: Run[];
}

const ROUNDS = 5;

/** Decides on the schedule as it is and writes only if it still is so; an occurrence may come in between. */
async function change(
	ctx: Context,
	actor: Actor,
	{ id, ifMatch }: { id: ScheduleId; ifMatch: number | undefined },
	decide: (
		schedule: Schedule,
		now: number,
	) => ScheduleChange | null | Promise<ScheduleChange | null>,
): Promise<Schedule> {
	for (let round = 0; round < ROUNDS; round++) {
		const schedule = await findSchedule(ctx, actor, id);
		if (ifMatch !== undefined && ifMatch !== schedule.revision) throw revisionDiffers(id);
		const now = ctx.clock.now();
		const decided = await decide(schedule, now);
		if (decided === null) return schedule;
		const { from, set, timerAt, type, cancel = [] } = decided;
		const event: EventDraft = {
			type,
			tenant: actor.tenant,
			at: now,
			subject: { scheduleId: id },
			data: { by: actor.keyId },
		};
		const changed = await ctx.store.changeSchedule({
			tenant: actor.tenant,
			id,
			from,
			...(ifMatch === undefined ? {} : { expected: ifMatch }),
			readNextAt: schedule.nextAt,
			set,
			timerAt,
			settle: cancel.flatMap((run) => endOfUnbegun(ctx, run, now)),
			events: [event],
		});
		if (changed === 'not_found') throw new CapError('NOT_FOUND', `no schedule ${id}`);
		if (changed === 'revision_differs') throw revisionDiffers(id);
		if (changed !== 'state_differs') {
			ctx.wake.poke();
			return changed;
		}
	}
	throw new CapError('CONFLICT', `${id} is changing at this moment, try again`, { retry: 'later' });
}

/** Of a run that goes with its schedule, if it has not begun: nobody is told of it any more. */
function endOfUnbegun(ctx: Context, run: Run, at: number): RunSettlement[] {
	const end: RunSettlement = {
		...cancelled(run, {
			at,
			error: { code: 'CANCELLED', message: 'its schedule was deleted' },
			followUps: { deliveries: [], notifications: [], links: [] },
		}),
		// One that has begun meanwhile goes on.
		from: ['queued', 'retrying'],
	};
	const sla = slaAfterEnd(run, null, end, { at, newId: ctx.newId });
	return sla === null ? [end] : [end, sla];
}

function requireState(schedule: Schedule, state: ScheduleState, act: string): void {
	if (schedule.state === state) return;
	throw new CapError('CONFLICT', `${schedule.id} is ${schedule.state} and cannot be ${act}`);
}

/** A run now, beside the timing. It waits for a run of the schedule that is not over, unless overlap allows all. */
export async function triggerSchedule(
	ctx: Context,
	actor: Actor,
	id: ScheduleId,
	once?: OnceRequest<Run>,
): Promise<Answered<Run>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const schedule = await findSchedule(ctx, actor, id);
	const spec = (await ctx.store.getSpecs([schedule.specId])).get(schedule.specId);
	if (spec === undefined) throw new CapError('INTERNAL', `spec of ${id} is missing`);
	const now = ctx.clock.now();
	const run = newRun({
		id: ctx.newId('run'),
		spec,
		specId: schedule.specId,
		scheduleId: id,
		trigger: 'manual',
		nominalAt: null,
		windowStart: schedule.lastAt,
		now,
	});
	return addRun(ctx, actor, { run, specs: [] }, once);
}

/** Stores a run that no occurrence made. */
export async function addRun(
	ctx: Context,
	actor: Actor,
	add: { run: Run; specs: Parameters<Context['store']['addRuns']>[0]['specs'] },
	once: OnceRequest<Run> | undefined,
): Promise<Answered<Run>> {
	const { run, specs } = add;
	const stored = await ctx.store.addRuns(
		{
			runs: [run],
			specs,
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

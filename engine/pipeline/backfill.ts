import type { Actor } from '../contract/access.ts';
import type { Backfill, BackfillInput } from '../contract/backfill.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { RunSettlement } from '../contract/change.ts';
import type { BackfillId, ScheduleId } from '../contract/ids.ts';
import type { Run, RunState } from '../contract/run.ts';
import type { Schedule } from '../contract/schedule.ts';
import { toIso } from '../contract/time.ts';
import { cancelled, runEvent } from '../core/run/transitions.ts';
import type { PastOccurrence } from '../core/schedule/backfill.ts';
import { backfillRuns, pastOccurrences } from '../core/schedule/backfill.ts';
import { planOf } from '../core/schedule/plan.ts';
import { mayUse } from './access.ts';
import { endOfUnbegun, specWith } from './acts.ts';
import { calendarsOf } from './calendars.ts';
import { findSchedule, settledSchedule } from './change-schedule.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { makeFollowUps } from './follow-ups.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import type { Page, PageRequest } from '../stores/store.port.ts';

export interface BackfillWish {
	id: ScheduleId;
	input: BackfillInput;
}

/** What a backfill would run. Nothing is made. */
export async function planBackfill(
	ctx: Context,
	actor: Actor,
	{ id, input }: BackfillWish,
): Promise<{ schedule: Schedule; occurrences: PastOccurrence[] }> {
	const schedule = await settledSchedule(ctx, actor, id);
	const now = ctx.clock.now();
	if (input.to > now) {
		throw inputError('INVALID_REQUEST', {
			path: 'to',
			expected: `an instant not after now (${toIso(now)})`,
			received: toIso(input.to),
		});
	}
	const { from, to } = input;
	const ran =
		input.which === 'all'
			? new Set<number>()
			: await ctx.store.instantsThatRan(actor.tenant, id, { from, to });
	const { timing } = schedule;
	// What people do to single occurrences concerns those to come.
	const plan = planOf({ timing, calendars: await calendarsOf(ctx, schedule), seed: id });
	return { schedule, occurrences: pastOccurrences(plan, { from, to }, ran) };
}

/** Runs for a range of the past, beside the schedule's own: all of them, and the backfill, in one commit. */
export async function createBackfill(
	ctx: Context,
	actor: Actor,
	wish: BackfillWish,
	once?: OnceRequest<Backfill>,
): Promise<Answered<Backfill>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const { schedule, occurrences } = await planBackfill(ctx, actor, wish);
	const { input } = wish;
	const { spec, record } = await specWith(ctx, actor, schedule, input.parameters);
	const now = ctx.clock.now();
	const backfill: Backfill = {
		id: ctx.newId('backfill'),
		tenant: actor.tenant,
		scheduleId: schedule.id,
		capability: schedule.capability,
		state: 'running',
		fromAt: input.from,
		toAt: input.to,
		concurrency: input.concurrency,
		ordering: input.order,
		which: input.which,
		total: occurrences.length,
		counts: null,
		createdBy: actor.keyId,
		createdAt: now,
		endedAt: null,
	};
	const specId = record?.id ?? schedule.specId;
	const runs = backfillRuns(backfill, occurrences, { spec, specId, newId: ctx.newId });
	const { id, total } = backfill;
	const stored = await ctx.store.createBackfill(
		{
			backfill,
			spec: record,
			runs,
			events: [
				{
					type: 'backfill.created',
					tenant: actor.tenant,
					at: now,
					subject: { backfillId: id, scheduleId: schedule.id },
					data: { total, from: toIso(input.from), to: toIso(input.to), by: actor.keyId },
				},
				...runs.map((run) => runEvent('run.queued', run, now, { trigger: 'backfill' })),
			],
		},
		onceRecord(ctx, actor, once, asCreated(backfill)),
	);
	if (stored === 'not_found') throw new CapError('NOT_FOUND', `no schedule ${schedule.id}`);
	if (stored.replayed) {
		if (once === undefined) throw new CapError('INTERNAL', 'a repeat without a key');
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	ctx.wake.poke();
	return { kind: 'done', answer: stored.value };
}

/** As it is the moment after: one of nothing is over. */
function asCreated(backfill: Backfill): Backfill {
	const { total, createdAt } = backfill;
	if (total > 0) return { ...backfill, counts: { queued: total } };
	return { ...backfill, state: 'completed', counts: {}, endedAt: createdAt };
}

/** @throws CapError NOT_FOUND */
export async function findBackfill(ctx: Context, actor: Actor, id: BackfillId): Promise<Backfill> {
	const backfill = await ctx.store.getBackfill(actor.tenant, id);
	if (backfill === null || !mayUse(actor, backfill.capability)) {
		throw new CapError('NOT_FOUND', `no backfill ${id}`);
	}
	return backfill;
}

/** Newest first. */
export async function listBackfills(
	ctx: Context,
	actor: Actor,
	id: ScheduleId,
	page: PageRequest,
): Promise<Page<Backfill>> {
	await findSchedule(ctx, actor, id);
	return ctx.store.listBackfills(actor.tenant, id, page);
}

const NOT_BEGUN = ['queued', 'retrying'] as const satisfies RunState[];
const BEGUN = ['running', 'waiting'] as const satisfies RunState[];

/** Cancels what has not begun, and with `abort` what has. One that is over stays as it is. */
export async function cancelBackfill(
	ctx: Context,
	actor: Actor,
	{ id, abort }: { id: BackfillId; abort: boolean },
): Promise<Backfill> {
	const backfill = await findBackfill(ctx, actor, id);
	if (backfill.endedAt !== null) return backfill;
	const { tenant } = actor;
	await ctx.store.cancelBackfill({ tenant, id, at: ctx.clock.now() });
	await cancelNotBegun(ctx, backfill);
	if (abort) await abortBegun(ctx, backfill);
	return findBackfill(ctx, actor, id);
}

const AT_ONCE = 256;

/** The last first: in each lane the one that may begin at any moment is the last to go. */
async function cancelNotBegun(ctx: Context, backfill: Backfill): Promise<void> {
	await eachOpen(ctx, backfill, NOT_BEGUN, (run) =>
		endOfUnbegun(ctx, run, { at: ctx.clock.now(), message: 'its backfill was cancelled' }),
	);
}

async function abortBegun(ctx: Context, backfill: Backfill): Promise<void> {
	const specs = new Map<string, Awaited<ReturnType<typeof specsOf>>>();
	await eachOpen(ctx, backfill, BEGUN, async (run) => {
		const spec = specs.get(run.specId) ?? (await specsOf(ctx, run));
		specs.set(run.specId, spec);
		const at = ctx.clock.now();
		const ended = { state: 'cancelled', resultId: null, at } as const;
		const end = cancelled(run, {
			at,
			error: { code: 'CANCELLED', message: 'its backfill was cancelled' },
			followUps: makeFollowUps(ctx, run, spec, ended),
		});
		return [end];
	});
}

async function specsOf(ctx: Context, { id, specId }: Run) {
	const spec = (await ctx.store.getSpecs([specId])).get(specId);
	if (spec === undefined) throw new CapError('INTERNAL', `spec of ${id} is missing`);
	return spec;
}

/** Settles its runs in these states until there are none, or none that can be. */
async function eachOpen(
	ctx: Context,
	{ tenant, id }: Backfill,
	states: readonly RunState[],
	settle: (run: Run) => RunSettlement[] | Promise<RunSettlement[]>,
): Promise<void> {
	for (;;) {
		const open = await ctx.store.openRunsOfBackfill(tenant, id, { states, limit: AT_ONCE });
		if (open.length === 0) return;
		const ends = await Promise.all(open.map(async (run) => settle(run)));
		const applied = await ctx.store.settleRuns(ends.flat());
		for (const run of ends.flat().filter((_, index) => applied[index] === true)) {
			ctx.wake.abortAttempt(run.runId, 'cancelled');
			ctx.wake.runEnded(run.runId);
		}
		ctx.wake.poke();
		if (!applied.includes(true)) return;
	}
}

/** What a crash, or a retry, left of backfills that are being cancelled. */
export async function finishCancelling(ctx: Context): Promise<void> {
	for (const backfill of await ctx.store.cancellingBackfills(AT_ONCE)) {
		await cancelNotBegun(ctx, backfill);
	}
}

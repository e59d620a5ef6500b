import type { RunSettlement } from '../contract/change.ts';
import type { EngineId } from '../contract/ids.ts';
import type { Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { afterNotifyFailure } from '../core/delivery/notification-transitions.ts';
import { afterSendFailure } from '../core/delivery/transitions.ts';
import { afterDeadline, afterLostLease } from '../core/run/outcome.ts';
import { requeued } from '../core/run/transitions.ts';
import { WEBHOOK_RETRIES } from '../channels/channel.port.ts';
import { alertOfTime } from './alerts-of-time.ts';
import { finishCancelling } from './backfill.ts';
import type { Context } from './context.ts';
import { settleDelivery } from './settle-delivery.ts';
import { settle, withoutSpec } from './dispatch.ts';
import { makeFollowUps } from './follow-ups.ts';
import { settleNotification } from './notify.ts';
import { retime } from './retime.ts';
import type { Worker } from './worker.ts';

/*
 * What heals. Nothing here is needed while all goes well; after a crash it is what makes every run reach an
 * end. It trusts only rows, so it works even when every timer is gone.
 */

const BATCH = 256;

/**
 * Runs whose wait is over: retries that are ready, and callbacks that did not come.
 * @returns whether there may be more
 */
export async function settleDueRuns(ctx: Context): Promise<boolean> {
	const now = ctx.clock.now();
	const due = await ctx.store.listDueRuns(now, BATCH);
	const settled = await settleEach(ctx, due, (run, spec) =>
		run.state === 'retrying'
			? requeued(run, { at: now })
			: afterDeadline(run, spec, { at: now, followUps: followUpsOf(ctx, run, spec, now) }),
	);
	return due.length === BATCH && settled > 0;
}

/** What this engine's own workers have in hand, and so is not lost however old its lease looks. */
export interface InHand {
	runs: Pick<Worker, 'holds'>;
	deliveries: Pick<Worker, 'holds'>;
	notifications: Pick<Worker, 'holds'>;
}

/**
 * Takes up what lost its engine: leases that ended, or, given `except` in a store that only this engine can
 * have, all leases of earlier engines.
 */
export async function takeOver(
	ctx: Context,
	{ except, inHand }: { except?: EngineId; inHand?: InHand } = {},
): Promise<number> {
	const runs = await inBatches(
		async () => ctx.store.listExpiredRuns(ctx.clock.now(), BATCH, except),
		async (lost) => {
			const at = ctx.clock.now();
			return settleEach(ctx, lost.filter(notIn(inHand?.runs)), (run, spec) => ({
				...afterLostLease(run, spec, { at, followUps: followUpsOf(ctx, run, spec, at) }),
				// A holder that was slow and renews it now goes on, and may send: it must not be replaced then.
				readLeaseUntil: run.leaseUntil,
			}));
		},
	);
	const deliveries = await inBatches(
		async () => ctx.store.listExpiredDeliveries(ctx.clock.now(), BATCH, except),
		async (lost) =>
			countApplied(ctx, lost.filter(notIn(inHand?.deliveries)), async (delivery) => {
				const at = ctx.clock.now();
				const { artifact } = delivery;
				const context = { startedAt: at, at, artifact, retries: AT_ONCE, newId: ctx.newId };
				return settleDelivery(ctx, delivery, {
					...afterSendFailure(delivery, LOST, context),
					// As of runs: one that sends for long and was slow to say so goes on.
					readLeaseUntil: delivery.leaseUntil,
				});
			}),
	);
	const notifications = await inBatches(
		async () => ctx.store.listExpiredNotifications(ctx.clock.now(), BATCH, except),
		async (lost) =>
			countApplied(ctx, lost.filter(notIn(inHand?.notifications)), async (notification) => {
				const context = { at: ctx.clock.now(), retries: AT_ONCE, destination: null };
				return settleNotification(ctx, {
					...afterNotifyFailure(notification, LOST, context),
					readLeaseUntil: notification.leaseUntil,
				});
			}),
	);
	return runs + deliveries + notifications;
}

/** It was the engine that failed, not the other side: no backoff. Attempts still count. */
const AT_ONCE = WEBHOOK_RETRIES.map(() => 0);

const LOST = {
	error: {
		code: 'OUTCOME_UNKNOWN',
		message: 'the engine was lost before the answer was recorded',
	},
	outcome: 'unknown',
	retry: 'later',
} as const;

function notIn(
	worker: Pick<Worker, 'holds'> | undefined,
): (item: { id: string; epoch: number }) => boolean {
	return ({ id, epoch }) => worker?.holds(id, epoch) !== true;
}

/** Until there is nothing more, or nothing more can be done about it. */
async function inBatches<T>(
	list: () => Promise<T[]>,
	settleAll: (found: T[]) => Promise<number>,
): Promise<number> {
	let total = 0;
	for (;;) {
		const found = await list();
		const done = await settleAll(found);
		total += done;
		if (found.length < BATCH || done === 0) return total;
	}
}

/** Settles runs with what they are made of. @returns how many were applied */
async function settleEach(
	ctx: Context,
	runs: readonly Run[],
	decide: (run: Run, spec: RunSpec) => RunSettlement,
): Promise<number> {
	if (runs.length === 0) return 0;
	const specs = await ctx.store.getSpecs(runs.map(({ specId }) => specId));
	return countApplied(ctx, runs, async (run) => {
		const spec = specs.get(run.specId);
		return settle(ctx, spec === undefined ? withoutSpec(ctx, run) : decide(run, spec), run);
	});
}

/** One that cannot be settled does not keep the others from it. */
async function countApplied<T extends { id: string }>(
	ctx: Context,
	items: readonly T[],
	apply: (item: T) => Promise<boolean>,
): Promise<number> {
	const applied = await Promise.all(
		items.map(async (item) => {
			try {
				return await apply(item);
			} catch (error) {
				ctx.metrics.count('capscheduler_faults_total', { where: 'sweep' });
				ctx.log.error('settling failed', {
					id: item.id,
					error: error instanceof Error ? error : new Error(String(error)),
				});
				return false;
			}
		}),
	);
	return applied.filter(Boolean).length;
}

function followUpsOf(
	ctx: Context,
	run: Run,
	spec: RunSpec,
	at: number,
): (state: 'failed' | 'expired') => ReturnType<typeof makeFollowUps> {
	return (state) => makeFollowUps(ctx, run, spec, { state, resultId: null, at });
}

/** One round of upkeep. */
export async function sweep(ctx: Context, inHand: InHand): Promise<void> {
	const taken = await takeOver(ctx, { inHand });
	const healed = await healTimers(ctx);
	await finishCancelling(ctx);
	await alertOfTime(ctx);
	const timed = await retime(ctx);
	if (taken > 0 || healed > 0 || timed > 0) {
		ctx.log.warn('sweep healed', { taken, timers: healed, retimed: timed });
	}
	ctx.wake.poke();
}

/** All of them, in pieces: every timer may be gone. */
export async function healTimers(ctx: Context): Promise<number> {
	let total = 0;
	for (;;) {
		const healed = await ctx.store.healTimers(HEALED_AT_ONCE);
		total += healed;
		if (healed < HEALED_AT_ONCE) return total;
	}
}

const HEALED_AT_ONCE = 2000;

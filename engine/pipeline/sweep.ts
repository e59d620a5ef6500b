import type { EngineId } from '../contract/ids.ts';
import type { Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { afterNotifyFailure, afterSendFailure } from '../core/delivery/transitions.ts';
import { afterDeadline, afterLostLease } from '../core/run/outcome.ts';
import { requeued } from '../core/run/transitions.ts';
import { WEBHOOK_RETRIES } from '../channels/channel.port.ts';
import type { Context } from './context.ts';
import { settleDelivery } from './deliver.ts';
import { settle } from './dispatch.ts';
import { makeFollowUps } from './follow-ups.ts';
import { settleNotification } from './notify.ts';

/*
 * What heals. Nothing here is needed while all goes well; after a crash it is what makes every run reach an
 * end. It trusts only rows, so it works even when every timer is gone.
 */

const BATCH = 256;

/** Runs whose wait is over: retries that are ready, and callbacks that did not come. */
export async function settleDueRuns(ctx: Context): Promise<number> {
	let count = 0;
	for (;;) {
		const now = ctx.clock.now();
		const due = await ctx.store.listDueRuns(now, BATCH);
		if (due.length === 0) return count;
		const specs = await ctx.store.getSpecs(due.map(({ specId }) => specId));
		const done = await Promise.all(
			due.map(async (run) => {
				if (run.state === 'retrying') return settle(ctx, requeued(run, { at: now }), run);
				const spec = specs.get(run.specId);
				if (spec === undefined) return false;
				const followUps = followUpsOf(ctx, run, spec, now);
				return settle(ctx, afterDeadline(run, spec, { at: now, followUps }), run);
			}),
		);
		count += done.filter(Boolean).length;
		if (due.length < BATCH || !done.some(Boolean)) return count;
	}
}

/**
 * Takes up what lost its engine: leases that ended, or, given `except` in a store that only this engine can
 * have, all leases of earlier engines.
 */
export async function takeOver(ctx: Context, except?: EngineId): Promise<number> {
	const runs = await takeOverRuns(ctx, except);
	const deliveries = await takeOverDeliveries(ctx, except);
	const notifications = await takeOverNotifications(ctx, except);
	return runs + deliveries + notifications;
}

async function takeOverRuns(ctx: Context, except: EngineId | undefined): Promise<number> {
	return inBatches(async () => {
		const at = ctx.clock.now();
		const lost = await ctx.store.listExpiredRuns(at, BATCH, except);
		const specs = await ctx.store.getSpecs(lost.map(({ specId }) => specId));
		const done = await Promise.all(
			lost.map(async (run) => {
				const spec = specs.get(run.specId);
				if (spec === undefined) return false;
				const followUps = followUpsOf(ctx, run, spec, at);
				return settle(ctx, afterLostLease(run, spec, { at, followUps }), run);
			}),
		);
		return { found: lost.length, done: done.filter(Boolean).length };
	});
}

async function takeOverDeliveries(ctx: Context, except: EngineId | undefined): Promise<number> {
	return inBatches(async () => {
		const at = ctx.clock.now();
		const lost = await ctx.store.listExpiredDeliveries(at, BATCH, except);
		await Promise.all(
			lost.map(async (delivery) => {
				const settlement = afterSendFailure(delivery, LOST, {
					startedAt: at,
					at,
					artifact: delivery.artifact,
					retries: WEBHOOK_RETRIES,
					newId: ctx.newId,
				});
				await settleDelivery(ctx, delivery, settlement);
			}),
		);
		return { found: lost.length, done: lost.length };
	});
}

async function takeOverNotifications(ctx: Context, except: EngineId | undefined): Promise<number> {
	return inBatches(async () => {
		const at = ctx.clock.now();
		const lost = await ctx.store.listExpiredNotifications(at, BATCH, except);
		await Promise.all(
			lost.map(async (notification) => {
				const context = { at, retries: WEBHOOK_RETRIES, destination: null };
				await settleNotification(ctx, afterNotifyFailure(notification, LOST, context));
			}),
		);
		return { found: lost.length, done: lost.length };
	});
}

const LOST = {
	error: {
		code: 'OUTCOME_UNKNOWN',
		message: 'the engine was lost before the answer was recorded',
	},
	outcome: 'unknown',
	retry: 'later',
} as const;

async function inBatches(batch: () => Promise<{ found: number; done: number }>): Promise<number> {
	let total = 0;
	for (;;) {
		const { found, done } = await batch();
		total += done;
		if (found < BATCH || done === 0) return total;
	}
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
export async function sweep(ctx: Context): Promise<void> {
	const taken = await takeOver(ctx);
	const due = await settleDueRuns(ctx);
	const healed = await ctx.store.healTimers(BATCH);
	if (taken > 0 || healed > 0) ctx.log.warn('sweep healed', { taken, due, timers: healed });
	ctx.wake.poke();
}

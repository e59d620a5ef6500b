import type { RunSettlement } from '../contract/change.ts';
import type { Run, RunState } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { notificationEvent } from '../core/delivery/notification-transitions.ts';
import { deliveryEvent } from '../core/delivery/transitions.ts';
import { broken, isOver, released, runEvent } from '../core/run/transitions.ts';
import type { ClaimEvents } from '../stores/store.port.ts';
import type { Context } from './context.ts';
import { isStoreTrouble } from './own-trouble.ts';
import { createShares } from './shares.ts';
import { attempt } from './session.ts';
import { slaWasWritten, withSla } from './sla.ts';
import type { Held } from './in-hand.ts';
import type { Worker } from './worker.ts';
import { createWorker } from './worker.ts';
import { writeSafely } from './write-safely.ts';

/** The events of what the store itself changes while claiming. */
export function claimEvents(now: number): ClaimEvents {
	return {
		run: (run) => runEvent('run.running', run, now),
		delivery: (delivery) => deliveryEvent('delivery.sending', delivery, now),
		notification: (notification) => notificationEvent('notification.sending', notification, now),
	};
}

/** A run in hand. */
interface ClaimedRun {
	id: string;
	epoch: number;
	run: Run;
	/** What it is made of: null when that is gone, undefined when the store could not be asked. */
	spec: RunSpec | null | undefined;
}

/** Claims runs that are ready and carries out their attempts. */
export function createRunWorker(ctx: Context): Worker {
	const { concurrency: capacity, tenantWeights: weights } = ctx.settings;
	const shares = createShares({ capacity, weights });
	return createWorker<ClaimedRun>({
		name: 'runs',
		clock: ctx.clock,
		log: ctx.log,
		capacity,
		ahead: ({ run }) => run.priority,
		// Each of the engines that share the work gets a part of what is there.
		most: () => Math.ceil(capacity / ctx.peers.workers),
		lease: ctx.settings.lease,
		async claim(limit) {
			const now = ctx.clock.now();
			const runs = await ctx.store.claimRuns(
				{
					now,
					limit,
					owner: ctx.engineId,
					leaseUntil: now + ctx.settings.lease,
					share: shares.share,
				},
				claimEvents(now),
			);
			const specOf = await readSpecs(ctx, runs);
			shares.claimed(runs.map(({ tenant }) => tenant));
			return runs.map((run) => ({
				id: run.id,
				epoch: run.epoch,
				run,
				spec: specOf(run),
			}));
		},
		work: async (claimed, held) => {
			await carryOut(ctx, claimed, held);
		},
		letGo: ({ run }) => {
			shares.done(run.tenant);
		},
		renew: async (held) => ctx.store.renewLeases('run', held, ctx.clock.now() + ctx.settings.lease),
		release: async ({ run }) => settle(ctx, released(run, { at: ctx.clock.now() }), run),
	});
}

/** The runs are claimed: a store that is away now must not make that an attempt of theirs. */
async function readSpecs(
	ctx: Context,
	runs: readonly Run[],
): Promise<(run: Run) => ClaimedRun['spec']> {
	try {
		const specs = await ctx.store.getSpecs(runs.map(({ specId }) => specId));
		return ({ specId }) => specs.get(specId) ?? null;
	} catch (error) {
		if (!isStoreTrouble(error)) throw error;
		return () => undefined;
	}
}

async function attemptOrNot(
	ctx: Context,
	{ run, spec }: ClaimedRun,
	held: Held,
): Promise<RunSettlement | null> {
	if (spec === undefined) return released(run, { at: ctx.clock.now() });
	return spec === null ? withoutSpec(ctx, run) : attempt(ctx, run, spec, held);
}

async function carryOut(ctx: Context, claimed: ClaimedRun, held: Held): Promise<void> {
	const { run } = claimed;
	const begun = ctx.clock.monotonic();
	const settlement = await attemptOrNot(ctx, claimed, held);
	held.workDone();
	if (settlement === null) {
		ctx.metrics.count('capscheduler_fenced_writes_total', { kind: 'run' });
		return;
	}
	await writeSafely(ctx, held, async () => settle(ctx, settlement, run));
	ctx.metrics.observe('capscheduler_attempt_seconds', (ctx.clock.monotonic() - begun) / 1000);
}

/** How a run ends whose spec is no longer kept. */
export function withoutSpec(ctx: Context, run: Run): RunSettlement {
	const message = 'what the run is made of is no longer kept';
	return broken(run, { at: ctx.clock.now(), error: { code: 'GONE', message } });
}

/** Writes how it went, and tells who waits for it. */
export async function settle(ctx: Context, settlement: RunSettlement, run: Run): Promise<boolean> {
	const written = run.slaState === null ? [settlement] : await withSla(ctx, run, settlement);
	const [applied, slaApplied] = await ctx.store.settleRuns(written);
	if (applied !== true) {
		ctx.metrics.count('capscheduler_fenced_writes_total', { kind: 'run' });
		return false;
	}
	slaWasWritten(ctx, written[1], slaApplied);
	const state = settlement.set.state;
	if (state !== undefined) announce(ctx, run, settlement, state);
	return true;
}

function announce(ctx: Context, run: Run, settlement: RunSettlement, state: RunState): void {
	if (isOver(state)) {
		ctx.metrics.count('capscheduler_runs_total', { state });
		ctx.wake.runEnded(run.id);
	}
	if (state === 'failed' || state === 'expired') {
		ctx.log.warn(`run ${state}`, {
			run: run.id,
			schedule: run.scheduleId,
			capability: run.capability,
			code: settlement.set.error?.code,
		});
	}
	const followed =
		(settlement.deliveries?.length ?? 0) > 0 || (settlement.notifications?.length ?? 0) > 0;
	const frees = run.serialKey !== null || run.concurrencyKey !== null;
	const timed = settlement.timer !== undefined && settlement.timer !== null;
	if (followed || frees || timed || state === 'queued') ctx.wake.poke();
}

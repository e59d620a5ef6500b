import type { RunSettlement } from '../contract/change.ts';
import { CapError } from '../contract/errors.ts';
import type { Run, RunState } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { deliveryEvent, notificationEvent } from '../core/delivery/transitions.ts';
import { isOver, runEvent } from '../core/run/transitions.ts';
import type { ClaimEvents } from '../stores/store.port.ts';
import type { Context } from './context.ts';
import { attempt } from './session.ts';
import type { Held, Worker } from './worker.ts';
import { createWorker } from './worker.ts';
import { released } from '../core/run/transitions.ts';

/** The events of what the store itself changes while claiming. */
export function claimEvents(now: number): ClaimEvents {
	return {
		run: (run) => runEvent('run.running', run, now),
		delivery: (delivery) => deliveryEvent('delivery.sending', delivery, now),
		notification: (notification) => notificationEvent('notification.sending', notification, now),
	};
}

/** Claims runs that are ready and carries out their attempts. */
export function createRunWorker(ctx: Context): Worker {
	const specs = new SpecCache(ctx);
	return createWorker<Run>({
		name: 'runs',
		clock: ctx.clock,
		log: ctx.log,
		capacity: ctx.settings.concurrency,
		lease: ctx.settings.lease,
		async claim(limit) {
			const now = ctx.clock.now();
			const runs = await ctx.store.claimRuns(
				{ now, limit, owner: ctx.engineId, leaseUntil: now + ctx.settings.lease },
				claimEvents(now),
			);
			await specs.load(runs);
			return runs;
		},
		work: async (run, held) => {
			await carryOut(ctx, run, specs.get(run), held);
		},
		renew: async (held) => ctx.store.renewLeases('run', held, ctx.clock.now() + ctx.settings.lease),
		release: async (run) => settle(ctx, released(run, { at: ctx.clock.now() }), run),
	});
}

async function carryOut(ctx: Context, run: Run, spec: RunSpec, held: Held): Promise<void> {
	const begun = ctx.clock.monotonic();
	const settlement = await attempt(ctx, run, spec, held);
	held.workDone();
	if (settlement === null) {
		ctx.metrics.count('capscheduler_fenced_writes_total', { kind: 'run' });
		return;
	}
	await settle(ctx, settlement, run);
	ctx.metrics.observe('capscheduler_attempt_seconds', (ctx.clock.monotonic() - begun) / 1000);
}

/** Writes how it went, and tells who waits for it. */
export async function settle(ctx: Context, settlement: RunSettlement, run: Run): Promise<boolean> {
	const [applied] = await ctx.store.settleRuns([settlement]);
	if (applied !== true) {
		ctx.metrics.count('capscheduler_fenced_writes_total', { kind: 'run' });
		return false;
	}
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

const SPECS_KEPT = 5000;

/** Specs never change, so the last ones used are kept. */
class SpecCache {
	readonly #ctx: Context;
	readonly #specs = new Map<string, RunSpec>();

	constructor(ctx: Context) {
		this.#ctx = ctx;
	}

	async load(runs: readonly Run[]): Promise<void> {
		const missing = new Set(runs.map(({ specId }) => specId).filter((id) => !this.#specs.has(id)));
		if (missing.size === 0) return;
		if (this.#specs.size + missing.size > SPECS_KEPT) {
			const used = new Set(runs.map(({ specId }) => specId));
			for (const id of this.#specs.keys()) if (!used.has(id)) this.#specs.delete(id);
		}
		const loaded = await this.#ctx.store.getSpecs([...missing]);
		for (const [id, spec] of loaded) this.#specs.set(id, spec);
	}

	get(run: Run): RunSpec {
		const spec = this.#specs.get(run.specId);
		if (spec === undefined)
			throw new CapError('INTERNAL', `spec ${run.specId} of ${run.id} is missing`);
		return spec;
	}
}

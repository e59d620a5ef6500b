import type { RunSettlement } from '../contract/change.ts';
import type { Delivery, Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { SlaVerdict } from '../core/run/sla.ts';
import { slaAfterEnd, slaSettled, slaVerdict } from '../core/run/sla.ts';
import { isOver } from '../core/run/transitions.ts';
import type { Context } from './context.ts';

/*
 * Whether runs were in time. Looked at when something that decides it has happened (the end of the run, the
 * last of its deliveries) and when `slaDueAt` comes; each look goes by the rows alone, so whatever was lost
 * between is made up for by the next.
 */

const BATCH = 256;

/** Settles what is known by now. @returns whether there may be more */
export async function settleDueSlas(ctx: Context): Promise<boolean> {
	const due = await ctx.store.listSlaDue(ctx.clock.now(), BATCH);
	if (due.length === 0) return false;
	const specs = await ctx.store.getSpecs(due.map(({ specId }) => specId));
	const settled = await Promise.all(
		due.map(async (run) => {
			const deliveries = await ctx.store.deliveriesOfRun(run.tenant, run.id);
			return settleSla(ctx, run, specs.get(run.specId) ?? null, deliveries);
		}),
	);
	return due.length === BATCH && settled.some(Boolean);
}

/** After the last delivery of a run has come to its end. */
export async function settleDeliveredSla(
	ctx: Context,
	delivery: Delivery,
	all: readonly Delivery[],
): Promise<void> {
	const run = await ctx.store.getRun(delivery.tenant, delivery.runId);
	if (run?.slaState !== 'pending') return;
	const specs = await ctx.store.getSpecs([run.specId]);
	await settleSla(ctx, run, specs.get(run.specId) ?? null, all);
}

async function settleSla(
	ctx: Context,
	run: Run,
	spec: RunSpec | null,
	deliveries: readonly Delivery[],
): Promise<boolean> {
	const at = ctx.clock.now();
	const verdict = slaVerdict(run, deliveries, at);
	if (verdict === null) return false;
	const [applied] = await ctx.store.settleRuns([
		slaSettled(run, spec, verdict, { at, newId: ctx.newId }),
	]);
	if (applied === true) slaIsSettled(ctx, verdict);
	return applied === true;
}

/** What the end of a run is to be written with: its SLA too, where that is decided by it. */
export async function withSla(
	ctx: Context,
	run: Run,
	end: RunSettlement,
): Promise<RunSettlement[]> {
	const { state } = end.set;
	if (run.slaState !== 'pending' || state === undefined || !isOver(state)) return [end];
	const spec = (await ctx.store.getSpecs([run.specId])).get(run.specId) ?? null;
	const sla = slaAfterEnd(run, spec, end, { at: ctx.clock.now(), newId: ctx.newId });
	return sla === null ? [end] : [end, sla];
}

/** Counts it, and has its notifications sent. */
export function slaIsSettled(ctx: Context, state: SlaVerdict): void {
	ctx.metrics.count('capscheduler_sla_total', { state });
	ctx.wake.poke();
}

/** The same for a settlement that `withSla` made, when it was applied. */
export function slaWasWritten(
	ctx: Context,
	sla: RunSettlement | undefined,
	applied: boolean | undefined,
): void {
	const state = sla?.set.slaState;
	if (applied === true && (state === 'met' || state === 'missed')) slaIsSettled(ctx, state);
}

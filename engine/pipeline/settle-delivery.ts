import type { DeliverySettlement } from '../contract/change.ts';
import type { Delivery, Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import { isSettled } from '../core/delivery/transitions.ts';
import { alertOfDeath } from './alerts.ts';
import type { Context } from './context.ts';
import { settleDeliveredSla } from './sla.ts';

/** What the attempt read of the delivery's run, where it came so far. */
export interface About {
	run?: Run;
	spec?: RunSpec;
}

/** Writes how an attempt went, and what follows from it. @returns false when the delivery is somebody else's now */
export async function settleDelivery(
	ctx: Context,
	delivery: Delivery,
	settlement: DeliverySettlement,
	about: About = {},
): Promise<boolean> {
	if (settlement.set.state === 'dead') {
		// before it is written, so that no crash loses it: it is told when it is known to be written
		await alertOfDeath(ctx, delivery, settlement);
	}
	const [applied] = await ctx.store.settleDeliveries([settlement]);
	if (applied !== true) {
		ctx.metrics.count('capscheduler_fenced_writes_total', { kind: 'delivery' });
		return false;
	}
	const { state } = settlement.set;
	if (state !== undefined) ctx.metrics.count('capscheduler_deliveries_total', { state });
	if (state === 'dead') {
		ctx.log.warn('delivery dead', {
			delivery: delivery.id,
			run: delivery.runId,
			target: delivery.targetKey,
			code: settlement.set.error?.code,
		});
	}
	if (state !== undefined && isSettled({ state })) await afterSettled(ctx, delivery, about);
	// what was delivered and told to nobody makes no work; all else may: a timer, a fallback, a notification
	if (state !== 'delivered' || tells(about)) ctx.wake.poke();
	return true;
}

/** The notification waits for the last of a run's deliveries. If this engine dies here, it comes at its own time. */
async function afterSettled(ctx: Context, delivery: Delivery, about: About): Promise<void> {
	const { tenant, runId } = delivery;
	const all = await ctx.store.deliveriesOfRun(tenant, runId);
	if (!all.every(isSettled)) return;
	ctx.wake.runDelivered(runId);
	if (tells(about)) await ctx.store.releaseNotifications(tenant, runId, ctx.clock.now());
	// an SLA that was settled or never was stays so
	if (about.run === undefined || about.run.slaState === 'pending') {
		await settleDeliveredSla(ctx, delivery, all);
	}
}

/** Whether somebody may be told of the run; a spec never changes. */
function tells({ spec }: About): boolean {
	return spec === undefined || spec.notify.length > 0;
}

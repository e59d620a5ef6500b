import type { DeliverySettlement } from '../contract/change.ts';
import type { Delivery, DeliveryAttempt, Run } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { Alert } from '../core/delivery/alerts.ts';
import type { Circuit } from '../core/delivery/circuit.ts';
import { notKept, raise } from './alert-groups.ts';
import type { Context } from './context.ts';
import type { Place } from './place.ts';
import type { OnCircuit } from './places.ts';
import { inlinePlace } from './reach.ts';

/*
 * Who should know of trouble is told: the schedule's alert destination, else those of the tenant. A death is kept in
 * its group before the death itself, so that no crash loses it, and told when the death is known to be written; that
 * of a circuit is kept after it, and a crash just then loses it. What it is told of: here and in alerts-of-time.ts;
 * in which group: alert-groups.ts; how it is sent: tell-alerts.ts.
 */

/** A delivery died; if something took over, that too. Called before it is written. */
export async function alertOfDeath(
	ctx: Context,
	delivery: Delivery,
	{ set, next, attempt }: Pick<DeliverySettlement, 'set' | 'next' | 'attempt'>,
): Promise<void> {
	const { error = null } = set;
	const at = ctx.clock.now();
	const { id, runId, scheduleId, tenant, target } = delivery;
	const spec = await specOf(ctx, tenant, runId);
	const claim = attempt === undefined ? {} : { claim: claimOf(attempt) };
	const about = { id, at, scheduleId, runId, ...claim };
	const subject = await subjectOf(ctx, delivery);
	const group = { tenant, name: `place:${subject.key}`, subject: subject.name };
	const why = error === null ? '' : `: ${error.code}: ${error.message}`;
	await raise(ctx, spec, group, {
		...about,
		kind: 'delivery_dead',
		words: `delivery ${id} of run ${runId}, target ${target.key}${why}`,
	});
	if (next === undefined) return;
	const words = `delivery ${next.id} takes over for ${id}, target ${next.targetKey}`;
	await raise(ctx, spec, group, { ...about, kind: 'fallback_used', words });
}

const claimOf = ({ epoch, endedAt }: DeliveryAttempt): Required<Alert>['claim'] => ({
	epoch,
	endedAt,
});

/** A place is not tried for a while, or works again. Nobody waits for this, so it never rejects. */
export async function alertOfCircuit(
	ctx: Context,
	place: Pick<Place, 'tenant' | 'key' | 'name'>,
	circuit: Circuit,
	delivery: Pick<Delivery, 'id' | 'runId' | 'scheduleId'> | null,
): Promise<void> {
	const { state, reason, failures, since } = circuit;
	if (state === 'half_open') return;
	let spec: RunSpec | null = null;
	try {
		if (delivery !== null) spec = await specOf(ctx, place.tenant, delivery.runId);
	} catch (error) {
		notKept(ctx, error);
		return;
	}
	const group = { tenant: place.tenant, name: `place:${place.key}`, subject: place.name };
	const why = reason === null ? '' : `: ${reason.code}: ${reason.message}`;
	await raise(ctx, spec, group, {
		kind: state === 'open' ? 'circuit_open' : 'recovered',
		id: `${place.key}@${since}`,
		at: since,
		words: state === 'open' ? `${failures} failures in a row${why}` : 'a delivery got through',
		scheduleId: delivery?.scheduleId ?? null,
		runId: delivery?.runId ?? null,
	});
}

/** Tells of circuits beside the deliveries that change them; the end of the engine waits until all is kept. */
export function createCircuitAlerts(context: () => Context): {
	onCircuit: OnCircuit;
	kept(this: void): Promise<void>;
} {
	const raising = new Set<Promise<void>>();
	return {
		onCircuit(place, circuit, delivery) {
			const raised = alertOfCircuit(context(), place, circuit, delivery).finally(() => {
				raising.delete(raised);
			});
			raising.add(raised);
		},
		async kept() {
			await Promise.all(raising);
		},
	};
}

async function specOf(ctx: Context, tenant: string, runId: Run['id']): Promise<RunSpec | null> {
	const run = await ctx.store.getRun(tenant, runId);
	return run === null ? null : ((await ctx.store.getSpecs([run.specId])).get(run.specId) ?? null);
}

/** What a dead delivery was to reach, as its circuit is named, so that both are one group. */
async function subjectOf(
	ctx: Context,
	{ tenant, target }: Delivery,
): Promise<{ key: string; name: string }> {
	if (target.destination === undefined)
		return inlinePlace(target.channel ?? '', target.settings ?? {});
	const destination = await ctx.store.getDestination(tenant, target.destination);
	return {
		key: destination?.id ?? target.destination,
		name: destination?.name ?? target.destination,
	};
}

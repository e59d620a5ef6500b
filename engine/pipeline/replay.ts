import type { Actor } from '../contract/access.ts';
import type { DeliverySettlement } from '../contract/change.ts';
import type { Place } from '../contract/delivery.ts';
import type { Destination } from '../contract/destination.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { DeliveryId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import type { PackageStep } from '../contract/packaging.ts';
import type { Delivery } from '../contract/run.ts';
import { whyNotAllowed } from '../core/delivery/allow.ts';
import { REPLAYABLE, replayed, replayedElsewhere } from '../core/delivery/transitions.ts';
import { intendedOf, reachOf } from './allowed.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { findDestination } from './destinations.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import { resealPackage } from './package-steps.ts';
import { packageOwner } from './rendered.ts';
import { splitSecrets } from './secrets.ts';
import { checkedSettings, findChannel, targetPrefix } from './spec-parts.ts';

/** Another place than that of before. */
export interface ReplayTarget {
	destination?: string | undefined;
	channel?: string | undefined;
	settings?: JsonObject | undefined;
}

/** A delivery that is pending again, or the new one that was made of it; secrets that the engine made are shown once. */
export interface Replayed {
	delivery: Delivery;
	secrets: Record<string, string>;
}

/**
 * Sends a delivery's stored bytes again: as the same delivery, so what it was idempotent under stays, or to
 * another place, as a delivery of its own.
 */
export async function replayDelivery(
	ctx: Context,
	actor: Actor,
	{ id, target }: { id: DeliveryId; target?: ReplayTarget | undefined },
	once?: OnceRequest<Replayed>,
): Promise<Answered<Replayed>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const found = await ctx.store.getDelivery(actor.tenant, id);
	if (found === null) throw new CapError('NOT_FOUND', `no delivery ${id}`);
	const { delivery } = found;
	if (!REPLAYABLE.includes(delivery.state)) {
		throw new CapError(
			'CONFLICT',
			`${id} is ${delivery.state}; only ${REPLAYABLE.join(', ')} ones are replayed`,
		);
	}
	const wanted =
		target?.destination === undefined
			? target
			: { found: await targetDestination(ctx, actor, target.destination) };
	const { settlement, answer } = await decideReplay(ctx, actor, delivery, wanted);
	const stored = await ctx.store.replayDeliveries(
		[settlement],
		onceRecord(ctx, actor, once, answer),
	);
	if (stored.replayed) {
		if (once === undefined) throw new CapError('INTERNAL', 'a repeat without a key');
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	if (stored.value[0] !== true) throw new CapError('CONFLICT', `${id} is changing at this moment`);
	ctx.wake.poke();
	return { kind: 'done', answer };
}

/** What a replay writes, and what is answered. @throws CapError FORBIDDEN where the new target does not take it */
export async function decideReplay(
	ctx: Context,
	actor: Actor,
	delivery: Delivery,
	target: { found: Destination } | Omit<ReplayTarget, 'destination'> | undefined,
): Promise<{ settlement: DeliverySettlement; answer: Replayed }> {
	const at = ctx.clock.now();
	if (target === undefined) {
		const again = { state: 'pending', dueAt: at, endedAt: null, attempt: 0, error: null } as const;
		const answer = { ...delivery, ...again, deadlineAt: null };
		return { settlement: replayed(delivery, { at }), answer: { delivery: answer, secrets: {} } };
	}
	const id = ctx.newId('delivery');
	const repack = repackFor(ctx, delivery, id);
	if ('found' in target) {
		const place = { destination: await demandAllowed(ctx, delivery, target.found) };
		const { settlement, next } = replayedElsewhere(delivery, { at, id, place, repack });
		return { settlement, answer: { delivery: next, secrets: {} } };
	}
	const channel = findChannel(ctx, target.channel ?? '', 'target.channel');
	const { settings, generated } = await checkedSettings(
		channel,
		target.settings,
		'target.settings',
	);
	// the key, under which the secrets are sealed, is the new delivery's
	const { next: frame } = replayedElsewhere(delivery, { at, id, place: {} });
	const place: Place = {
		channel: channel.name,
		...splitSecrets(ctx.sealing, settings, {
			secrets: channel.secrets,
			owner: { tenant: delivery.tenant, type: 'spec', id },
			prefix: targetPrefix(frame.targetKey),
		}),
	};
	const { settlement, next } = replayedElsewhere(delivery, { at, id, place, repack });
	return { settlement, answer: { delivery: next, secrets: generated } };
}

/** What was packed is sent as it is; what never was, is packed with secrets that are the new delivery's. */
function repackFor(ctx: Context, delivery: Delivery, id: DeliveryId) {
	const { tenant } = delivery;
	return (steps: readonly PackageStep[], key: string): PackageStep[] => {
		const owner = { tenant, type: 'spec', id };
		return resealPackage(ctx, steps, {
			from: packageOwner(delivery),
			to: { owner, prefix: targetPrefix(key) },
		});
	};
}

/** @throws CapError DESTINATION_UNKNOWN */
export async function targetDestination(
	ctx: Context,
	actor: Actor,
	idOrName: string,
): Promise<Destination> {
	return findDestination(ctx, actor, idOrName).catch((error: unknown) => {
		if (!(error instanceof CapError) || error.code !== 'NOT_FOUND') throw error;
		throw inputError('DESTINATION_UNKNOWN', {
			path: 'target.destination',
			expected: 'the id or name of a destination',
			received: JSON.stringify(idOrName.slice(0, 100)),
		});
	});
}

/** @returns its id @throws CapError FORBIDDEN */
async function demandAllowed(
	ctx: Context,
	delivery: Delivery,
	{ id, channel, settings, rules }: Destination,
): Promise<string> {
	if (rules?.allow === undefined) return id;
	const run = await ctx.store.getRun(delivery.tenant, delivery.runId);
	if (run === null) throw new CapError('GONE', 'the run is no longer kept');
	const issue = whyNotAllowed(rules, {
		...intendedOf(delivery, run),
		...reachOf(ctx.channels.get(channel), settings),
	});
	if (issue !== null) throw inputError('FORBIDDEN', { ...issue, path: 'target.destination' });
	return id;
}

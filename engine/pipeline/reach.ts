import { createHash } from 'node:crypto';

import type { Channel } from '../channels/channel.port.ts';
import type { Target } from '../contract/delivery.ts';
import type { Destination } from '../contract/destination.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Delivery } from '../contract/run.ts';
import type { Intended } from '../core/delivery/allow.ts';
import { whyNotAllowed } from '../core/delivery/allow.ts';
import { reachOf } from './allowed.ts';
import { currentSettings } from './change-destination.ts';
import type { Context } from './context.ts';
import type { Place } from './place.ts';
import { inlineName } from './places.ts';
import { joinSecrets } from './secrets.ts';
import { canonicalJson } from './spec-id.ts';
import { targetPrefix } from './spec-parts.ts';

/** The channel and its settings as they are now: a destination may have changed since. */
export async function reach(ctx: Context, delivery: Delivery): Promise<Reached> {
	const { target, tenant } = delivery;
	if (delivery.scheduleId !== null) {
		const reason = await ctx.store.disabledTarget(tenant, delivery.scheduleId, delivery.targetKey);
		if (reason !== null) throw new CapError('TARGET_DISABLED', `the target is disabled: ${reason}`);
	}
	if (target.destination !== undefined) return reachDestination(ctx, tenant, target.destination);
	return {
		channel: channelOf(ctx, target.channel ?? ''),
		settings: inlineSettings(ctx, delivery, target),
	};
}

function inlineSettings(ctx: Context, delivery: Delivery, target: Target): JsonObject {
	return joinSecrets(ctx.sealing, target, {
		owner: { tenant: delivery.tenant, type: 'spec', id: delivery.sealedFor },
		prefix: targetPrefix(target.key),
	});
}

export interface Reached {
	channel: Channel;
	settings: JsonObject;
	/** Undefined for an inline target. */
	destination?: Destination;
}

export async function reachDestination(
	ctx: Context,
	tenant: string,
	idOrName: string,
): Promise<Reached & { destination: Destination }> {
	const destination = await ctx.store.getDestination(tenant, idOrName);
	if (destination === null) {
		throw new CapError('DESTINATION_UNKNOWN', `there is no destination "${idOrName}" any more`);
	}
	if (!destination.enabled) {
		const why = destination.disabledReason ?? 'by its owner';
		throw new CapError('TARGET_DISABLED', `destination "${destination.name}" is disabled: ${why}`);
	}
	const owner = { tenant, type: 'destination', id: destination.id };
	return {
		channel: channelOf(ctx, destination.channel),
		settings: currentSettings(ctx, destination, joinSecrets(ctx.sealing, destination, { owner })),
		destination,
	};
}

/** The destination's rules may be stricter than when the schedule was made. @throws CapError FORBIDDEN */
export function demandAllowed(
	{ channel, settings, destination }: Reached,
	intended: Intended,
): void {
	const reached = destination === undefined ? {} : reachOf(channel, settings);
	const issue = whyNotAllowed(destination?.rules, { ...intended, ...reached });
	if (issue !== null) throw inputError('FORBIDDEN', issue);
}

function channelOf(ctx: Context, name: string): Channel {
	const channel = ctx.channels.get(name);
	if (channel === undefined)
		throw new CapError('CHANNEL_UNKNOWN', `this engine has no channel "${name}"`);
	return channel;
}

/** The place as its circuit and its limits know it. Inline targets of the same settings are one place of the tenant. */
export function placeOf(tenant: string, { channel, settings, destination }: Reached): Place {
	if (destination !== undefined) {
		const { id, name, rules } = destination;
		return { tenant, key: id, name, destinationId: id, limits: rules?.limits ?? {} };
	}
	const open = Object.entries(settings).filter(([field]) => !channel.secrets.includes(field));
	const place = inlinePlace(channel.name, Object.fromEntries(open));
	return { tenant, ...place, destinationId: null, limits: {} };
}

/** @param settings without secrets */
export function inlinePlace(channel: string, settings: JsonObject): Pick<Place, 'key' | 'name'> {
	const text = canonicalJson([channel, settings]);
	const key = `inline_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
	return { key, name: inlineName(channel, settings) };
}

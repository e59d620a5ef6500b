import type { Channel } from '../channels/channel.port.ts';
import type { Actor } from '../contract/access.ts';
import type { Destination, DestinationInput } from '../contract/destination.ts';
import { CapError } from '../contract/errors.ts';
import type { EventDraft } from '../contract/event.ts';
import type { DestinationId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import { inUse, revisionDiffers } from './capabilities.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import { joinSecrets, maskedSettings, splitSecrets } from './secrets.ts';
import { checkedSettings, findChannel } from './spec.ts';

export interface WrittenDestination {
	destination: Destination;
	/** Secrets that the engine made, by field; shown once. */
	secrets: Record<string, string>;
}

export async function createDestination(
	ctx: Context,
	actor: Actor,
	input: DestinationInput,
	once?: OnceRequest<WrittenDestination>,
): Promise<Answered<WrittenDestination>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const id = ctx.newId('destination');
	const { place, generated } = await compile(ctx, actor, id, input);
	const now = ctx.clock.now();
	const destination: Destination = {
		...place,
		id,
		tenant: actor.tenant,
		name: input.name,
		enabled: input.enabled,
		disabledReason: null,
		revision: 1,
		createdAt: now,
		updatedAt: now,
	};
	const answer = { destination, secrets: generated };
	const stored = await ctx.store.createDestination(
		destination,
		[destinationEvent('destination.created', actor, id, now)],
		onceRecord(ctx, actor, once, answer),
	);
	if (stored === 'name_taken') throw nameTaken(input.name);
	if (stored.replayed && once !== undefined) {
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	return { kind: 'done', answer };
}

/** Secrets that are left out stay as they are. Enabling it again forgets why the engine disabled it. */
export async function replaceDestination(
	ctx: Context,
	actor: Actor,
	id: DestinationId,
	input: DestinationInput,
	ifMatch?: number,
): Promise<WrittenDestination> {
	const before = await findDestination(ctx, actor, id);
	const { place, generated } = await compile(ctx, actor, before.id, input, before);
	const now = ctx.clock.now();
	const stored = await ctx.store.replaceDestination(
		{
			...place,
			id: before.id,
			tenant: actor.tenant,
			name: input.name,
			enabled: input.enabled,
			disabledReason: input.enabled ? null : before.disabledReason,
			createdAt: before.createdAt,
			updatedAt: now,
		},
		{
			...(ifMatch === undefined ? {} : { expected: ifMatch }),
			events: [destinationEvent('destination.updated', actor, before.id, now)],
		},
	);
	if (stored === 'not_found') throw notFound(id);
	if (stored === 'revision_differs') throw revisionDiffers(id);
	if (stored === 'name_taken') throw nameTaken(input.name);
	return { destination: stored, secrets: generated };
}

export async function findDestination(
	ctx: Context,
	actor: Actor,
	idOrName: string,
): Promise<Destination> {
	const destination = await ctx.store.getDestination(actor.tenant, idOrName);
	if (destination === null) throw notFound(idOrName);
	return destination;
}

export async function removeDestination(
	ctx: Context,
	actor: Actor,
	id: DestinationId,
	ifMatch?: number,
): Promise<void> {
	const done = await ctx.store.deleteDestination(actor.tenant, id, {
		...(ifMatch === undefined ? {} : { expected: ifMatch }),
		events: [destinationEvent('destination.deleted', actor, id, ctx.clock.now())],
	});
	if (done === 'deleted') return;
	if (done === 'not_found') throw notFound(id);
	if (done === 'revision_differs') throw revisionDiffers(id);
	throw inUse(id, done.usedBy);
}

async function compile(
	ctx: Context,
	actor: Actor,
	id: DestinationId,
	input: DestinationInput,
	before?: Destination,
): Promise<{
	place: Pick<Destination, 'channel' | 'settings' | 'sealed'>;
	generated: Record<string, string>;
}> {
	const channel = findChannel(ctx, input.channel, 'channel');
	const owner = { tenant: actor.tenant, type: 'destination', id };
	const given = withKeptSecrets(ctx, channel, input.settings, before);
	const { settings, generated } = await checkedSettings(channel, given, 'settings');
	const split = splitSecrets(ctx.sealing, settings, { secrets: channel.secrets, owner });
	return { place: { channel: channel.name, ...split }, generated };
}

/** Secrets that are left out are those that the destination has, as long as it keeps its channel. */
export function withKeptSecrets(
	ctx: Context,
	channel: Channel,
	settings: JsonObject,
	before: Destination | undefined,
): JsonObject {
	const given: JsonObject = { ...settings };
	if (before?.channel !== channel.name) return given;
	const owner = { tenant: before.tenant, type: 'destination', id: before.id };
	const kept = joinSecrets(ctx.sealing, before, { owner });
	for (const field of channel.secrets) {
		const value = kept[field];
		if (given[field] === undefined && value !== undefined) given[field] = value;
	}
	return given;
}

function notFound(id: string): CapError {
	return new CapError('NOT_FOUND', `no destination ${id}`);
}

function nameTaken(name: string): CapError {
	return new CapError('NAME_TAKEN', `there is a destination "${name}" already`);
}

function destinationEvent(
	type: 'destination.created' | 'destination.updated' | 'destination.deleted',
	actor: Actor,
	destinationId: DestinationId,
	at: number,
): EventDraft {
	return { type, tenant: actor.tenant, at, subject: { destinationId }, data: { by: actor.keyId } };
}

/** What GET shows: no secrets. */
export function presentDestination(destination: Destination): JsonObject {
	return {
		id: destination.id,
		name: destination.name,
		channel: destination.channel,
		settings: maskedSettings(destination),
		enabled: destination.enabled,
		disabledReason: destination.disabledReason,
		revision: destination.revision,
		createdAt: new Date(destination.createdAt).toISOString(),
		updatedAt: new Date(destination.updatedAt).toISOString(),
	};
}

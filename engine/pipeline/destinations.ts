import type { Channel } from '../channels/channel.port.ts';
import type { Actor } from '../contract/access.ts';
import type { Destination, DestinationInput, DestinationRules } from '../contract/destination.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { EventDraft } from '../contract/event.ts';
import type { DestinationId } from '../contract/ids.ts';
import type { JsonObject, JsonValue } from '../contract/json.ts';
import type { IdempotencyRecord, Once } from '../stores/store.port.ts';
import { forgetListeners } from './alert-groups.ts';
import { demandKept } from './allowed.ts';
import { inUse, revisionDiffers } from './capabilities.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import { joinSecrets, MASK, maskedSettings, splitSecrets } from './secrets.ts';
import { checkedSettings, findChannel } from './spec-parts.ts';

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
	const { place, generated } = await compile(ctx, actor, { id, ...input });
	const now = ctx.clock.now();
	const destination: Destination = {
		...place,
		id,
		tenant: actor.tenant,
		name: input.name,
		enabled: input.enabled,
		disabledReason: null,
		...rulesOf(input),
		revision: 1,
		createdAt: now,
		updatedAt: now,
	};
	demandKept(ctx, destination);
	const answer = { destination, secrets: generated };
	const stored = await ctx.store.createDestination(
		destination,
		[destinationEvent('destination.created', actor, id, now)],
		onceRecord(ctx, actor, once, answer),
	);
	if (stored === 'name_taken') throw nameTaken(input.name);
	forgetListeners(ctx, actor.tenant);
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
	const { place, generated } = await compile(ctx, actor, { ...input, id: before.id }, before);
	const kept = before.channel === input.channel ? before.rules?.previousUntil : undefined;
	const destination = {
		...place,
		id: before.id,
		tenant: actor.tenant,
		name: input.name,
		enabled: input.enabled,
		disabledReason: input.enabled ? null : before.disabledReason,
		...rulesOf({ ...input, previousUntil: kept }),
		createdAt: before.createdAt,
		updatedAt: ctx.clock.now(),
	};
	const stored = await storeDestination(ctx, actor, destination, { expected: ifMatch });
	if (stored.replayed) throw new CapError('INTERNAL', 'a repeat without a key');
	return { destination: stored.value, secrets: generated };
}

interface StoreOptions {
	expected: number | undefined;
	event?: DestinationEvent;
	/** What is kept of the answer with it. */
	once?: IdempotencyRecord | undefined;
}

/** @throws CapError when it is gone, has another revision, breaks its own rules, or its name is taken */
export async function storeDestination(
	ctx: Context,
	actor: Actor,
	destination: Omit<Destination, 'revision'>,
	{ expected, event = 'destination.updated', once }: StoreOptions,
): Promise<Once<Destination>> {
	const { id, name, updatedAt } = destination;
	demandKept(ctx, destination);
	const stored = await ctx.store.replaceDestination(destination, {
		...(expected === undefined ? {} : { expected }),
		events: [destinationEvent(event, actor, id, updatedAt)],
		once,
	});
	if (stored === 'not_found') throw notFound(id);
	if (stored === 'revision_differs') throw revisionDiffers(id);
	if (stored === 'name_taken') throw nameTaken(name);
	forgetListeners(ctx, actor.tenant);
	if (!stored.replayed) await resetCircuit(ctx, stored.value);
	return stored;
}

/** What was known of it was known of what it was before. */
export async function resetCircuit(
	ctx: Context,
	{ tenant, id, name }: Pick<Destination, 'tenant' | 'id' | 'name'>,
): Promise<void> {
	await ctx.places.reset({ tenant, key: id, name, destinationId: id });
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
	forgetListeners(ctx, actor.tenant);
	if (done === 'deleted') return;
	if (done === 'not_found') throw notFound(id);
	if (done === 'revision_differs') throw revisionDiffers(id);
	throw inUse(id, done.usedBy);
}

/** The channel with its settings as they are kept, after all was checked that can be checked now. */
export async function compile(
	ctx: Context,
	actor: Actor,
	input: { id: DestinationId; channel: string; settings: JsonObject },
	before?: Destination,
): Promise<{
	place: Pick<Destination, 'channel' | 'settings' | 'sealed'>;
	generated: Record<string, string>;
}> {
	const channel = findChannel(ctx, input.channel, 'channel');
	const owner = { tenant: actor.tenant, type: 'destination', id: input.id };
	const given = withKeptSecrets(ctx, channel, input.settings, before);
	const { settings, generated } = await checkedSettings(channel, given, 'settings');
	const split = splitSecrets(ctx.sealing, settings, { secrets: channel.secrets, owner });
	return { place: { channel: channel.name, ...split }, generated };
}

/** Settings that say who gets what is sent. */
const ADDRESS = [
	'url',
	'endpoint',
	'host',
	'hosts',
	'port',
	'server',
	'servers',
	'brokers',
	'proxy',
];

/**
 * Secrets that are left out, or sent as the mask that answers show, are those that the destination has, as long
 * as it keeps its channel. Not for another address: whoever may change that would be sent what they may not read.
 * @throws CapError naming the secret that must be given again
 */
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
	const moved = ADDRESS.find((name) => addressOf(given[name]) !== addressOf(kept[name]));
	for (const field of channel.secrets) {
		const value = kept[field];
		const left = given[field] === undefined || given[field] === MASK;
		if (!left || value === undefined) continue;
		if (moved !== undefined && !(channel.neverSent ?? []).includes(field)) {
			throw inputError('INVALID_REQUEST', {
				path: `settings.${field}`,
				expected: `the secret once more, or null for none: "${moved}" is another one, and it would be sent there`,
			});
		}
		given[field] = value;
	}
	return Object.fromEntries(
		Object.entries(given).filter(
			([field, value]) => value !== null || !channel.secrets.includes(field),
		),
	);
}

/** Of a URL, what of it names the other side. */
function addressOf(value: JsonValue | undefined): string {
	if (typeof value !== 'string') return JSON.stringify(value ?? null);
	const url = URL.parse(value);
	return url === null || url.origin === 'null' ? value : url.origin;
}

/** As kept; nothing where there are none. */
export function rulesOf(given: {
	[Field in keyof DestinationRules]?: unknown;
}): { rules?: DestinationRules } {
	const { allow, limits, alerts, previousUntil } = given;
	// what zod left undefined is not there
	const rules = JSON.parse(
		JSON.stringify({
			allow: emptyToNone(allow),
			limits: emptyToNone(limits),
			alerts: emptyToNone(alerts),
			previousUntil,
		}),
	) as DestinationRules;
	return Object.keys(rules).length === 0 ? {} : { rules };
}

function emptyToNone(value: unknown): unknown {
	const empty = typeof value !== 'object' || value === null || Object.keys(value).length === 0;
	return empty ? undefined : value;
}

function notFound(id: string): CapError {
	return new CapError('NOT_FOUND', `no destination ${id}`);
}

function nameTaken(name: string): CapError {
	return new CapError('NAME_TAKEN', `there is a destination "${name}" already`);
}

export type DestinationEvent =
	| 'destination.created'
	| 'destination.updated'
	| 'destination.deleted'
	| 'destination.secret_rotated';

function destinationEvent(
	type: DestinationEvent,
	actor: Actor,
	destinationId: DestinationId,
	at: number,
): EventDraft {
	return { type, tenant: actor.tenant, at, subject: { destinationId }, data: { by: actor.keyId } };
}

/** What GET shows: no secrets. */
export function presentDestination(destination: Destination): JsonObject {
	const { allow = null, limits = null, alerts = null } = destination.rules ?? {};
	return {
		id: destination.id,
		name: destination.name,
		channel: destination.channel,
		settings: maskedSettings(destination),
		enabled: destination.enabled,
		disabledReason: destination.disabledReason,
		allow: allow,
		limits: limits,
		alerts,
		revision: destination.revision,
		createdAt: new Date(destination.createdAt).toISOString(),
		updatedAt: new Date(destination.updatedAt).toISOString(),
	};
}

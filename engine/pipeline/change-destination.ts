import type { Actor } from '../contract/access.ts';
import type { Destination, DestinationPatch } from '../contract/destination.ts';
import { CapError } from '../contract/errors.ts';
import type { DestinationId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Duration } from '../contract/time.ts';
import { parseInput } from '../contract/zod-issues.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import type { DestinationEvent, WrittenDestination } from './destinations.ts';
import { compile, findDestination, rulesOf, storeDestination } from './destinations.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import { joinSecrets, splitSecrets } from './secrets.ts';
import { findChannel } from './spec-parts.ts';

/** Standard Webhooks: receivers have a day to change over. */
const ROTATION: Duration = 86_400_000;

/**
 * Changes what was sent, and nothing else, on what is there at that moment. Enabling it again forgets why the
 * engine disabled it; attempts that run go on with what they began with.
 */
export async function patchDestination(
	ctx: Context,
	actor: Actor,
	{ id, ifMatch }: { id: DestinationId; ifMatch?: number | undefined },
	patch: DestinationPatch,
): Promise<WrittenDestination> {
	const decide = async (before: Destination): Promise<Unwritten> => {
		const { place, generated } = await patchedPlace(ctx, actor, before, patch.settings);
		const { rules = {} } = before;
		const { allow = rules.allow, limits = rules.limits, alerts = rules.alerts } = patch;
		const { name = before.name, enabled = before.enabled } = patch;
		const { rules: _, ...rest } = before;
		const destination = {
			...rest,
			...place,
			name,
			enabled,
			disabledReason: enabled ? null : before.disabledReason,
			...rulesOf({ allow, limits, alerts, previousUntil: rules.previousUntil }),
		};
		return { destination, secrets: generated };
	};
	const made = await onWhatIsThere(ctx, actor, { id, ifMatch }, { decide });
	if (made.kind === 'replayed') throw new CapError('INTERNAL', 'a repeat without a key');
	return made.answer;
}

async function patchedPlace(
	ctx: Context,
	actor: Actor,
	before: Destination,
	patch: JsonObject | undefined,
): Promise<Awaited<ReturnType<typeof compile>>> {
	const { id, channel, settings, sealed } = before;
	if (patch === undefined) return { place: { channel, settings, sealed }, generated: {} };
	const { secrets } = findChannel(ctx, channel, 'channel');
	const merged: JsonObject = { ...settings };
	for (const [name, value] of Object.entries(patch)) {
		// a secret that is taken out must not be put back from what was kept
		if (value === null && !secrets.includes(name)) delete merged[name];
		else merged[name] = value;
	}
	return compile(ctx, actor, { id, channel, settings: merged }, before);
}

/**
 * Makes a new secret; the one before it stays valid beside it for a day, so that the receiver can change over
 * without losing a message.
 * @throws CapError CONFLICT when the channel has no such secret
 */
export async function rotateSecret(
	ctx: Context,
	actor: Actor,
	act: { id: DestinationId; ifMatch?: number | undefined },
	once?: OnceRequest<WrittenDestination>,
): Promise<Answered<WrittenDestination>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	return onWhatIsThere(ctx, actor, act, {
		once,
		event: 'destination.secret_rotated',
		decide: async (before) => {
			const channel = findChannel(ctx, before.channel, 'channel');
			const { rotation } = channel;
			if (rotation === undefined || channel.generate === undefined) {
				throw new CapError(
					'CONFLICT',
					`the channel "${channel.name}" has no secret that two sides change over: send a new one with PATCH`,
				);
			}
			const owner = { tenant: before.tenant, type: 'destination', id: before.id };
			const { [rotation.secret]: old, ...settings } = joinSecrets(ctx.sealing, before, { owner });
			const secrets = channel.generate(settings);
			const next = {
				...settings,
				...secrets,
				...(old === undefined ? {} : { [rotation.previous]: old }),
			};
			const parsed = parseInput(channel.settings, next, { path: 'settings' }) as JsonObject;
			const split = splitSecrets(ctx.sealing, parsed, { secrets: channel.secrets, owner });
			const previousUntil = ctx.clock.now() + ROTATION;
			const rules = rulesOf({ ...before.rules, previousUntil });
			return { destination: { ...before, ...split, ...rules }, secrets };
		},
	});
}

/** Reads, decides, writes if nobody wrote between; without If-Match it is decided anew then. */
async function onWhatIsThere(
	ctx: Context,
	actor: Actor,
	{ id, ifMatch }: { id: DestinationId; ifMatch?: number | undefined },
	{ decide, event = 'destination.updated', once }: Change,
): Promise<Answered<WrittenDestination>> {
	for (let tries = 1; ; tries++) {
		const before = await findDestination(ctx, actor, id);
		const { destination, secrets } = await decide(before);
		const updated = { ...destination, updatedAt: ctx.clock.now() };
		try {
			const expected = ifMatch ?? before.revision;
			const answer = { destination: { ...updated, revision: expected + 1 }, secrets };
			const record = onceRecord(ctx, actor, once, answer);
			const stored = await storeDestination(ctx, actor, updated, { expected, event, once: record });
			if (!stored.replayed) return { kind: 'done', answer };
			if (once === undefined) throw new CapError('INTERNAL', 'a repeat without a key');
			return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
		} catch (error) {
			const raced = error instanceof CapError && error.code === 'PRECONDITION_FAILED';
			if (!raced || ifMatch !== undefined || tries === TRIES) throw error;
		}
	}
}

const TRIES = 5;

interface Change {
	decide(this: void, before: Destination): Promise<Unwritten>;
	/** Default `destination.updated`. */
	event?: DestinationEvent;
	once?: OnceRequest<WrittenDestination> | undefined;
}

interface Unwritten {
	destination: Omit<Destination, 'revision'>;
	secrets: Record<string, string>;
}

/** The settings without what is over: the secret before the last is valid for a day only. */
export function currentSettings(
	ctx: Pick<Context, 'clock' | 'channels'>,
	{ channel, rules }: Pick<Destination, 'channel' | 'rules'>,
	settings: JsonObject,
): JsonObject {
	const previous = ctx.channels.get(channel)?.rotation?.previous;
	if (previous === undefined || rules?.previousUntil === undefined) return settings;
	if (ctx.clock.now() <= rules.previousUntil) return settings;
	const { [previous]: _, ...rest } = settings;
	return rest;
}

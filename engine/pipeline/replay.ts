import type { Actor } from '../contract/access.ts';
import type { DeliverySettlement } from '../contract/change.ts';
import type { Place } from '../contract/delivery.ts';
import type { Destination } from '../contract/destination.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { DeliveryId, ScheduleId } from '../contract/ids.ts';
import type { JsonObject } from '../contract/json.ts';
import type { PackageStep } from '../contract/packaging.ts';
import type { Delivery } from '../contract/run.ts';
import type { Instant } from '../contract/time.ts';
import { whyNotAllowed } from '../core/delivery/allow.ts';
import { replayed, replayedElsewhere } from '../core/delivery/transitions.ts';
import { mayUse } from './access.ts';
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
	if (delivery.state !== 'dead' && delivery.state !== 'delivered') {
		throw new CapError(
			'CONFLICT',
			`${id} is ${delivery.state}; only dead and delivered ones are replayed`,
		);
	}
	const wanted =
		target?.destination === undefined
			? target
			: { found: await targetDestination(ctx, actor, target.destination) };
	const { settlement, answer } = await decide(ctx, actor, delivery, wanted);
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

async function decide(
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
async function targetDestination(
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
	{ tenant, runId }: Delivery,
	{ id, rules }: Destination,
): Promise<string> {
	const run = rules === undefined ? null : await ctx.store.getRun(tenant, runId);
	const issue = run === null ? null : whyNotAllowed(rules, { capability: run.capability });
	if (issue !== null) throw inputError('FORBIDDEN', { ...issue, path: 'target.destination' });
	return id;
}

/** Which dead letters; what is left out does not matter. */
export interface DeadLetterFilter {
	scheduleId?: ScheduleId | undefined;
	/** Id or name. */
	destination?: string | undefined;
	channel?: string | undefined;
	code?: string | undefined;
	/** When they died: `[from, to)`. */
	from?: Instant | undefined;
	to?: Instant | undefined;
}

export interface ReplayMany extends DeadLetterFilter {
	limit?: number | undefined;
	/** Where the call before this one ended. */
	cursor?: string | undefined;
	/** To this destination instead. */
	target?: { destination: string } | undefined;
}

export interface ReplayedDeadLetters {
	/** How many the filter met up to where this call ended. */
	matched: number;
	/** Those that are pending again; of a new target, the deliveries that were made. */
	replayed: DeliveryId[];
	/** Those that could not be, and why. */
	failed: { id: DeliveryId; code: string; message: string }[];
	/** Where the next call goes on; null: there are no more. */
	nextCursor: string | null;
}

const MAX_REPLAY = 1000;
const PAGE = 200;
/** One call reads no more pages than this, however few of them the filter meets: it may answer fewer, and go on. */
const MAX_PAGES = 200;

/** Replays dead letters, the newest first, 1000 at most in one call. */
export async function replayDeadLetters(
	ctx: Context,
	actor: Actor,
	wish: ReplayMany,
	once?: OnceRequest<ReplayedDeadLetters>,
): Promise<Answered<ReplayedDeadLetters>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const { limit = MAX_REPLAY, target } = wish;
	const { found, nextCursor } = await findDeadLetters(ctx, actor, wish, {
		limit,
		cursor: wish.cursor,
	});
	const failed: ReplayedDeadLetters['failed'] = [];
	const elsewhere =
		target === undefined
			? undefined
			: { found: await targetDestination(ctx, actor, target.destination) };
	const decided: { settlement: DeliverySettlement; id: DeliveryId }[] = [];
	for (const delivery of found) {
		try {
			const { settlement, answer } = await decide(ctx, actor, delivery, elsewhere);
			decided.push({ settlement, id: answer.delivery.id });
		} catch (error) {
			if (!(error instanceof CapError) || error.code !== 'FORBIDDEN') throw error;
			failed.push({ id: delivery.id, code: error.code, message: error.message });
		}
	}
	const answer: ReplayedDeadLetters = {
		matched: found.length,
		replayed: decided.map(({ id }) => id),
		failed,
		nextCursor,
	};
	const stored = await ctx.store.replayDeliveries(
		decided.map(({ settlement }) => settlement),
		onceRecord(ctx, actor, once, answer),
	);
	if (stored.replayed) {
		if (once === undefined) throw new CapError('INTERNAL', 'a repeat without a key');
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	ctx.wake.poke();
	return {
		kind: 'done',
		answer: { ...answer, replayed: answer.replayed.filter((_, i) => stored.value[i]) },
	};
}

/** The newest first, `limit` at most. */
export async function findDeadLetters(
	ctx: Context,
	actor: Actor,
	filter: DeadLetterFilter,
	page: { limit: number; cursor?: string | undefined },
): Promise<{ found: Delivery[]; nextCursor: string | null }> {
	const { scheduleId } = filter;
	const meets = await matcher(ctx, actor, filter);
	const found: Delivery[] = [];
	let cursor = page.cursor ?? null;
	let pages = 0;
	do {
		const { items, nextCursor }: Awaited<ReturnType<Context['store']['listDeliveries']>> =
			await ctx.store.listDeliveries(
				actor.tenant,
				{ state: 'dead', ...(scheduleId === undefined ? {} : { scheduleId }) },
				{
					// no further than what can be answered, so that the next page begins where this one ends
					limit: Math.min(PAGE, page.limit - found.length),
					...(cursor === null ? {} : { cursor }),
				},
			);
		for (const delivery of items) {
			if (meets(delivery) && (await maySee(ctx, actor, delivery))) found.push(delivery);
		}
		pages++;
		cursor = nextCursor;
	} while (cursor !== null && found.length < page.limit && pages < MAX_PAGES);
	return { found, nextCursor: cursor };
}

async function matcher(
	ctx: Context,
	actor: Actor,
	filter: DeadLetterFilter,
): Promise<(delivery: Delivery) => boolean> {
	const { destination, channel, code, from, to } = filter;
	// one that is gone is known by what was kept of it
	const named =
		destination === undefined ? null : await ctx.store.getDestination(actor.tenant, destination);
	return ({ target, error, endedAt }) =>
		(destination === undefined || target.destination === (named?.id ?? destination)) &&
		(channel === undefined || target.channel === channel) &&
		(code === undefined || error?.code === code) &&
		(from === undefined || (endedAt ?? 0) >= from) &&
		(to === undefined || (endedAt ?? 0) < to);
}

/** Whether the delivery is of a capability that the key may use. */
export async function maySee(ctx: Context, actor: Actor, { runId }: Delivery): Promise<boolean> {
	if (actor.capabilities === undefined) return true;
	const run = await ctx.store.getRun(actor.tenant, runId);
	return run !== null && mayUse(actor, run.capability);
}

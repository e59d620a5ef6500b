import type { Actor } from '../contract/access.ts';
import type { DeliverySettlement } from '../contract/change.ts';
import { CapError } from '../contract/errors.ts';
import type { DeliveryId, ScheduleId } from '../contract/ids.ts';
import type { Delivery } from '../contract/run.ts';
import type { Instant } from '../contract/time.ts';
import type { IdempotencyRecord } from '../stores/store.port.ts';
import { discarded } from '../core/delivery/transitions.ts';
import { mayUse } from './access.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';
import { decideReplay, targetDestination } from './replay.ts';

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

export interface ManyDeadLetters extends DeadLetterFilter {
	limit?: number | undefined;
	/** Where the call before this one ended. */
	cursor?: string | undefined;
	/** Answers what would be done, and does nothing. */
	dryRun?: boolean | undefined;
}

export interface ReplayMany extends ManyDeadLetters {
	/** To this destination instead. */
	target?: { destination: string } | undefined;
}

interface Handled {
	/** How many the filter met up to where this call ended. */
	matched: number;
	/** Where the next call goes on; null: there are no more. */
	nextCursor: string | null;
}

export interface ReplayedDeadLetters extends Handled {
	/** Those that are pending again; of a new target, the deliveries that were made. */
	replayed: DeliveryId[];
	/** Those that could not be, and why. */
	failed: { id: DeliveryId; code: string; message: string }[];
}

export interface DiscardedDeadLetters extends Handled {
	discarded: DeliveryId[];
}

/** In one call. */
const MAX = 1000;
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
	const { limit = MAX, cursor, target, dryRun = false } = wish;
	const { found, nextCursor } = await findDeadLetters(ctx, actor, wish, { limit, cursor });
	const failed: ReplayedDeadLetters['failed'] = [];
	const elsewhere =
		target === undefined
			? undefined
			: { found: await targetDestination(ctx, actor, target.destination) };
	const decided: { settlement: DeliverySettlement; id: DeliveryId }[] = [];
	for (const delivery of found) {
		try {
			const { settlement, answer } = await decideReplay(ctx, actor, delivery, elsewhere);
			decided.push({ settlement, id: dryRun ? delivery.id : answer.delivery.id });
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
	const settlements = dryRun ? [] : decided.map(({ settlement }) => settlement);
	const written = await write(ctx, settlements, onceRecord(ctx, actor, once, answer));
	if (written.kind === 'replayed') return replayedOf(ctx, once, written);
	if (dryRun) return { kind: 'done', answer };
	ctx.wake.poke();
	return {
		kind: 'done',
		answer: { ...answer, replayed: answer.replayed.filter((_, i) => written.done[i]) },
	};
}

/** Takes them off the list; 1000 at most in one call. Their bytes stay, so each can still be replayed. */
export async function discardDeadLetters(
	ctx: Context,
	actor: Actor,
	wish: ManyDeadLetters,
	once?: OnceRequest<DiscardedDeadLetters>,
): Promise<Answered<DiscardedDeadLetters>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const { limit = MAX, cursor, dryRun = false } = wish;
	const { found, nextCursor } = await findDeadLetters(ctx, actor, wish, { limit, cursor });
	const ids = found.map(({ id }) => id);
	const answer = { matched: found.length, discarded: ids, nextCursor };
	const at = ctx.clock.now();
	const settlements = dryRun ? [] : found.map((delivery) => discarded(delivery, { at }));
	const written = await write(ctx, settlements, onceRecord(ctx, actor, once, answer));
	if (written.kind === 'replayed') return replayedOf(ctx, once, written);
	const done = dryRun ? ids : ids.filter((_, i) => written.done[i]);
	return { kind: 'done', answer: { ...answer, discarded: done } };
}

/** One dead letter. @throws CapError NOT_FOUND, CONFLICT when it is none */
export async function discardDelivery(
	ctx: Context,
	actor: Actor,
	id: DeliveryId,
	once?: OnceRequest<Delivery>,
): Promise<Answered<Delivery>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const found = await ctx.store.getDelivery(actor.tenant, id);
	if (found === null) throw new CapError('NOT_FOUND', `no delivery ${id}`);
	const { delivery } = found;
	if (delivery.state !== 'dead') {
		throw new CapError('CONFLICT', `${id} is ${delivery.state}; only dead ones are discarded`);
	}
	const answer: Delivery = { ...delivery, state: 'discarded' };
	const settlement = discarded(delivery, { at: ctx.clock.now() });
	const written = await write(ctx, [settlement], onceRecord(ctx, actor, once, answer));
	if (written.kind === 'replayed') return replayedOf(ctx, once, written);
	if (written.done[0] !== true) throw new CapError('CONFLICT', `${id} is changing at this moment`);
	return { kind: 'done', answer };
}

type Written = { kind: 'done'; done: boolean[] } | { kind: 'replayed'; earlier: IdempotencyRecord };

async function write(
	ctx: Context,
	settlements: readonly DeliverySettlement[],
	record: IdempotencyRecord | undefined,
): Promise<Written> {
	const stored = await ctx.store.replayDeliveries(settlements, record);
	if (stored.replayed) return { kind: 'replayed', earlier: stored.earlier };
	return { kind: 'done', done: stored.value };
}

function replayedOf<T>(
	ctx: Context,
	once: OnceRequest<T> | undefined,
	{ earlier }: Extract<Written, { kind: 'replayed' }>,
): Answered<T> {
	if (once === undefined) throw new CapError('INTERNAL', 'a repeat without a key');
	return { kind: 'replayed', response: earlierResponse(ctx, once, earlier) };
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

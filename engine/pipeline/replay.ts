import type { Actor } from '../contract/access.ts';
import { CapError } from '../contract/errors.ts';
import type { DeliveryId, ScheduleId } from '../contract/ids.ts';
import type { Delivery } from '../contract/run.ts';
import { replayed } from '../core/delivery/transitions.ts';
import { mayUse } from './access.ts';
import type { Answered, Context, OnceRequest } from './context.ts';
import { earlierResponse, findEarlier, onceRecord } from './once.ts';

/** Sends a delivery's stored bytes again. The same delivery, so what it was idempotent under stays. */
export async function replayDelivery(
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
	if (delivery.state !== 'dead' && delivery.state !== 'delivered') {
		throw new CapError(
			'CONFLICT',
			`${id} is ${delivery.state}; only dead and delivered ones are replayed`,
		);
	}
	const at = ctx.clock.now();
	const answer: Delivery = {
		...delivery,
		state: 'pending',
		dueAt: at,
		endedAt: null,
		attempt: 0,
		error: null,
	};
	const stored = await ctx.store.replayDeliveries(
		[replayed(delivery, { at })],
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

export interface ReplayedDeadLetters {
	replayed: DeliveryId[];
}

/** Replays dead letters, the newest first, 1000 at most. */
export async function replayDeadLetters(
	ctx: Context,
	actor: Actor,
	filter: { scheduleId?: ScheduleId | undefined; limit?: number | undefined },
	once?: OnceRequest<ReplayedDeadLetters>,
): Promise<Answered<ReplayedDeadLetters>> {
	const earlier = await findEarlier(ctx, actor, once);
	if (earlier !== null) return { kind: 'replayed', response: earlier };
	const dead = await deadLetters(ctx, actor, filter);
	const at = ctx.clock.now();
	const answer = { replayed: dead.map(({ id }) => id) };
	const stored = await ctx.store.replayDeliveries(
		dead.map((delivery) => replayed(delivery, { at })),
		onceRecord(ctx, actor, once, answer),
	);
	if (stored.replayed) {
		if (once === undefined) throw new CapError('INTERNAL', 'a repeat without a key');
		return { kind: 'replayed', response: earlierResponse(ctx, once, stored.earlier) };
	}
	ctx.wake.poke();
	return { kind: 'done', answer: { replayed: answer.replayed.filter((_, i) => stored.value[i]) } };
}

const MAX_REPLAY = 1000;

async function deadLetters(
	ctx: Context,
	actor: Actor,
	{
		scheduleId,
		limit = MAX_REPLAY,
	}: { scheduleId?: ScheduleId | undefined; limit?: number | undefined },
): Promise<Delivery[]> {
	const found: Delivery[] = [];
	let cursor: string | null = null;
	do {
		const page: Awaited<ReturnType<Context['store']['listDeliveries']>> =
			await ctx.store.listDeliveries(
				actor.tenant,
				{ state: 'dead', ...(scheduleId === undefined ? {} : { scheduleId }) },
				{ limit: Math.min(200, limit - found.length), ...(cursor === null ? {} : { cursor }) },
			);
		for (const delivery of page.items) {
			if (await maySee(ctx, actor, delivery)) found.push(delivery);
		}
		cursor = page.nextCursor;
	} while (cursor !== null && found.length < limit);
	return found;
}

/** Whether the delivery is of a capability that the key may use. */
export async function maySee(ctx: Context, actor: Actor, { runId }: Delivery): Promise<boolean> {
	if (actor.capabilities === undefined) return true;
	const run = await ctx.store.getRun(actor.tenant, runId);
	return run !== null && mayUse(actor, run.capability);
}

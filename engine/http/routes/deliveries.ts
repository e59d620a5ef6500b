import { z } from 'zod';

import type { Actor } from '../../contract/access.ts';
import { pageOf } from '../../contract/answers-parts.ts';
import {
	deliveryDetailsSchema,
	deliverySchema,
	replayedSchema,
} from '../../contract/answers-runs.ts';
import { DELIVERY_STATES } from '../../contract/delivery.ts';
import { CapError } from '../../contract/errors.ts';
import type { DeliveryId } from '../../contract/ids.ts';
import { idSchema } from '../../contract/ids.ts';
import type { Delivery } from '../../contract/run.ts';
import type { Context } from '../../pipeline/context.ts';
import type { ReplayedDeadLetters } from '../../pipeline/replay.ts';
import { maySee, replayDeadLetters, replayDelivery } from '../../pipeline/replay.ts';
import { presentDelivery, presentDeliveryDetails } from '../../pipeline/present.ts';
import type { DeliveryFilter } from '../../stores/store.port.ts';
import { given, pageQuery, pageRequest } from '../lists.ts';
import type { Reply } from '../route.ts';
import { keyRoute } from '../route.ts';

const params = z.strictObject({ id: idSchema('delivery') });

const deadLetterFilterSchema = z
	.strictObject({
		scheduleId: idSchema('schedule').optional(),
		limit: z.number().int().min(1).max(1000).optional(),
	})
	.meta({ id: 'DeadLetterFilter' });

async function findDelivery(ctx: Context, actor: Actor, id: DeliveryId) {
	const found = await ctx.store.getDelivery(actor.tenant, id);
	if (found !== null && (await maySee(ctx, actor, found.delivery))) return found;
	throw new CapError('NOT_FOUND', `no delivery ${id}`);
}

async function list(
	ctx: Context,
	actor: Actor,
	{ filter, page }: { filter: DeliveryFilter; page: Parameters<typeof pageRequest>[0] },
): Promise<Reply> {
	const { items, nextCursor } = await ctx.store.listDeliveries(
		actor.tenant,
		filter,
		pageRequest(page),
	);
	const seen = await Promise.all(items.map((delivery) => maySee(ctx, actor, delivery)));
	return {
		status: 200,
		body: {
			items: items.filter((_, i) => seen[i]).map((delivery) => presentDelivery(delivery)),
			nextCursor,
		},
	};
}

export const DELIVERY_ROUTES = [
	keyRoute({
		id: 'listDeliveries',
		method: 'get',
		path: '/v1/deliveries',
		tag: 'Deliveries',
		summary: 'List deliveries',
		scopes: ['runs:read'],
		query: z.strictObject({
			...pageQuery,
			state: z.enum(DELIVERY_STATES).optional(),
			runId: idSchema('run').optional(),
			scheduleId: idSchema('schedule').optional(),
		}),
		answers: {
			200: { description: 'Deliveries, the newest first.', schema: pageOf(deliverySchema) },
		},
		example: { query: 'state=failed' },
		handle: ({ ctx, actor, query: { state, runId, scheduleId, ...page } }) =>
			list(ctx, actor, { filter: given({ state, runId, scheduleId }), page }),
	}),
	keyRoute({
		id: 'getDelivery',
		method: 'get',
		path: '/v1/deliveries/{id}',
		tag: 'Deliveries',
		summary: 'Show a delivery with its attempts and receipt',
		scopes: ['runs:read'],
		params,
		answers: { 200: { description: 'The delivery.', schema: deliveryDetailsSchema } },
		errors: ['NOT_FOUND'],
		async handle({ ctx, actor, params: { id } }) {
			const { delivery, attempts } = await findDelivery(ctx, actor, id);
			return { status: 200, body: presentDeliveryDetails(delivery, attempts) };
		},
	}),
	keyRoute({
		id: 'replayDelivery',
		method: 'post',
		path: '/v1/deliveries/{id}/replay',
		tag: 'Deliveries',
		summary: 'Send the identical bytes of a delivery again',
		scopes: ['runs:execute'],
		makesWork: true,
		params,
		answers: { 202: { description: 'It is pending again.', schema: deliverySchema } },
		errors: ['NOT_FOUND', 'CONFLICT', 'GONE'],
		handle: async ({ ctx, actor, params: { id }, once }) => {
			await findDelivery(ctx, actor, id);
			return once(
				(request) => replayDelivery(ctx, actor, id, request),
				(delivery: Delivery) => ({ status: 202, body: presentDelivery(delivery) }),
			);
		},
	}),
	keyRoute({
		id: 'listDeadLetters',
		method: 'get',
		path: '/v1/dead-letters',
		tag: 'Deliveries',
		summary: 'List deliveries that were given up',
		scopes: ['runs:read'],
		query: z.strictObject({ ...pageQuery, scheduleId: idSchema('schedule').optional() }),
		answers: {
			200: { description: 'Dead deliveries, the newest first.', schema: pageOf(deliverySchema) },
		},
		handle: ({ ctx, actor, query: { scheduleId, ...page } }) =>
			list(ctx, actor, { filter: { state: 'dead', ...given({ scheduleId }) }, page }),
	}),
	keyRoute({
		id: 'replayDeadLetters',
		method: 'post',
		path: '/v1/dead-letters/replay',
		tag: 'Deliveries',
		summary: 'Send dead deliveries again',
		scopes: ['runs:execute'],
		makesWork: true,
		body: { kind: 'json', schema: deadLetterFilterSchema, optional: true },
		answers: { 202: { description: 'These are pending again.', schema: replayedSchema } },
		example: { body: { limit: 100 } },
		handle: ({ ctx, actor, body, once }) =>
			once(
				(request) => replayDeadLetters(ctx, actor, body, request),
				({ replayed }: ReplayedDeadLetters) => ({ status: 202, body: { replayed } }),
			),
	}),
];

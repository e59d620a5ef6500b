import { z } from 'zod';

import type { Actor } from '../../contract/access.ts';
import { pageOf, secretsSchema } from '../../contract/answers-parts.ts';
import {
	deliveryDetailsSchema,
	deliverySchema,
	discardedSchema,
	replayedSchema,
} from '../../contract/answers-runs.ts';
import { DELIVERY_STATES } from '../../contract/delivery.ts';
import { CapError } from '../../contract/errors.ts';
import type { DeliveryId } from '../../contract/ids.ts';
import { idSchema } from '../../contract/ids.ts';
import { jsonObjectSchema } from '../../contract/json.ts';
import type { Delivery } from '../../contract/run.ts';
import { instantSchema } from '../../contract/time.ts';
import type { Context } from '../../pipeline/context.ts';
import type { DiscardedDeadLetters, ReplayedDeadLetters } from '../../pipeline/dead-letters.ts';
import {
	discardDeadLetters,
	discardDelivery,
	findDeadLetters,
	maySee,
	replayDeadLetters,
} from '../../pipeline/dead-letters.ts';
import type { Replayed } from '../../pipeline/replay.ts';
import { replayDelivery } from '../../pipeline/replay.ts';
import { presentDelivery, presentDeliveryDetails } from '../../pipeline/present.ts';
import type { DeliveryFilter } from '../../stores/store.port.ts';
import { given, pageQuery, pageRequest } from '../lists.ts';
import type { Reply } from '../route.ts';
import { keyRoute } from '../route.ts';

const params = z.strictObject({ id: idSchema('delivery') });

const filterFields = {
	scheduleId: idSchema('schedule').optional(),
	destination: z.string().min(1).max(100).optional().describe('Its id or name.'),
	channel: z.string().min(1).max(40).optional().describe('Of inline targets.'),
	code: z.string().min(1).max(40).optional().describe('Why they died: `TIMEOUT`.'),
	from: instantSchema.optional().describe('Died at this instant or later.'),
	to: instantSchema.optional().describe('Died before this instant.'),
};

const manyFields = {
	...filterFields,
	limit: z.number().int().min(1).max(1000).optional(),
	cursor: z.string().max(200).optional().describe('Goes on where the call before ended.'),
	dryRun: z.boolean().optional().describe('Answers what would be done, and does nothing.'),
};

const discardInputSchema = z.strictObject(manyFields).meta({ id: 'DiscardInput' });

const deadLetterFilterSchema = z
	.strictObject({
		...manyFields,
		target: z
			.strictObject({ destination: z.string().min(1).max(100) })
			.optional()
			.describe('To this destination instead: new deliveries of the same bytes.'),
	})
	.meta({ id: 'DeadLetterFilter' });

const replayInputSchema = z
	.strictObject({
		target: z
			.strictObject({
				destination: z.string().min(1).max(100).optional().describe('Its id or name.'),
				channel: z.string().min(1).max(40).optional(),
				settings: jsonObjectSchema.optional(),
			})
			.refine(
				({ destination, channel, settings }) =>
					(destination === undefined) !== (channel === undefined) &&
					(channel !== undefined || settings === undefined),
				{ error: 'either "destination", or "channel" with "settings"' },
			)
			.meta({
				oneOf: [{ required: ['destination'] }, { required: ['channel'] }],
				dependentRequired: { settings: ['channel'] },
			})
			.optional()
			.describe('Another place: a new delivery of the same bytes, beside the one that there is.'),
	})
	.meta({ id: 'ReplayInput' });

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
		description:
			'To where they went, as the same delivery; or, with `target`, to another place, as a new delivery of the same run.',
		scopes: ['runs:execute'],
		makesWork: true,
		params,
		body: { kind: 'json', schema: replayInputSchema, optional: true },
		answers: {
			202: {
				description: 'It is pending, or the new one is.',
				schema: deliverySchema.extend({ secrets: secretsSchema.optional() }),
			},
		},
		errors: [
			'NOT_FOUND',
			'CONFLICT',
			'GONE',
			'DESTINATION_UNKNOWN',
			'CHANNEL_UNKNOWN',
			'EGRESS_BLOCKED',
			'FILE_ROOT_FORBIDDEN',
			'PATH_INVALID',
			'TEMPLATE_INVALID',
		],
		example: { body: { target: { destination: 'stand-in' } } },
		handle: async ({ ctx, actor, params: { id }, body: { target } = {}, once }) => {
			await findDelivery(ctx, actor, id);
			return once(
				(request) => replayDelivery(ctx, actor, { id, target }, request),
				({ delivery, secrets }: Replayed) => ({
					status: 202,
					body: {
						...presentDelivery(delivery),
						...(Object.keys(secrets).length === 0 ? {} : { secrets }),
					},
				}),
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
		query: z.strictObject({ ...pageQuery, ...filterFields }),
		answers: {
			200: { description: 'Dead deliveries, the newest first.', schema: pageOf(deliverySchema) },
		},
		example: { query: 'code=TIMEOUT' },
		async handle({ ctx, actor, query: { limit, cursor, ...filter } }) {
			const page = pageRequest({ limit, cursor });
			const { found, nextCursor } = await findDeadLetters(ctx, actor, filter, page);
			return { status: 200, body: { items: found.map(presentDelivery), nextCursor } };
		},
	}),
	keyRoute({
		id: 'replayDeadLetters',
		method: 'post',
		path: '/v1/dead-letters/replay',
		tag: 'Deliveries',
		summary: 'Send dead deliveries again',
		description:
			'Those that the filter meets, the newest first, 1000 at most in a call. While `nextCursor` is not null there are more: call again with it. What is pending again is no dead letter any more, so calling without it again goes on too, but for those with a new target, which stay.',
		scopes: ['runs:execute'],
		makesWork: true,
		body: { kind: 'json', schema: deadLetterFilterSchema, optional: true },
		answers: { 202: { description: 'These are pending again.', schema: replayedSchema } },
		errors: ['DESTINATION_UNKNOWN'],
		example: { body: { limit: 100 } },
		handle: ({ ctx, actor, body, once }) =>
			once(
				(request) => replayDeadLetters(ctx, actor, body, request),
				(result: ReplayedDeadLetters) => ({ status: 202, body: { ...result } }),
			),
	}),
	keyRoute({
		id: 'discardDeadLetters',
		method: 'post',
		path: '/v1/dead-letters/discard',
		tag: 'Deliveries',
		summary: 'Take dead deliveries off the list',
		description:
			'Those that the filter meets, the newest first, 1000 at most in a call; go on with `nextCursor`. They are `discarded` then, and can still be replayed one by one while their run is kept.',
		scopes: ['runs:execute'],
		body: { kind: 'json', schema: discardInputSchema, optional: true },
		answers: { 200: { description: 'These are off the list.', schema: discardedSchema } },
		example: { body: { code: 'TARGET_GONE', limit: 100, dryRun: true } },
		handle: ({ ctx, actor, body, once }) =>
			once(
				(request) => discardDeadLetters(ctx, actor, body, request),
				(result: DiscardedDeadLetters) => ({ status: 200, body: { ...result } }),
			),
	}),
	keyRoute({
		id: 'discardDelivery',
		method: 'post',
		path: '/v1/deliveries/{id}/discard',
		tag: 'Deliveries',
		summary: 'Take a dead delivery off the list of dead letters',
		scopes: ['runs:execute'],
		params,
		answers: { 200: { description: 'It is discarded.', schema: deliverySchema } },
		errors: ['NOT_FOUND', 'CONFLICT'],
		handle: async ({ ctx, actor, params: { id }, once }) => {
			await findDelivery(ctx, actor, id);
			return once(
				(request) => discardDelivery(ctx, actor, id, request),
				(delivery: Delivery) => ({ status: 200, body: presentDelivery(delivery) }),
			);
		},
	}),
];

import { z } from 'zod';

import { pageOf } from '../../contract/answers-parts.ts';
import { destinationSchema } from '../../contract/answers.ts';
import type { Destination } from '../../contract/destination.ts';
import { destinationInputSchema } from '../../contract/destination.ts';
import { CapError } from '../../contract/errors.ts';
import { idSchema } from '../../contract/ids.ts';
import type { Context } from '../../pipeline/context.ts';
import type { WrittenDestination } from '../../pipeline/destinations.ts';
import {
	createDestination,
	presentDestination,
	removeDestination,
	replaceDestination,
} from '../../pipeline/destinations.ts';
import { pageQuery, pageRequest } from '../lists.ts';
import { revisionTag } from '../preconditions.ts';
import type { Reply } from '../route.ts';
import { keyRoute } from '../route.ts';

const params = z.strictObject({ id: idSchema('destination') });

const shown = (
	ctx: Context,
	destination: Destination,
	{ status = 200, secrets = {} }: { status?: number; secrets?: Record<string, string> } = {},
): Reply => ({
	status,
	headers: {
		etag: revisionTag(destination.revision),
		...(status === 201
			? { location: `${ctx.settings.publicUrl()}/v1/destinations/${destination.id}` }
			: {}),
	},
	body: {
		...presentDestination(destination),
		...(Object.keys(secrets).length === 0 ? {} : { secrets }),
	},
});

const answer = { schema: destinationSchema, headers: { etag: 'Its revision.' } };
const body = { kind: 'json', schema: destinationInputSchema } as const;
const errors = [
	'CHANNEL_UNKNOWN',
	'EGRESS_BLOCKED',
	'FILE_ROOT_FORBIDDEN',
	'PATH_INVALID',
	'TEMPLATE_INVALID',
	'NAME_TAKEN',
] as const;
const example = {
	name: 'warehouse',
	channel: 'webhook',
	settings: { url: 'https://example.org/incoming' },
};

export const DESTINATION_ROUTES = [
	keyRoute({
		id: 'listDestinations',
		method: 'get',
		path: '/v1/destinations',
		tag: 'Destinations',
		summary: 'List destinations',
		scopes: ['schedules:read', 'destinations:write'],
		query: z.strictObject(pageQuery),
		answers: { 200: { description: 'Destinations.', schema: pageOf(destinationSchema) } },
		async handle({ ctx, actor, query }) {
			const { items, nextCursor } = await ctx.store.listDestinations(
				actor.tenant,
				pageRequest(query),
			);
			return { status: 200, body: { items: items.map(presentDestination), nextCursor } };
		},
	}),
	keyRoute({
		id: 'createDestination',
		method: 'post',
		path: '/v1/destinations',
		tag: 'Destinations',
		summary: 'Create a destination',
		description:
			'A channel with its settings (see `GET /v1/channels`). Secrets can be written, never read.',
		scopes: ['destinations:write'],
		body,
		answers: { 201: { description: 'Created.', ...answer } },
		errors,
		example: { body: example },
		handle: ({ ctx, actor, body, once }) =>
			once(
				(request) => createDestination(ctx, actor, body, request),
				({ destination, secrets }: WrittenDestination) =>
					shown(ctx, destination, { status: 201, secrets }),
			),
	}),
	keyRoute({
		id: 'getDestination',
		method: 'get',
		path: '/v1/destinations/{id}',
		tag: 'Destinations',
		summary: 'Show a destination',
		scopes: ['schedules:read', 'destinations:write'],
		params,
		answers: { 200: { description: 'The destination.', ...answer } },
		errors: ['NOT_FOUND'],
		async handle({ ctx, actor, params: { id } }) {
			const destination = await ctx.store.getDestination(actor.tenant, id);
			if (destination === null) throw new CapError('NOT_FOUND', `no destination ${id}`);
			return shown(ctx, destination);
		},
	}),
	keyRoute({
		id: 'replaceDestination',
		method: 'put',
		path: '/v1/destinations/{id}',
		tag: 'Destinations',
		summary: 'Replace a destination',
		description:
			'Secrets that are left out are kept. Deliveries that exist go on with what they were made with.',
		scopes: ['destinations:write'],
		params,
		body,
		conditional: true,
		answers: { 200: { description: 'Replaced.', ...answer } },
		errors: [...errors, 'NOT_FOUND'],
		example: { body: example },
		async handle({ ctx, actor, params: { id }, body, ifMatch }) {
			const { destination, secrets } = await replaceDestination(ctx, actor, id, body, ifMatch);
			return shown(ctx, destination, { secrets });
		},
	}),
	keyRoute({
		id: 'deleteDestination',
		method: 'delete',
		path: '/v1/destinations/{id}',
		tag: 'Destinations',
		summary: 'Delete a destination',
		description: 'Refused while schedules that are active or paused use it.',
		scopes: ['destinations:write'],
		params,
		conditional: true,
		answers: { 204: { description: 'It is gone.' } },
		errors: ['NOT_FOUND', 'IN_USE'],
		async handle({ ctx, actor, params: { id }, ifMatch }) {
			await removeDestination(ctx, actor, id, ifMatch);
			return { status: 204 };
		},
	}),
];

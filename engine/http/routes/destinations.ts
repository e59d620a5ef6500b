import { z } from 'zod';

import { pageOf } from '../../contract/answers-parts.ts';
import { destinationSchema, destinationTestSchema } from '../../contract/answers.ts';
import type { Destination } from '../../contract/destination.ts';
import {
	destinationInputSchema,
	destinationPatchSchema,
	destinationTestInputSchema,
	placeTestInputSchema,
} from '../../contract/destination.ts';
import { CapError } from '../../contract/errors.ts';
import { idSchema } from '../../contract/ids.ts';
import type { JsonObject } from '../../contract/json.ts';
import { patchDestination, rotateSecret } from '../../pipeline/change-destination.ts';
import type { Context } from '../../pipeline/context.ts';
import { presentCircuit } from '../../pipeline/places.ts';
import type { WrittenDestination } from '../../pipeline/destinations.ts';
import {
	createDestination,
	presentDestination,
	removeDestination,
	replaceDestination,
} from '../../pipeline/destinations.ts';
import { presentTest, testDestination, testNewPlace } from '../../pipeline/test-destination.ts';
import { pageQuery, pageRequest } from '../lists.ts';
import { revisionTag } from '../preconditions.ts';
import type { Reply } from '../route.ts';
import { keyRoute } from '../route.ts';

const params = z.strictObject({ id: idSchema('destination') });

const shown = (
	ctx: Context,
	destination: Destination,
	{
		status = 200,
		secrets = {},
		more = {},
	}: { status?: number; secrets?: Record<string, string>; more?: JsonObject } = {},
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
		...more,
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
	// before those of one destination: an id would take its place
	keyRoute({
		id: 'testSettings',
		method: 'post',
		answerKept: true,
		path: '/v1/destinations/test',
		tag: 'Destinations',
		summary: 'Try settings out before a destination is made of them',
		description: 'As `POST /v1/destinations/{id}/test`; nothing is kept.',
		scopes: ['destinations:write'],
		makesWork: true,
		body: { kind: 'json', schema: placeTestInputSchema },
		answers: { 200: { description: 'What was found.', schema: destinationTestSchema } },
		errors: ['CHANNEL_UNKNOWN'],
		example: { body: { channel: example.channel, settings: example.settings } },
		async handle({ ctx, body }) {
			return { status: 200, body: presentTest(await testNewPlace(ctx, body)) };
		},
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
			const usedBy = await ctx.store.destinationUsers(actor.tenant, id);
			const circuit = await ctx.places.circuitOf(actor.tenant, id);
			return shown(ctx, destination, { more: { usedBy, circuit: presentCircuit(circuit) } });
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
		id: 'changeDestination',
		method: 'patch',
		path: '/v1/destinations/{id}',
		tag: 'Destinations',
		summary: 'Change a destination',
		description:
			'What is sent replaces what was there; the rest stays, secrets too. `"enabled": true` takes one back into use that the engine disabled after a 410. Where another address is set, secrets that would be sent there must be given once more.',
		scopes: ['destinations:write'],
		params,
		body: { kind: 'json', schema: destinationPatchSchema },
		conditional: true,
		answers: { 200: { description: 'Changed.', ...answer } },
		errors: [...errors, 'NOT_FOUND'],
		example: { body: { enabled: true, limits: { parallel: 4 } } },
		async handle({ ctx, actor, params: { id }, body, ifMatch }) {
			const { destination, secrets } = await patchDestination(ctx, actor, { id, ifMatch }, body);
			return shown(ctx, destination, { secrets });
		},
	}),
	keyRoute({
		id: 'rotateDestinationSecret',
		method: 'post',
		path: '/v1/destinations/{id}/rotate-secret',
		tag: 'Destinations',
		summary: 'Make a new signing secret',
		description:
			'Answers it once. The secret before it signs beside it for 24 hours, so that the receiver can change over.',
		scopes: ['destinations:write'],
		params,
		conditional: true,
		answers: { 200: { description: 'Rotated.', ...answer } },
		errors: ['NOT_FOUND', 'CONFLICT'],
		handle: ({ ctx, actor, params: { id }, ifMatch, once }) =>
			once(
				(request) => rotateSecret(ctx, actor, { id, ifMatch }, request),
				({ destination, secrets }: WrittenDestination) => shown(ctx, destination, { secrets }),
			),
	}),
	keyRoute({
		id: 'testDestination',
		method: 'post',
		answerKept: true,
		path: '/v1/destinations/{id}/test',
		tag: 'Destinations',
		summary: 'Try a destination out',
		description:
			'Goes the way of a delivery with a small file that says what it is, reads it back and removes it, and answers each step with its time, also when one fails: `ok` tells. A disabled destination can be tried out too. With `settings`, those are tried out before they are saved.',
		scopes: ['destinations:write'],
		makesWork: true,
		params,
		body: { kind: 'json', schema: destinationTestInputSchema, optional: true },
		answers: { 200: { description: 'What was found.', schema: destinationTestSchema } },
		errors: ['NOT_FOUND', 'CHANNEL_UNKNOWN'],
		example: { body: {} },
		async handle({ ctx, actor, params: { id }, body }) {
			return { status: 200, body: presentTest(await testDestination(ctx, actor, id, body)) };
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

import { z } from 'zod';

import { keyInputSchema } from '../../contract/access.ts';
import { pageOf } from '../../contract/answers-parts.ts';
import { createdKeySchema, keySchema, meSchema } from '../../contract/answers.ts';
import { idSchema } from '../../contract/ids.ts';
import type { CreatedKey } from '../../pipeline/access.ts';
import { createKey, revokeKey } from '../../pipeline/access.ts';
import { presentKey } from '../../pipeline/present.ts';
import { keyRoute } from '../route.ts';

export const KEY_ROUTES = [
	keyRoute({
		id: 'listKeys',
		method: 'get',
		path: '/v1/keys',
		tag: 'Keys',
		summary: 'List API keys',
		scopes: ['admin'],
		answers: {
			200: {
				description: 'All keys of the tenant, without their secrets.',
				schema: pageOf(keySchema),
			},
		},
		async handle({ ctx, actor }) {
			const keys = await ctx.store.listKeys(actor.tenant);
			return { status: 200, body: { items: keys.map(presentKey), nextCursor: null } };
		},
	}),
	keyRoute({
		id: 'createKey',
		method: 'post',
		path: '/v1/keys',
		tag: 'Keys',
		summary: 'Create an API key',
		scopes: ['admin'],
		body: { kind: 'json', schema: keyInputSchema },
		answers: {
			201: { description: 'The key; its token is shown this once.', schema: createdKeySchema },
		},
		example: { body: { name: 'n8n', scopes: ['schedules:write', 'runs:read'], expiresIn: '90d' } },
		handle: ({ ctx, actor, body, once }) =>
			once(
				(request) => createKey(ctx, actor, body, request),
				({ key, token }: CreatedKey) => ({ status: 201, body: { key: presentKey(key), token } }),
			),
	}),
	keyRoute({
		id: 'revokeKey',
		method: 'delete',
		path: '/v1/keys/{id}',
		tag: 'Keys',
		summary: 'Revoke an API key',
		scopes: ['admin'],
		params: z.strictObject({ id: idSchema('key') }),
		answers: { 204: { description: 'It opens nothing any more.' } },
		errors: ['NOT_FOUND'],
		async handle({ ctx, actor, params: { id } }) {
			await revokeKey(ctx, actor, id);
			return { status: 204 };
		},
	}),
	keyRoute({
		id: 'me',
		method: 'get',
		path: '/v1/me',
		tag: 'Keys',
		summary: 'Show what this key is and may do',
		scopes: [],
		answers: { 200: { description: 'This key.', schema: meSchema } },
		async handle({ actor: { keyId, tenant, scopes, capabilities } }) {
			return {
				status: 200,
				body: {
					keyId,
					tenant,
					scopes: [...scopes],
					capabilities: capabilities ? [...capabilities] : null,
				},
			};
		},
	}),
];

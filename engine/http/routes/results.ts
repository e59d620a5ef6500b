import { z } from 'zod';

import { idSchema } from '../../contract/ids.ts';
import { openLink, removeLink } from '../../pipeline/pull.ts';
import { sendArtifact } from '../artifact.ts';
import { keyRoute, openRoute } from '../route.ts';
import { FILE_ANSWERS, FILE_HEADERS, formatQuery } from './runs.ts';

export const RESULT_ROUTES = [
	openRoute({
		id: 'openLink',
		method: 'get',
		path: '/r/{token}',
		tag: 'Results',
		summary: 'Download a result by its link',
		description:
			'Each answer with bytes uses the link once; `HEAD` and answers without bytes do not. ' +
			'An unknown link is 404; one that is spent, expired or revoked is 410.',
		auth: 'link',
		params: z.strictObject({ token: z.string().min(1).max(200) }),
		query: formatQuery,
		headers: FILE_HEADERS,
		answers: FILE_ANSWERS,
		errors: [
			'NOT_FOUND',
			'GONE',
			'FORBIDDEN',
			'FORMAT_UNKNOWN',
			'FORMAT_UNSUITABLE',
			'RANGE_NOT_SATISFIABLE',
		],
		example: { params: { token: 'lnk_01kbrj7v2x9m4c8d1e5f6g7h8j.…' } },
		handle: ({ ctx, params: { token }, query, request, response }) =>
			sendArtifact({ request, response }, (use) => openLink(ctx, token, { use, ...query })),
	}),
	keyRoute({
		id: 'revokeLink',
		method: 'delete',
		path: '/v1/links/{id}',
		tag: 'Results',
		summary: 'Revoke a link',
		scopes: ['results:read'],
		params: z.strictObject({ id: idSchema('link') }),
		answers: { 204: { description: 'It opens nothing any more.' } },
		errors: ['NOT_FOUND'],
		async handle({ ctx, actor, params: { id } }) {
			await removeLink(ctx, actor, id);
			return { status: 204 };
		},
	}),
];

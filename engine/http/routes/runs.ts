import { z } from 'zod';

import type { Actor } from '../../contract/access.ts';
import { pageOf } from '../../contract/answers-parts.ts';
import { createdLinkSchema, runDetailsSchema, runSchema } from '../../contract/answers-runs.ts';
import { CapError } from '../../contract/errors.ts';
import type { RunId } from '../../contract/ids.ts';
import { idSchema } from '../../contract/ids.ts';
import { nameSchema } from '../../contract/names.ts';
import type { Run } from '../../contract/run.ts';
import { RUN_STATES } from '../../contract/run.ts';
import { mayUse } from '../../pipeline/access.ts';
import type { Context } from '../../pipeline/context.ts';
import { cancelRun, rerun } from '../../pipeline/invoke.ts';
import { presentLink, presentRun, presentRunDetails } from '../../pipeline/present.ts';
import type { CreatedLink } from '../../pipeline/pull.ts';
import { createResultLink, linkInputSchema, openResult } from '../../pipeline/pull.ts';
import { sendArtifact } from '../artifact.ts';
import { given, pageQuery, pageRequest } from '../lists.ts';
import type { Reply } from '../route.ts';
import { keyRoute } from '../route.ts';

const params = z.strictObject({ id: idSchema('run') });

/** The answer to whatever makes a run. */
export const runQueued = (run: Run, ctx: Context): Reply => ({
	status: 202,
	headers: { location: `${ctx.settings.publicUrl()}/v1/runs/${run.id}` },
	body: presentRun(run),
});

export async function runDetails(ctx: Context, actor: Actor, id: RunId): Promise<Reply> {
	const details = await ctx.store.getRunDetails(actor.tenant, id);
	if (details === null || !mayUse(actor, details.run.capability))
		throw new CapError('NOT_FOUND', `no run ${id}`);
	return { status: 200, body: presentRunDetails(details) };
}

const queued = {
	202: { description: 'The run is queued.', schema: runSchema, headers: { location: 'The run.' } },
};

export const formatQuery = z.strictObject({
	format: nameSchema.optional().meta({ description: 'Of those in `GET /v1/formats`.' }),
});

const FILE_TYPES = [
	'application/json',
	'application/x-ndjson',
	'text/csv',
	'text/html',
	'application/octet-stream',
	// what a capability answered with a type of its own keeps it
	'*/*',
];

/** Answers of routes that send files. */
export const FILE_ANSWERS = {
	200: {
		description: 'The file.',
		media: FILE_TYPES,
		headers: {
			etag: 'The SHA-256 of the bytes.',
			'accept-ranges': '`bytes`',
			'content-disposition': '`attachment`, with a name.',
		},
	},
	206: {
		description: 'The range that was asked for, of a file of this type.',
		media: FILE_TYPES,
		headers: { 'content-range': 'Which bytes of how many.' },
	},
	304: { description: 'The client has it (If-None-Match).' },
};

export const FILE_HEADERS = [
	{ name: 'range', description: 'One range of bytes.', example: 'bytes=0-1023' },
	{ name: 'if-range', description: 'The range only if the file still has this ETag.' },
	{ name: 'if-none-match', description: 'The file only if it has none of these ETags.' },
];

export const RUN_ROUTES = [
	keyRoute({
		id: 'listRuns',
		method: 'get',
		path: '/v1/runs',
		tag: 'Runs',
		summary: 'List runs',
		scopes: ['runs:read'],
		query: z.strictObject({
			...pageQuery,
			state: z.enum(RUN_STATES).optional(),
			capability: nameSchema.optional(),
			scheduleId: idSchema('schedule').optional(),
			backfillId: idSchema('backfill').optional(),
		}),
		answers: { 200: { description: 'Runs, the newest first.', schema: pageOf(runSchema) } },
		example: { query: 'state=failed&limit=20' },
		async handle({ ctx, actor, query: { state, capability, scheduleId, backfillId, ...page } }) {
			const filter = given({ state, capability, scheduleId, backfillId });
			const { items, nextCursor } = await ctx.store.listRuns(
				actor.tenant,
				filter,
				pageRequest(page),
			);
			const usable = items.filter((run) => mayUse(actor, run.capability));
			return { status: 200, body: { items: usable.map(presentRun), nextCursor } };
		},
	}),
	keyRoute({
		id: 'getRun',
		method: 'get',
		path: '/v1/runs/{id}',
		tag: 'Runs',
		summary: 'Show a run with its attempts, deliveries and notifications',
		scopes: ['runs:read'],
		params,
		answers: { 200: { description: 'The run.', schema: runDetailsSchema } },
		errors: ['NOT_FOUND'],
		handle: ({ ctx, actor, params: { id } }) => runDetails(ctx, actor, id),
	}),
	keyRoute({
		id: 'cancelRun',
		method: 'post',
		answerKept: true,
		path: '/v1/runs/{id}/cancel',
		tag: 'Runs',
		summary: 'Cancel a run',
		description:
			'What the capability has done already is not undone. Cancelling twice changes nothing.',
		scopes: ['runs:execute'],
		params,
		answers: { 200: { description: 'The run as it is now.', schema: runSchema } },
		errors: ['NOT_FOUND', 'RUN_OVER'],
		async handle({ ctx, actor, params: { id } }) {
			return { status: 200, body: presentRun(await cancelRun(ctx, actor, id)) };
		},
	}),
	keyRoute({
		id: 'rerun',
		method: 'post',
		path: '/v1/runs/{id}/rerun',
		tag: 'Runs',
		summary: 'Do the work of a run again, as a new run',
		description: 'A run that is held after an unknown outcome goes on itself instead.',
		scopes: ['runs:execute'],
		makesWork: true,
		params,
		answers: queued,
		errors: ['NOT_FOUND', 'CONFLICT', 'GONE'],
		handle: ({ ctx, actor, params: { id }, once }) =>
			once(
				(request) => rerun(ctx, actor, id, request),
				(run: Run) => runQueued(run, ctx),
			),
	}),
	keyRoute({
		id: 'getResult',
		method: 'get',
		path: '/v1/runs/{id}/result',
		tag: 'Results',
		summary: 'Download the result of a run',
		scopes: ['results:read'],
		params,
		query: formatQuery,
		headers: FILE_HEADERS,
		answers: FILE_ANSWERS,
		errors: ['NOT_FOUND', 'GONE', 'FORMAT_UNKNOWN', 'FORMAT_UNSUITABLE', 'RANGE_NOT_SATISFIABLE'],
		example: { query: 'format=csv' },
		handle: ({ ctx, actor, params: { id }, query, request, response }) =>
			sendArtifact({ request, response }, () => openResult(ctx, actor, id, query)),
	}),
	keyRoute({
		id: 'createLink',
		method: 'post',
		path: '/v1/runs/{id}/links',
		tag: 'Results',
		summary: 'Make a link to the result of a run',
		description:
			'Whoever has the URL can download the result until the link expires, is used up or revoked.',
		scopes: ['results:read'],
		params,
		body: { kind: 'json', schema: linkInputSchema, optional: true },
		answers: {
			201: { description: 'The link; its URL is shown this once.', schema: createdLinkSchema },
		},
		errors: ['NOT_FOUND', 'CONFLICT', 'GONE', 'FORMAT_UNKNOWN', 'FORMAT_UNSUITABLE'],
		example: { body: { expiresIn: '24h', maxUses: 5, format: 'csv' } },
		handle: ({ ctx, actor, params: { id }, body, once }) =>
			once(
				(request) => createResultLink(ctx, actor, id, body, request),
				({ link, url }: CreatedLink) => ({ status: 201, body: { link: presentLink(link), url } }),
			),
	}),
];

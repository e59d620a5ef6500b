import type { Request } from 'express';
import { z } from 'zod';

import { acknowledgedSchema, heartbeatSchema } from '../../contract/answers-runs.ts';
import { CapError } from '../../contract/errors.ts';
import { idSchema } from '../../contract/ids.ts';
import { jsonObjectSchema } from '../../contract/json.ts';
import {
	completeSession,
	failSession,
	heartbeatSession,
	progressSession,
	sessionFailureSchema,
} from '../../pipeline/callbacks.ts';
import { bearerToken } from '../authentication.ts';
import { streamBody } from '../body.ts';
import { asAnswer } from '../upload.ts';
import { openRoute } from '../route.ts';

const params = z.strictObject({ runId: idSchema('run') });

/** The attempt's token, in `Authorization: Bearer` or, where that is taken, in `X-Session-Token`. */
function tokenOf(request: Request): string {
	const header = request.headers['x-session-token'];
	const token = typeof header === 'string' ? header : bearerToken(request);
	if (token === undefined) {
		throw new CapError(
			'TOKEN_INVALID',
			'header Authorization: expected "Bearer" and the attempt\'s token',
		);
	}
	return token;
}

const session = {
	method: 'post',
	tag: 'Sessions',
	auth: 'session',
	params,
	headers: [
		{ name: 'x-session-token', description: "The attempt's token, where Authorization is taken." },
	],
} as const;
const accepted = {
	200: {
		description: 'Taken; a repeat of the same is answered the same.',
		schema: acknowledgedSchema,
	},
};
const errors = ['NOT_FOUND', 'GONE', 'RUN_OVER', 'STALE_EPOCH'] as const;

export const SESSION_ROUTES = [
	openRoute({
		...session,
		id: 'completeSession',
		path: '/v1/sessions/{runId}/complete',
		summary: 'Hand in the result of a run',
		description:
			'A ResponseEnvelope, or the result itself in any content type: JSON, NDJSON, CSV or bytes. ' +
			'It is streamed and limited only by the size of results.',
		body: { kind: 'stream', description: 'A ResponseEnvelope or the result itself.' },
		answers: accepted,
		errors: [...errors, 'BODY_TOO_LARGE', 'INVALID_REQUEST'],
		example: { body: { status: 'succeeded', result: { rows: [{ region: 'EU', sales: 42 }] } } },
		async handle({ ctx, params: { runId }, request }) {
			const body = { contentType: request.headers['content-type'], source: streamBody(request) };
			try {
				return { status: 200, body: await completeSession(ctx, runId, tokenOf(request), body) };
			} catch (error) {
				throw asAnswer(error, { maxBytes: ctx.settings.maxResultBytes, what: 'result' });
			}
		},
	}),
	openRoute({
		...session,
		id: 'failSession',
		path: '/v1/sessions/{runId}/fail',
		summary: 'Say that a run has failed',
		body: { kind: 'json', schema: sessionFailureSchema, optional: true },
		answers: accepted,
		errors,
		example: {
			body: {
				code: 'UPSTREAM_DOWN',
				message: 'the warehouse is closed',
				retry: 'later',
				retryAfter: '5m',
			},
		},
		async handle({ ctx, params: { runId }, body, request }) {
			return { status: 200, body: await failSession(ctx, runId, tokenOf(request), body) };
		},
	}),
	openRoute({
		...session,
		id: 'heartbeatSession',
		path: '/v1/sessions/{runId}/heartbeat',
		summary: 'Say that the work goes on, and hear whether it should',
		answers: { 200: { description: 'By when it must be done.', schema: heartbeatSchema } },
		errors,
		async handle({ ctx, params: { runId }, request }) {
			return { status: 200, body: await heartbeatSession(ctx, runId, tokenOf(request)) };
		},
	}),
	openRoute({
		...session,
		id: 'progressSession',
		path: '/v1/sessions/{runId}/progress',
		summary: 'Say how far the work is',
		body: { kind: 'json', schema: jsonObjectSchema },
		answers: { 200: { description: 'By when it must be done.', schema: heartbeatSchema } },
		errors,
		example: { body: { done: 400, of: 1000 } },
		async handle({ ctx, params: { runId }, body, request }) {
			return { status: 200, body: await progressSession(ctx, runId, tokenOf(request), body) };
		},
	}),
];

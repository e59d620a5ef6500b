import type { Request, Response } from 'express';
import { z } from 'zod';

import type { Actor } from '../contract/access.ts';
import { CapError, inputError } from '../contract/errors.ts';
import type { JsonValue } from '../contract/json.ts';
import type { Duration } from '../contract/time.ts';
import { invalid, issuesOf, parseInput } from '../contract/zod-issues.ts';
import { hasScope } from '../pipeline/access.ts';
import type { Answered, Context, StoredResponse } from '../pipeline/context.ts';
import { answerOnce } from '../pipeline/once.ts';
import type { Authentication } from './authentication.ts';
import { demandJson, hasBody, readBody } from './body.ts';
import type { InFlight } from './idempotency.ts';
import { fingerprint, idempotencyKey } from './idempotency.ts';
import { placed } from './lists.ts';
import { revisionWanted } from './preconditions.ts';
import type { RateLimiter } from './rate-limit.ts';
import { rateLimitHeaders, rateLimited } from './rate-limit.ts';
import type { AppOptions, Call, KeyRoute, Once, Reply, Route } from './route.ts';
import { ANSWERED } from './route.ts';
import { parseStrictJson } from './strict-json.ts';

/** What all routes of an app share. */
export interface Shared {
	ctx: Context;
	options: AppOptions;
	authentication: Authentication;
	limiter: RateLimiter;
	inFlight: InFlight;
}

const NOTHING = new Uint8Array();

/** One request through one route: let in, parse, handle, answer. Throws what `sendProblem` answers. */
export async function dispatch(
	route: Route,
	shared: Shared,
	request: Request,
	response: Response,
): Promise<void> {
	const reply =
		route.auth === 'key'
			? await withKey(route, shared, request, response)
			: await withoutKey(route, shared, request, response);
	if (reply !== ANSWERED) send(reply, response);
}

async function withoutKey(
	route: Exclude<Route, KeyRoute>,
	shared: Shared,
	request: Request,
	response: Response,
): Promise<Reply | typeof ANSWERED> {
	if (route.auth === 'session') shared.authentication.refuseFailing(request);
	try {
		const { call } = await parsed(route, shared, request, response);
		return await route.handle(call);
	} catch (error) {
		if (error instanceof CapError && error.status === 401) shared.authentication.failed(request);
		throw error;
	}
}

async function withKey(
	route: KeyRoute,
	shared: Shared,
	request: Request,
	response: Response,
): Promise<Reply | typeof ANSWERED> {
	const actor = await shared.authentication.actor(request);
	takeFromQuota(actor, shared.limiter, response);
	demandScope(actor, route);
	if (route.makesWork === true && shared.options.draining()) throw draining();
	const { call, bytes } = await parsed(route, shared, request, response);
	const key = route.method === 'post' ? idempotencyKey(request) : undefined;
	const once: Once = (act, respond, options) => {
		if (key === undefined) return act(undefined).then((made) => answered(made, respond));
		const print = fingerprint(request, options?.sent ?? bytes);
		const wanted = {
			key,
			fingerprint: print,
			respond: (made: Parameters<typeof respond>[0]) => kept(respond(made)),
		};
		return shared.inFlight.hold({ tenant: actor.tenant, key, fingerprint: print }, async () =>
			answered(await act(wanted), respond),
		);
	};
	const handle = () => route.handle({ ...call, actor, once });
	if (key !== undefined && route.answerKept === true) {
		return once(
			(wanted) => answerOnce(shared.ctx, actor, wanted, async () => demandReply(await handle())),
			(reply: Reply) => reply,
		);
	}
	const handled = handle();
	return route.method === 'get' ? handled.catch(throwPlaced) : handled;
}

function demandReply(reply: Reply | typeof ANSWERED): Reply {
	if (reply === ANSWERED)
		throw new CapError('INTERNAL', 'an answer that is sent already cannot be kept');
	return reply;
}

/** Positions are read by the store, that does not know where they came from. */
function throwPlaced(error: unknown): never {
	throw placed(error, { cursor: 'query.cursor', after: 'query.after' });
}

/** A quota of 0 per minute is none: nothing is counted, and no header tells what is left. */
function takeFromQuota(actor: Actor, limiter: RateLimiter, response: Response): void {
	if (limiter.perMinute === 0) return;
	const allowance = limiter.take(actor.keyId);
	response.setHeaders(new Map(Object.entries(rateLimitHeaders(allowance, limiter.perMinute))));
	if (!allowance.allowed) throw rateLimited(allowance, 'requests with this key');
}

function demandScope(actor: Actor, { scopes }: KeyRoute): void {
	if (scopes.length === 0 || scopes.some((scope) => hasScope(actor, scope))) return;
	throw new CapError('FORBIDDEN', `this key lacks the scope ${scopes.join(' or ')}`);
}

/** Most supervisors start the next engine within this time. */
const RESTARTED_WITHIN: Duration = 5_000;

function draining(): CapError {
	return new CapError('DRAINING', 'the engine is shutting down and takes no new work', {
		retry: 'later',
		retryAfter: RESTARTED_WITHIN,
	});
}

async function parsed(
	route: Route,
	{ ctx, options }: Shared,
	request: Request,
	response: Response,
): Promise<{ call: Call; bytes: Uint8Array }> {
	const params: unknown = parseParams(route, request.params);
	const query: unknown = parseQuery(route, request);
	const ifMatch = route.conditional === true ? revisionWanted(request) : undefined;
	const { body, bytes } = await bodyOf(route, request, {
		maxBytes: options.maxBodyBytes,
		clock: ctx.clock,
	});
	const waitWithin = route.waits === true ? waitWanted(request, response) : 0;
	const call = {
		ctx,
		options,
		params,
		query,
		body,
		ifMatch,
		waitWithin,
		request,
		response,
	};
	return { call, bytes };
}

/** A path parameter of the wrong form names nothing, unless it is to name something new. */
function parseParams({ params: schema, names }: Route, params: unknown): unknown {
	if (schema === undefined) return undefined;
	const result = schema.safeParse(params);
	if (result.success) return result.data;
	const issues = issuesOf(result.error, params);
	if (names === undefined) throw invalid(issues, 'NOT_FOUND');
	throw invalid(
		issues.map((issue) => ({ ...issue, path: names })),
		'INVALID_REQUEST',
	);
}

const NO_QUERY = z.strictObject({});

/** What no route knows is refused, save at public ones, where probes add what they like. */
function parseQuery({ query = NO_QUERY, auth }: Route, request: Request): unknown {
	if (auth === 'public') return undefined;
	return parseInput(query, queryOf(request), { path: 'query' });
}

/** @throws CapError INVALID_REQUEST when a parameter comes twice */
function queryOf(request: Request): Record<string, string> {
	const start = request.url.indexOf('?');
	const query: Record<string, string> = {};
	if (start === -1) return query;
	for (const [name, value] of new URLSearchParams(request.url.slice(start + 1))) {
		if (Object.hasOwn(query, name) || name === '__proto__') {
			throw inputError('INVALID_REQUEST', {
				path: `query.${name.slice(0, 60)}`,
				expected: 'every parameter once',
			});
		}
		query[name] = value;
	}
	return query;
}

async function bodyOf(
	{ method, body }: Route,
	request: Request,
	limits: Parameters<typeof readBody>[1],
): Promise<{ body: unknown; bytes: Uint8Array }> {
	if (method === 'get' || method === 'delete' || body?.kind === 'stream') {
		return { body: undefined, bytes: NOTHING };
	}
	if (!hasBody(request) && (body === undefined || body.optional === true)) {
		return { body: body && parseInput(body.schema, {}), bytes: NOTHING };
	}
	demandJson(request);
	const bytes = await readBody(request, limits);
	const json = parseStrictJson(bytes);
	if (body !== undefined) return { body: parseInput(body.schema, json), bytes };
	if (JSON.stringify(json) !== '{}') {
		throw inputError('INVALID_REQUEST', { path: 'body', expected: 'no body, or an empty object' });
	}
	return { body: undefined, bytes };
}

const LONGEST_WAIT = 60;

/** `Prefer: wait=30` (RFC 7240), seconds; capped. */
function waitWanted(request: Request, response: Response): Duration {
	const sent = request.headers['prefer'];
	const wait = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?\s*(?:$|[,;])/i.exec(String(sent ?? ''))?.[1];
	if (wait === undefined) return 0;
	const seconds = Math.min(Number(wait), LONGEST_WAIT);
	response.setHeader('preference-applied', `wait=${seconds}`);
	return seconds * 1000;
}

function answered<T>(made: Answered<T>, respond: (answer: T) => Reply): Reply {
	if (made.kind === 'done') return respond(made.answer);
	const { status, headers, body } = made.response;
	return {
		status,
		body: body ?? undefined,
		headers: { ...headers, 'idempotent-replayed': 'true' },
	};
}

const kept = ({ status, headers = {}, body }: Reply): StoredResponse => ({
	status,
	headers,
	body: (body ?? null) as JsonValue,
});

function send({ status, headers = {}, body }: Reply, response: Response): void {
	if (response.destroyed || response.writableEnded) return;
	response.statusCode = status;
	for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
	if (body === undefined) {
		response.end();
		return;
	}
	// The line end keeps answers apart in a terminal. Text goes out with the head in one write, bytes do not.
	const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
	if (!response.hasHeader('content-type'))
		response.setHeader('content-type', 'application/json; charset=utf-8');
	response.setHeader('content-length', Buffer.byteLength(text));
	response.end(text);
}

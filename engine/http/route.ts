import type { Request, Response } from 'express';
import type { z } from 'zod';

import type { Actor, Scope } from '../contract/access.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { Role } from '../contract/roles.ts';
import type { Duration } from '../contract/time.ts';
import type { Answered, Context, OnceRequest } from '../pipeline/context.ts';
import type { RateLimitOptions } from './rate-limit.ts';

/*
 * A route is data: Express, the OpenAPI document, the reference page and the tests of who may call what
 * are all made from the same table.
 */

export interface AppOptions {
	/** Of the engine, for the OpenAPI document. */
	version: string;
	/** Without `api`, only probes and metrics are answered. */
	roles: readonly Role[];
	rateLimit: RateLimitOptions;
	/** Of a JSON body, inflated; default 1 MB. */
	maxBodyBytes: number;
	/** Whether the engine takes work, and if not, why. */
	ready(): Promise<{ ready: boolean; reasons: string[] }>;
	/** Whether the engine is shutting down: asked with every request that makes work, so it costs nothing. */
	draining(): boolean;
}

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** An answer as JSON, or without a body. */
export interface Reply {
	status: number;
	body?: unknown;
	headers?: Record<string, string>;
}

/** The handler has answered by itself, with a file or a stream. */
export const ANSWERED = Symbol('answered');

/** A request that was let in and parsed. */
export interface Call<P = unknown, Q = unknown, B = unknown> {
	ctx: Context;
	options: AppOptions;
	params: P;
	query: Q;
	body: B;
	/** The revision that If-Match demands. */
	ifMatch: number | undefined;
	/** How long the client is ready to wait for the end (`Prefer: wait=30`). */
	waitWithin: Duration;
	request: Request;
	response: Response;
}

export interface KeyCall<P = unknown, Q = unknown, B = unknown> extends Call<P, Q, B> {
	actor: Actor;
	/** Does something once for the client's Idempotency-Key, and answers repeats with the first answer. */
	once: Once;
}

export type Once = <T>(
	act: (once: OnceRequest<T> | undefined) => Promise<Answered<T>>,
	respond: (answer: T) => Reply,
	/** `sent`: what stands for a body that the handler read itself. */
	options?: { sent: Uint8Array },
) => Promise<Reply>;

export type BodySpec<B extends z.ZodType = z.ZodType> =
	| { kind: 'json'; schema: B; optional?: boolean }
	/** Any content type, read by the handler. */
	| { kind: 'stream'; description: string; media?: readonly string[] };

/** One success answer as documented. */
export interface AnswerSpec {
	description: string;
	/** Of the JSON body. */
	schema?: z.ZodType;
	/** Media types of bodies that are no JSON of ours. */
	media?: readonly string[];
	headers?: Record<string, string>;
}

export interface HeaderSpec {
	name: string;
	description: string;
	example?: string;
	/** Of the JSON that it holds. */
	json?: z.ZodType;
}

export type Tag =
	| 'Schedules'
	| 'Timing'
	| 'Calendars'
	| 'Capabilities'
	| 'Runs'
	| 'Results'
	| 'Sessions'
	| 'Destinations'
	| 'Deliveries'
	| 'One-off work'
	| 'Events'
	| 'Catalogue'
	| 'Keys'
	| 'Operations';

interface RouteBase {
	/** `operationId`. */
	id: string;
	method: Method;
	/** As OpenAPI writes it: `/v1/runs/{id}`. */
	path: string;
	tag: Tag;
	summary: string;
	description?: string;
	params?: z.ZodObject;
	query?: z.ZodObject;
	body?: BodySpec;
	/** Request headers beyond those that follow from the method. */
	headers?: readonly HeaderSpec[];
	/** Whether If-Match is honoured. */
	conditional?: boolean;
	/** Whether `Prefer: wait` is honoured. */
	waits?: boolean;
	answers: Readonly<Record<number, AnswerSpec>>;
	/** Whether it makes work to be done: refused while the engine drains. */
	makesWork?: boolean;
	/** The field of the input that its path names: a wrong name there is bad input, not a place that is empty. */
	names?: string;
	/**
	 * Of a POST that writes nothing or may be done again: the answer to a client's Idempotency-Key is kept after it.
	 * All other POSTs commit it with what they do, by `once`.
	 */
	answerKept?: boolean;
	/** Codes of its own; those that every route of its kind has are added. */
	errors?: readonly ErrorCode[];
	/** For the example in the reference; parameters not given have made-up values. */
	example?: { params?: Record<string, string>; query?: string; body?: unknown };
}

export interface KeyRoute extends RouteBase {
	auth: 'key';
	/** One of these is enough, `admin` always is; none means that any key will do. */
	scopes: readonly Scope[];
	handle(call: KeyCall): Promise<Reply | typeof ANSWERED>;
}

export interface OpenRoute extends RouteBase {
	/** `session`: the attempt's token; `link`: the token in the path. Both are checked by the handler. */
	auth: 'public' | 'session' | 'link';
	handle(call: Call): Promise<Reply | typeof ANSWERED>;
}

export type Route = KeyRoute | OpenRoute;

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;
type ParsedBody<S> = S extends { kind: 'json'; schema: infer B extends z.ZodType }
	? z.output<B>
	: undefined;

type Typed<R extends Route, P, Q, B, C> = Omit<R, 'params' | 'query' | 'body' | 'handle'> & {
	params?: P;
	query?: Q;
	body?: B;
	handle(call: C): Promise<Reply | typeof ANSWERED>;
};

/** A route for holders of an API key; gives the handler's input the types of its schemas. */
export function keyRoute<
	P extends z.ZodObject | undefined = undefined,
	Q extends z.ZodObject | undefined = undefined,
	B extends BodySpec | undefined = undefined,
>(
	route: Omit<Typed<KeyRoute, P, Q, B, KeyCall<Parsed<P>, Parsed<Q>, ParsedBody<B>>>, 'auth'>,
): KeyRoute {
	return { ...route, auth: 'key' } as KeyRoute;
}

/** A route without an API key. */
export function openRoute<
	P extends z.ZodObject | undefined = undefined,
	Q extends z.ZodObject | undefined = undefined,
	B extends BodySpec | undefined = undefined,
>(route: Typed<OpenRoute, P, Q, B, Call<Parsed<P>, Parsed<Q>, ParsedBody<B>>>): OpenRoute {
	return route as OpenRoute;
}

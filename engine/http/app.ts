import type { Express, NextFunction, Request, Response } from 'express';
import express from 'express';

import { CapError } from '../contract/errors.ts';
import type { Context } from '../pipeline/context.ts';
import { Authentication } from './authentication.ts';
import type { Shared } from './dispatch.ts';
import { dispatch } from './dispatch.ts';
import { refuseCrossSite, requestIds, securityHeaders } from './guard.ts';
import { InFlight } from './idempotency.ts';
import { sendProblem } from './problem.ts';
import { RateLimiter } from './rate-limit.ts';
import type { AppOptions, Route } from './route.ts';
import { ROUTES } from './routes/index.ts';

export type { AppOptions } from './route.ts';

/** The REST API. Bind it with `startServer`. There is no CORS: pages of other origins have no business here. */
export function createApp(ctx: Context, options: AppOptions): Express {
	const app = express();
	app.disable('x-powered-by').disable('etag').set('trust proxy', false).set('query parser', false);
	app.enable('case sensitive routing').enable('strict routing');
	const shared: Shared = {
		ctx,
		options,
		authentication: new Authentication(ctx, options.rateLimit.failuresPerMinute),
		limiter: new RateLimiter(options.rateLimit.perMinute, ctx.clock),
		inFlight: new InFlight(),
	};
	app.use(requestIds(ctx.newId), measure(ctx), securityHeaders);
	app.use(refuseCrossSite(() => ctx.settings.publicUrl()));
	if (!options.roles.includes('api')) return withProbesOnly(app, shared);
	// For people who open the bare address; programs have no use for it, so it is in no document.
	app.get('/', (_request, response) => {
		response.locals['route'] = '/';
		response.redirect('/docs');
	});
	return complete(app, { routes: ROUTES, shared, elsewhere: 'there is nothing at this path' });
}

/** Of an engine that has other roles: its port is for those who watch it. */
function withProbesOnly(app: Express, shared: Shared): Express {
	const roles = shared.options.roles.join(' and ');
	return complete(app, {
		routes: ROUTES.filter(({ id }) => PROBES.has(id)),
		shared,
		elsewhere: `this engine is ${roles} only, and does not answer the API`,
	});
}

const PROBES: ReadonlySet<string> = new Set(['healthz', 'readyz', 'metrics']);

function complete(
	app: Express,
	options: { routes: readonly Route[]; shared: Shared; elsewhere: string },
): Express {
	const { shared, elsewhere } = options;
	for (const [path, routes] of byPath(options.routes)) mount(app, path, { routes, shared });
	app.use(() => {
		throw new CapError('NOT_FOUND', elsewhere);
	});
	app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
		sendProblem(request, response, error, shared.ctx.log);
	});
	return app;
}

function byPath(routes: readonly Route[]): Map<string, Route[]> {
	return Map.groupBy(routes, (route) => route.path);
}

function mount(
	app: Express,
	path: string,
	{ routes, shared }: { routes: Route[]; shared: Shared },
): void {
	const place = app.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
	for (const route of routes) {
		place[route.method]((request, response) => {
			response.locals['route'] = route.path;
			return dispatch(route, shared, request, response);
		});
	}
	const allow = allowed(routes);
	place.all((request, response) => {
		const known = routes.every(
			({ params }) => params === undefined || params.safeParse(request.params).success,
		);
		if (!known) throw new CapError('NOT_FOUND', 'there is nothing at this path');
		response.setHeader('allow', allow);
		throw new CapError('METHOD_NOT_ALLOWED', `this path knows ${allow}, not ${request.method}`);
	});
}

function allowed(routes: readonly Route[]): string {
	const methods = routes.map(({ method }) => method.toUpperCase());
	return (methods.includes('GET') ? [...methods, 'HEAD'] : methods).join(', ');
}

/** Counts and times every answer by route, not by path: paths are without number. */
function measure({ clock, metrics }: Context) {
	return (request: Request, response: Response, next: NextFunction): void => {
		const started = clock.monotonic();
		response.once('close', () => {
			const route = (response.locals['route'] as string | undefined) ?? 'none';
			const labels = { method: request.method, route };
			metrics.count('capscheduler_http_requests_total', {
				...labels,
				status: String(response.statusCode),
			});
			metrics.observe(
				'capscheduler_http_request_seconds',
				(clock.monotonic() - started) / 1000,
				labels,
			);
		});
		next();
	};
}

import { pageOf } from '../../contract/answers-parts.ts';
import { engineSchema, healthSchema, readinessSchema } from '../../contract/answers.ts';
import { listEngines } from '../../pipeline/engines.ts';
import { presentEngine } from '../../pipeline/present.ts';
import type { OpenApiDocument } from '../openapi.ts';
import { openApiDocument } from '../openapi.ts';
import { referencePage, referenceStyle } from '../reference/page.ts';
import { PAGE_POLICY } from '../guard.ts';
import type { Call, OpenRoute, Route } from '../route.ts';
import { keyRoute, openRoute } from '../route.ts';

/** What is made from the table of routes: it changes only with the address under which clients reach us. */
interface Written {
	server: string;
	document: string;
	page: string;
}

function writer(routes: () => readonly Route[]): (call: Call) => Written {
	let last: Written | undefined;
	return ({ ctx, options: { version } }) => {
		const server = ctx.settings.publicUrl();
		if (last?.server !== server) {
			const document: OpenApiDocument = openApiDocument(routes(), { version, server });
			last = {
				server,
				document: JSON.stringify(document),
				page: referencePage(document, routes()),
			};
		}
		return last;
	};
}

export const ENGINE_ROUTES = [
	keyRoute({
		id: 'listEngines',
		method: 'get',
		path: '/v1/engines',
		tag: 'Operations',
		summary: 'List the engines that share the store',
		scopes: ['admin'],
		answers: {
			200: {
				description: 'Those that were heard of within the last hour, the youngest first.',
				schema: pageOf(engineSchema),
			},
		},
		async handle({ ctx }) {
			const engines = await listEngines(ctx);
			return { status: 200, body: { items: engines.map(presentEngine), nextCursor: null } };
		},
	}),
];

/** @param routes the whole table, these included; asked for when it is complete */
export function operationRoutes(routes: () => readonly Route[]): OpenRoute[] {
	const written = writer(routes);
	return [
		openRoute({
			id: 'healthz',
			method: 'get',
			path: '/healthz',
			tag: 'Operations',
			summary: 'Is the process alive',
			auth: 'public',
			answers: { 200: { description: 'It is.', schema: healthSchema } },
			handle: async () => ({ status: 200, body: { status: 'ok' } }),
		}),
		openRoute({
			id: 'readyz',
			method: 'get',
			path: '/readyz',
			tag: 'Operations',
			summary: 'Does the engine take work',
			auth: 'public',
			answers: {
				200: { description: 'It does.', schema: readinessSchema },
				503: { description: 'It does not, for these reasons.', schema: readinessSchema },
			},
			async handle({ options }) {
				const state = await options.ready();
				return { status: state.ready ? 200 : 503, body: state };
			},
		}),
		openRoute({
			id: 'metrics',
			method: 'get',
			path: '/metrics',
			tag: 'Operations',
			summary: 'Metrics in the Prometheus text format',
			auth: 'public',
			answers: { 200: { description: 'Metrics.', media: ['text/plain'] } },
			async handle({ ctx }) {
				const { contentType, body } = await ctx.metrics.render();
				return { status: 200, body, headers: { 'content-type': contentType } };
			},
		}),
		openRoute({
			id: 'openapi',
			method: 'get',
			path: '/openapi.json',
			tag: 'Operations',
			summary: 'This API as an OpenAPI 3.1 document',
			auth: 'public',
			answers: { 200: { description: 'The document.', media: ['application/json'] } },
			handle: async (call) => ({ status: 200, body: written(call).document }),
		}),
		openRoute({
			id: 'docs',
			method: 'get',
			path: '/docs',
			tag: 'Operations',
			summary: 'This API as a page to read',
			auth: 'public',
			answers: { 200: { description: 'The page.', media: ['text/html'] } },
			handle: async (call) => ({
				status: 200,
				body: written(call).page,
				headers: {
					'content-type': 'text/html; charset=utf-8',
					'content-security-policy': PAGE_POLICY,
				},
			}),
		}),
		openRoute({
			id: 'docsStyle',
			method: 'get',
			path: '/docs/style.css',
			tag: 'Operations',
			summary: 'The style of the page',
			auth: 'public',
			answers: { 200: { description: 'The style sheet.', media: ['text/css'] } },
			handle: async () => ({
				status: 200,
				body: referenceStyle,
				headers: {
					'content-type': 'text/css; charset=utf-8',
					'cache-control': 'public, max-age=3600',
				},
			}),
		}),
	];
}

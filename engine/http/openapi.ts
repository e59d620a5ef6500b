import { problemSchema } from '../contract/answers.ts';
import type { Operation } from './openapi-operation.ts';
import { HEADERS, operation } from './openapi-operation.ts';
import type { Json } from './openapi-schemas.ts';
import { SchemaCollector } from './openapi-schemas.ts';
import type { Route, Tag } from './route.ts';

export interface OpenApiDocument {
	openapi: '3.1.0';
	info: Json;
	servers: { url: string; description?: string }[];
	tags: { name: Tag; description: string }[];
	paths: Record<string, Record<string, Operation>>;
	components: Record<string, Json>;
}

const TAGS: Record<Tag, string> = {
	Schedules: 'Standing orders: what is to be done when, and where its results go.',
	Timing: 'Questions about when: previews, lint, what-if, load. They change nothing.',
	Calendars: 'Days that timings leave out, keep to, or move away from; with every version kept.',
	Capabilities: 'What can be asked to do something, and how it is reached.',
	Runs: 'Single executions, with their attempts.',
	Results: 'What runs brought, as files.',
	Sessions: 'What a capability calls while it works, with the token of its attempt.',
	Destinations: 'Where results are pushed to.',
	Deliveries: 'Results on their way to destinations, with receipts.',
	'One-off work': 'Rows or a file in, a file or receipts out; no schedule, no capability.',
	Events: 'Everything that happens, as it happens.',
	Catalogue: 'The formats, channels and bindings that this engine has.',
	Keys: 'API keys and their scopes.',
	Operations: 'For whoever runs the engine.',
};

const DESCRIPTION = `Schedules capabilities, runs them, and delivers what they return.

Requests are JSON in UTF-8, \`camelCase\`; unknown fields are refused with their path. Instants are ISO 8601 in UTC with milliseconds; durations are \`"90s"\`, \`"5m"\`, \`"PT5M"\` or milliseconds. Errors are \`application/problem+json\` with a stable \`code\`. Lists are paged by \`limit\` and \`cursor\`. Answers may gain fields: ignore those you do not know.

Every POST with an API key takes an \`Idempotency-Key\`: for 24 hours the same key and body give the same answer.`;

/** The OpenAPI document of the routes, made of nothing else. */
export function openApiDocument(
	routes: readonly Route[],
	{ version, server }: { version: string; server: string },
): OpenApiDocument {
	const collector = new SchemaCollector();
	const problem = collector.convert(problemSchema, 'output');
	const paths: OpenApiDocument['paths'] = {};
	for (const route of routes) {
		paths[route.path] ??= {};
		Object.assign(paths[route.path] ?? {}, {
			[route.method]: operation(route, collector, problem),
		});
	}
	return {
		openapi: '3.1.0',
		info: {
			title: 'CapScheduler',
			version,
			description: DESCRIPTION,
			license: { name: 'MIT', identifier: 'MIT' },
		},
		servers: [{ url: server }],
		tags: Object.entries(TAGS).map(([name, description]) => ({ name: name as Tag, description })),
		paths,
		components: {
			schemas: Object.fromEntries(
				Object.entries(collector.schemas).sort(([a], [b]) => (a < b ? -1 : 1)),
			),
			headers: HEADERS,
			securitySchemes: SECURITY,
		},
	};
}

const SECURITY: Json = {
	apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: `csk_…`.' },
	sessionToken: {
		type: 'http',
		scheme: 'bearer',
		description: "The token of an attempt, from its envelope's `callback`.",
	},
};

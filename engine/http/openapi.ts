import type { z } from 'zod';

import { problemSchema } from '../contract/answers.ts';
import { errorsByStatus } from './openapi-errors.ts';
import type { Json } from './openapi-schemas.ts';
import { SchemaCollector } from './openapi-schemas.ts';
import { PROBLEM_TYPE } from './problem.ts';
import type { AnswerSpec, BodySpec, Route, Tag } from './route.ts';

export interface OpenApiDocument {
	openapi: '3.1.0';
	info: Json;
	servers: { url: string; description?: string }[];
	tags: { name: Tag; description: string }[];
	paths: Record<string, Record<string, Operation>>;
	components: Record<string, Json>;
}

export interface Operation {
	operationId: string;
	summary: string;
	description?: string;
	tags: Tag[];
	security: Record<string, string[]>[];
	parameters?: Parameter[];
	requestBody?: { required: boolean; description?: string; content: Record<string, Json> };
	responses: Record<string, Json>;
}

export interface Parameter {
	name: string;
	in: 'path' | 'query' | 'header';
	required: boolean;
	description?: string;
	example?: unknown;
	schema: Json;
}

const TAGS: Record<Tag, string> = {
	Schedules: 'Standing orders: what is to be done when, and where its results go.',
	Capabilities: 'What can be asked to do something, and how it is reached.',
	Runs: 'Single executions, with their attempts.',
	Results: 'What runs brought, as files.',
	Sessions: 'What a capability calls while it works, with the token of its attempt.',
	Destinations: 'Where results are pushed to.',
	Deliveries: 'Results on their way to destinations, with receipts.',
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

const text = { type: 'string' };
const HEADERS: Json = {
	RequestId: { description: 'Names the request in logs and problems.', schema: text },
	RateLimit: {
		description: 'What is left of the quota, and when it is whole again.',
		schema: text,
		example: '"key";r=599;t=1',
	},
	RetryAfter: {
		description: 'Seconds to wait before trying again.',
		schema: { type: 'integer', minimum: 1 },
	},
	IdempotentReplayed: { description: '`true`: this answer was given before.', schema: text },
};
const header = (name: string): Json => ({ $ref: `#/components/headers/${name}` });

function operation(route: Route, collector: SchemaCollector, problem: Json): Operation {
	const parameters = [
		...fields(route.params, 'path', collector),
		...fields(route.query, 'query', collector),
		...headerParameters(route),
	];
	const scopes = route.auth === 'key' && route.scopes.length > 0 ? [...route.scopes] : undefined;
	const needs = scopes && `Needs the scope ${scopes.map((scope) => `\`${scope}\``).join(' or ')}.`;
	const description = [route.description, needs].filter((part) => part !== undefined).join(' ');
	return {
		operationId: route.id,
		summary: route.summary,
		...(description === '' ? {} : { description }),
		tags: [route.tag],
		security: security(route),
		...(parameters.length === 0 ? {} : { parameters }),
		...(route.body === undefined
			? {}
			: { requestBody: requestBody(route.body, route.example?.body, collector) }),
		responses: { ...successes(route, collector), ...failures(route, problem) },
	};
}

function security({ auth }: Route): Operation['security'] {
	if (auth === 'key') return [{ apiKey: [] }];
	if (auth === 'session') return [{ sessionToken: [] }];
	return [];
}

function fields(
	schema: z.ZodObject | undefined,
	place: 'path' | 'query',
	collector: SchemaCollector,
): Parameter[] {
	if (schema === undefined) return [];
	return Object.entries(schema.shape).map(([name, field]) => {
		const { description, ...json } = collector.convert(field as z.ZodType, 'input');
		return {
			name,
			in: place,
			required: place === 'path',
			...(typeof description === 'string' ? { description } : {}),
			schema: json,
		};
	});
}

function headerParameters({ method, auth, conditional, waits, headers = [] }: Route): Parameter[] {
	const own = headers.map(({ name, description, example }) =>
		parameter(name, description, { example }),
	);
	if (method === 'post' && auth === 'key') {
		const schema = { type: 'string', pattern: '^[\\x21-\\x7e]{1,200}$' };
		own.push(
			parameter('idempotency-key', 'Makes the request safe to repeat for 24 hours.', { schema }),
		);
	}
	if (conditional === true) {
		own.push(
			parameter('if-match', 'Only if the resource has this revision: its ETag, in quotes.', {
				example: '"3"',
			}),
		);
	}
	if (waits === true) {
		own.push(
			parameter('prefer', 'How many seconds to wait for the end, at most 60.', {
				example: 'wait=30',
			}),
		);
	}
	return own;
}

const parameter = (
	name: string,
	description: string,
	{ example, schema = text }: { example?: string | undefined; schema?: Json },
): Parameter => ({
	name,
	in: 'header',
	required: false,
	description,
	...(example === undefined ? {} : { example }),
	schema,
});

function requestBody(
	body: BodySpec,
	example: unknown,
	collector: SchemaCollector,
): NonNullable<Operation['requestBody']> {
	if (body.kind === 'stream') {
		const anything = { schema: {}, ...(example === undefined ? {} : { example }) };
		return {
			required: false,
			description: body.description,
			content: { 'application/json': anything, '*/*': { schema: {} } },
		};
	}
	return {
		required: body.optional !== true,
		content: {
			'application/json': {
				schema: collector.convert(body.schema, 'input'),
				...(example === undefined ? {} : { example }),
			},
		},
	};
}

function successes(route: Route, collector: SchemaCollector): Operation['responses'] {
	return Object.fromEntries(
		Object.entries(route.answers).map(([status, answer]) => [
			status,
			{
				description: answer.description,
				headers: { ...commonHeaders(route), ...namedHeaders(answer) },
				...content(answer, collector),
			},
		]),
	);
}

function commonHeaders({ auth, method }: Route): Json {
	return {
		'X-Request-Id': header('RequestId'),
		...(auth === 'key' ? { RateLimit: header('RateLimit') } : {}),
		...(auth === 'key' && method === 'post'
			? { 'Idempotent-Replayed': header('IdempotentReplayed') }
			: {}),
	};
}

function namedHeaders({ headers = {} }: AnswerSpec): Json {
	return Object.fromEntries(
		Object.entries(headers).map(([name, description]) => [
			name.replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase()),
			{ description, schema: text },
		]),
	);
}

function content({ schema, media = [] }: AnswerSpec, collector: SchemaCollector): Json {
	const types: Json = {};
	if (schema !== undefined)
		types['application/json'] = { schema: collector.convert(schema, 'output') };
	for (const type of media) types[type] ??= { schema: type.startsWith('text/') ? text : {} };
	return Object.keys(types).length === 0 ? {} : { content: types };
}

const RETRYABLE: ReadonlySet<number> = new Set([429, 503]);

function failures(route: Route, problem: Json): Operation['responses'] {
	const answers: Operation['responses'] = {};
	for (const [status, codes] of errorsByStatus(route)) {
		// some answers that are no success have a form of their own
		if (status in route.answers) continue;
		answers[status] = {
			description: codes.map((code) => `\`${code}\``).join(', '),
			headers: {
				'X-Request-Id': header('RequestId'),
				...(RETRYABLE.has(status) ? { 'Retry-After': header('RetryAfter') } : {}),
			},
			content: { [PROBLEM_TYPE]: { schema: problem } },
		};
	}
	return answers;
}

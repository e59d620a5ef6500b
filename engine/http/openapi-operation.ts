import type { z } from 'zod';

import { errorsByStatus } from './openapi-errors.ts';
import type { Json, SchemaCollector } from './openapi-schemas.ts';
import { PROBLEM_TYPE } from './problem.ts';
import type { AnswerSpec, BodySpec, Route, Tag } from './route.ts';

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

const text = { type: 'string' };
/** Headers that many answers have, for the document's components. */
export const HEADERS: Json = {
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

/** One route as the document has it; `problem` is the schema of all errors. */
export function operation(route: Route, collector: SchemaCollector, problem: Json): Operation {
	const parameters = [
		...fields(route.params, 'path', collector),
		...fields(route.query, 'query', collector),
		...headerParameters(route, collector),
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
			required: place === 'path' || !(field as z.ZodType).safeParse(undefined).success,
			...(typeof description === 'string' ? { description } : {}),
			schema: json,
		};
	});
}

function headerParameters(
	{ method, auth, answers, conditional, waits, headers = [] }: Route,
	collector: SchemaCollector,
): Parameter[] {
	const own = headers.map(({ name, description, example, json }) =>
		parameter(name, description, {
			example,
			...(json === undefined ? {} : { schema: jsonText(json, collector) }),
		}),
	);
	// a file that is made for the request is not kept: it is made again
	const kept = Object.values(answers).some(({ schema }) => schema !== undefined);
	if (method === 'post' && auth === 'key' && kept) {
		const schema = { type: 'string', pattern: '^[\\x21-\\x7e]{1,200}$' };
		own.push(
			parameter('idempotency-key', 'Makes the request safe to repeat for 24 hours.', { schema }),
		);
	}
	if (conditional === true) {
		own.push(
			parameter('if-match', 'Only if the resource has this revision: its ETag, in quotes.', {
				example: '"3"',
				schema: { type: 'string', pattern: String.raw`^(?:\*|(?:W/)?"[^"]*")$` },
			}),
		);
	}
	if (waits === true) {
		own.push(
			parameter('prefer', 'How many seconds to wait for the end, at most 60.', {
				example: 'wait=5',
			}),
		);
	}
	return own;
}

const jsonText = (schema: z.ZodType, collector: SchemaCollector): Json => ({
	...text,
	contentMediaType: 'application/json',
	contentSchema: collector.convert(schema, 'input'),
});

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
			content: {
				'application/json': anything,
				...Object.fromEntries((body.media ?? []).map((type) => [type, { schema: {} }])),
				'*/*': { schema: {} },
			},
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

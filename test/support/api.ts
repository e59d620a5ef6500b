import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { problemSchema } from '../../engine/contract/answers.ts';
import { loadConfig } from '../../engine/config.ts';
import { errorCodes } from '../../engine/http/openapi-errors.ts';
import type { Route } from '../../engine/http/route.ts';
import { ROUTES } from '../../engine/http/routes/index.ts';
import type { Engine, EngineParts } from '../../engine/main.ts';
import { createEngine } from '../../engine/main.ts';

/** What tests read out of JSON answers; a wrong field shows as a failed expectation. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Body = any;

export interface Answer {
	status: number;
	headers: Headers;
	text: string;
	body: Body;
}

export interface Ask {
	/** JSON, unless it is text or bytes already. */
	body?: unknown;
	headers?: Record<string, string>;
}

/** Someone with a key (or none) who calls the API; every answer is held against its documentation. */
export interface Client {
	get(path: string, ask?: Ask): Promise<Answer>;
	head(path: string, ask?: Ask): Promise<Answer>;
	post(path: string, body?: unknown, ask?: Ask): Promise<Answer>;
	put(path: string, body: unknown, ask?: Ask): Promise<Answer>;
	patch(path: string, body: unknown, ask?: Ask): Promise<Answer>;
	delete(path: string, ask?: Ask): Promise<Answer>;
	send(method: string, path: string, ask?: Ask): Promise<Answer>;
}

export interface TestEngine {
	engine: Engine;
	url: string;
	/** Holds the first admin key. */
	admin: Client;
	/** Holds that token, or none. */
	client(token?: string): Client;
	/** A new key with these scopes, of a tenant. */
	keyOf(
		scopes: readonly string[],
		more?: { tenant?: string; capabilities?: string[] },
	): Promise<string>;
	close(): Promise<void>;
}

/** An engine in this process, on a free port, with a folder of its own. */
export async function startTestEngine(
	settings: Readonly<Record<string, string>> = {},
	parts: EngineParts = {},
): Promise<TestEngine> {
	const folder = await mkdtemp(join(tmpdir(), 'capscheduler-http-'));
	const config = loadConfig({
		CAPSCHEDULER_DATA_DIR: folder,
		CAPSCHEDULER_PORT: '0',
		CAPSCHEDULER_LOG: 'silent',
		CAPSCHEDULER_RATE_LIMIT: '100000',
		...settings,
	});
	const engine = await createEngine(config, parts);
	await engine.start();
	const admin = clientOf(engine.url, engine.firstKey ?? undefined);
	return {
		engine,
		url: engine.url,
		admin,
		client: (token) => clientOf(engine.url, token),
		async keyOf(scopes, more = {}) {
			const { body, status } = await admin.post('/v1/keys', { name: 'test', scopes, ...more });
			if (status !== 201) throw new Error(JSON.stringify(body));
			return body.token as string;
		},
		async close() {
			await engine.stop();
			await rm(folder, { recursive: true, force: true });
		},
	};
}

export function clientOf(url: string, token: string | undefined): Client {
	const send: Client['send'] = async (method, path, { body, headers = {} } = {}) => {
		const raw = typeof body === 'string' || body instanceof Uint8Array;
		const response = await fetch(url + path, {
			method,
			redirect: 'manual',
			headers: {
				...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
				...(body === undefined ? {} : { 'content-type': 'application/json' }),
				...headers,
			},
			...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
		});
		const text = await response.text();
		const answer: Answer = {
			status: response.status,
			headers: response.headers,
			text,
			body: undefined,
		};
		const json = /[/+]json/.test(response.headers.get('content-type') ?? '');
		if (json && text !== '' && response.status !== 206) answer.body = JSON.parse(text);
		demandDocumented(method, path, answer);
		return answer;
	};
	return {
		send,
		get: (path, ask) => send('GET', path, ask),
		head: (path, ask) => send('HEAD', path, ask),
		post: (path, body, ask) => send('POST', path, { body, ...ask }),
		put: (path, body, ask) => send('PUT', path, { body, ...ask }),
		patch: (path, body, ask) => send('PATCH', path, { body, ...ask }),
		delete: (path, ask) => send('DELETE', path, ask),
	};
}

const PATTERNS = ROUTES.map((route) => ({
	route,
	pattern: new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
}));

export function routeOf(method: string, path: string): Route | undefined {
	const asked = method === 'HEAD' ? 'get' : method.toLowerCase();
	const [bare = ''] = path.split('?');
	return PATTERNS.find(({ route, pattern }) => route.method === asked && pattern.test(bare))?.route;
}

/** The status, the shape and the code of an answer must be in the table that the OpenAPI document is made of. */
function demandDocumented(method: string, path: string, { status, headers, body }: Answer): void {
	const route = routeOf(method, path);
	const place = `${method} ${path} -> ${status}`;
	const answer = route?.answers[status];
	if (answer !== undefined) {
		const json = headers.get('content-type')?.startsWith('application/json') === true;
		if (json && answer.schema !== undefined && method !== 'HEAD') answer.schema.parse(body);
		return;
	}
	if (status < 400) throw new Error(`${place}: not documented`);
	if (method === 'HEAD') return;
	const problem = problemSchema.parse(body);
	const foreign = ['NOT_FOUND', 'METHOD_NOT_ALLOWED', 'CROSS_SITE'].includes(problem.code);
	if (route === undefined ? foreign : (errorCodes(route) as string[]).includes(problem.code))
		return;
	throw new Error(`${place}: ${problem.code} is not documented`);
}

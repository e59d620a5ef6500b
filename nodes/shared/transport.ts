import { createHash } from 'node:crypto';
import type {
	IDataObject,
	IExecuteFunctions,
	IHookFunctions,
	IHttpRequestMethods,
	IHttpRequestOptions,
	ILoadOptionsFunctions,
	IWebhookFunctions,
} from 'n8n-workflow';

import type { ErrorPlace } from './errors';
import { problemError, unreachableError } from './errors';

/** A readable stream of Node; verified packages may not even import its type. */
export type ByteStream = Awaited<ReturnType<IExecuteFunctions['helpers']['getBinaryStream']>>;

export const CREDENTIAL = 'capSchedulerApi';

/** Whatever can make requests with a credential. */
export type Caller = IExecuteFunctions | IHookFunctions | ILoadOptionsFunctions | IWebhookFunctions;

export interface EngineRequest {
	method?: IHttpRequestMethods;
	/** From `/v1/…` on; see `path`. */
	path: string;
	/** Undefined and empty values are left out. */
	query?: Readonly<Record<string, string | number | boolean | undefined>>;
	body?: IDataObject | ByteStream | Buffer;
	headers?: Readonly<Record<string, string>>;
	/** Milliseconds; default 30 s. 0: none, for streams. */
	timeout?: number;
	/** The answer's body as a stream. */
	stream?: boolean;
	/** Whether there may be no such thing: then the answer is undefined instead of an error. */
	maybe?: boolean;
	/** For the error's place. */
	itemIndex?: number;
}

export interface EngineAnswer<T> {
	status: number;
	headers: Readonly<Record<string, string | undefined>>;
	body: T;
}

const TIMEOUT = 30_000;
/** It never was, or it is gone. */
const ABSENT = [404, 410];
/** Of an error's body, when the answer was to be streamed. */
const ERROR_BYTES = 64 * 1024;

/** A path with its variables encoded: path`/v1/runs/${id}`. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
	return parts.reduce((text, part, i) => text + encodeURIComponent(values[i - 1] ?? '') + part);
}

/** The engine's URL without a slash at its end. */
export async function engineUrl(caller: Caller): Promise<string> {
	const { baseUrl } = await caller.getCredentials<{ baseUrl: string }>(CREDENTIAL);
	return baseUrl.trim().replace(/\/+$/, '');
}

/**
 * One request to the engine.
 * @throws NodeApiError that says what is wrong and how to mend it
 */
export async function send<T = IDataObject>(
	caller: Caller,
	request: EngineRequest,
): Promise<EngineAnswer<T>> {
	const place: ErrorPlace = { node: caller.getNode(), itemIndex: request.itemIndex };
	const url = await engineUrl(caller);
	let answer: { statusCode: number; headers: Record<string, string>; body: unknown };
	try {
		answer = (await caller.helpers.httpRequestWithAuthentication.call(
			caller,
			CREDENTIAL,
			optionsOf(url, request),
		)) as typeof answer;
	} catch (error) {
		throw unreachableError(place, url, error);
	}
	if (request.maybe === true && ABSENT.includes(answer.statusCode)) {
		return { status: answer.statusCode, headers: answer.headers, body: undefined as T };
	}
	if (answer.statusCode >= 300 || isForeign(answer, request)) {
		const body = request.stream === true ? await readJson(answer.body as ByteStream) : answer.body;
		const { location } = answer.headers;
		throw problemError(place, { status: answer.statusCode, location, body: parsed(body) });
	}
	return { status: answer.statusCode, headers: answer.headers, body: answer.body as T };
}

/** A page of some other server: at a wrong URL of the engine they also say 200. */
function isForeign(
	{ headers, body }: { headers: Record<string, string>; body: unknown },
	{ stream }: EngineRequest,
): boolean {
	const isEmpty = body === undefined || body === null || body === '';
	return stream !== true && !isEmpty && !/\bjson\b/.test(headers['content-type'] ?? '');
}

/** The answer's JSON. */
export async function call<T = IDataObject>(caller: Caller, request: EngineRequest): Promise<T> {
	return (await send<T>(caller, request)).body;
}

function optionsOf(url: string, request: EngineRequest): IHttpRequestOptions {
	const { body, headers = {}, query = {}, stream = false } = request;
	const isJson = body !== undefined && !Buffer.isBuffer(body) && !isStream(body);
	return {
		method: request.method ?? 'GET',
		url: `${url}${request.path}`,
		qs: Object.fromEntries(
			Object.entries(query).filter(([, value]) => value !== undefined && value !== ''),
		),
		headers: { ...(isJson ? { 'content-type': 'application/json' } : {}), ...headers },
		...(body === undefined ? {} : { body: isJson ? JSON.stringify(body) : body }),
		timeout: request.timeout ?? TIMEOUT,
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
		// The engine redirects nowhere; and a client that may have to follow holds the whole body in memory.
		disableFollowRedirect: true,
		...(stream ? { encoding: 'stream' as const } : {}),
	};
}

export function isStream(value: unknown): value is ByteStream {
	return typeof (value as { pipe?: unknown } | null)?.pipe === 'function';
}

async function readJson(stream: ByteStream): Promise<string> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of stream as AsyncIterable<Buffer>) {
		chunks.push(chunk);
		size += chunk.length;
		if (size > ERROR_BYTES) break;
	}
	return Buffer.concat(chunks).toString('utf8');
}

function parsed(body: unknown): unknown {
	if (typeof body !== 'string') return body;
	try {
		return JSON.parse(body) as unknown;
	} catch {
		return undefined;
	}
}

export interface Page extends IDataObject {
	items: IDataObject[];
	nextCursor: string | null;
}

/** The largest page that the engine gives. */
const PAGE = 100;

/** One page of a list, from a cursor on. */
export const listPage = (
	caller: Caller,
	request: EngineRequest,
	{ limit = PAGE, cursor }: { limit?: number; cursor: string | undefined },
): Promise<Page> => call<Page>(caller, { ...request, query: { ...request.query, limit, cursor } });

/** All items of a list, or the first `limit` of them. */
export async function listAll(
	caller: Caller,
	request: EngineRequest,
	limit = Number.POSITIVE_INFINITY,
): Promise<IDataObject[]> {
	const items: IDataObject[] = [];
	let cursor: string | undefined;
	do {
		const size = Math.min(PAGE, limit - items.length);
		const page: Page = await listPage(caller, request, { limit: size, cursor });
		items.push(...page.items);
		cursor = page.nextCursor ?? undefined;
	} while (cursor !== undefined && items.length < limit);
	return items.slice(0, limit);
}

/**
 * The same for every try of the same item in the same run of the node, so that "Retry On Fail" does nothing
 * twice; different for each item, loop and execution.
 */
export function idempotencyKey(
	caller: IExecuteFunctions,
	itemIndex: number,
	{ path: where, body }: Pick<EngineRequest, 'path' | 'body'>,
): string {
	const place = [
		caller.getExecutionId(),
		caller.getNode().id,
		String(caller.getWorkflowDataProxy(itemIndex).$runIndex ?? 0),
		String(itemIndex),
		where,
		// a tool is called several times within one run of an agent
		body === undefined || isStream(body) || Buffer.isBuffer(body) ? '' : JSON.stringify(body),
	];
	return `n8n-${createHash('sha256').update(place.join('\n')).digest('hex').slice(0, 40)}`;
}

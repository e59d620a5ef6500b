import type { JsonObject, JsonValue } from '../contract/json.ts';
import { loadClientConfig } from '../config.ts';
import { CliError, EXIT } from './exit.ts';

export interface ClientOptions {
	url?: string | undefined;
	key?: string | undefined;
}

export interface ApiRequest {
	query?: Readonly<Record<string, string | number | undefined>>;
	body?: JsonValue;
	headers?: Readonly<Record<string, string>>;
	/** A body that is read as it is sent, however long that takes. */
	upload?: { body: ReadableStream<Uint8Array>; contentType: string };
	/** Milliseconds until the answer's head must be there; default 30 s. */
	within?: number;
}

/** The engine's REST API, as the commands use it. Every refusal is a CliError. */
export interface Api {
	readonly url: string;
	call(method: string, path: string, request?: ApiRequest): Promise<JsonObject>;
	/** Follows the pages until `limit` items are there. */
	list(path: string, query: ApiRequest['query'], limit: number): Promise<JsonObject[]>;
	/** The answer as it comes, for files; GET unless said otherwise. */
	open(path: string, request?: ApiRequest, method?: string): Promise<Response>;
}

const PAGE = 200;
const WITHIN = 30_000;

export function createApi(options: ClientOptions): Api {
	const config = loadClientConfig();
	const url = (options.url ?? config.url).replace(/\/+$/, '');
	if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
		throw new CliError(EXIT.usage, `--url: expected an http or https URL, got "${url}"`);
	}
	const key = options.key ?? config.key;

	async function send(method: string, path: string, request: ApiRequest): Promise<Response> {
		const headers = new Headers(request.headers);
		if (key !== null) headers.set('authorization', `Bearer ${key}`);
		if (request.body !== undefined) headers.set('content-type', 'application/json');
		const { upload } = request;
		if (upload !== undefined) headers.set('content-type', upload.contentType);
		const late = new AbortController();
		const within = request.within ?? WITHIN;
		const timer = setTimeout(() => {
			if (upload === undefined) late.abort(new Error(`no answer within ${within / 1000} s`));
		}, within);
		try {
			return await fetch(withQuery(url + path, request.query), {
				method,
				headers,
				redirect: 'error',
				signal: late.signal,
				...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
				...(upload === undefined ? {} : { body: upload.body, duplex: 'half' as const }),
			});
		} catch (error) {
			throw unreachable(url, error);
		} finally {
			clearTimeout(timer);
		}
	}

	async function open(path: string, request: ApiRequest = {}, method = 'GET'): Promise<Response> {
		const response = await send(method, path, request);
		if (!response.ok) throw await refusal(response, url, key);
		return response;
	}

	async function call(method: string, path: string, request: ApiRequest = {}): Promise<JsonObject> {
		const response = await open(path, request, method);
		const text = await response.text();
		if (text === '') return {};
		try {
			return JSON.parse(text) as JsonObject;
		} catch {
			throw new CliError(EXIT.refused, `${url} answered something that is not JSON`, {
				hint: 'Is this the address of a CapScheduler engine?',
			});
		}
	}

	async function list(
		path: string,
		query: ApiRequest['query'],
		limit: number,
	): Promise<JsonObject[]> {
		const items: JsonObject[] = [];
		let cursor: string | undefined;
		do {
			const page = await call('GET', path, {
				query: { ...query, limit: Math.min(PAGE, limit - items.length), cursor },
			});
			items.push(...((page['items'] ?? []) as JsonObject[]));
			cursor = typeof page['nextCursor'] === 'string' ? page['nextCursor'] : undefined;
		} while (cursor !== undefined && items.length < limit);
		return items;
	}

	return { url, call, list, open };
}

function withQuery(address: string, query: ApiRequest['query'] = {}): string {
	const url = new URL(address);
	for (const [name, value] of Object.entries(query)) {
		if (value !== undefined) url.searchParams.set(name, String(value));
	}
	return url.href;
}

function unreachable(url: string, error: unknown): CliError {
	const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
	const { code } = cause as { code?: string };
	const reason = code ?? (cause instanceof Error ? cause.message : String(cause));
	return new CliError(EXIT.unreachable, `cannot reach an engine at ${url}: ${reason}`, {
		hint: 'Start one with `capscheduler start`, or name another with --url or CAPSCHEDULER_URL.',
		data: { code: 'UNREACHABLE', url },
	});
}

interface Problem {
	code?: string;
	detail?: string;
	title?: string;
	errors?: { path: string; expected: string; received?: string }[];
}

/** What RFC 9457 says, in lines for people. */
async function refusal(response: Response, url: string, key: string | null): Promise<CliError> {
	let problem: Problem = {};
	try {
		problem = (await response.json()) as Problem;
	} catch {
		// not a problem document: the status alone must do
	}
	const code = problem.code ?? `HTTP_${response.status}`;
	const [first, ...more] = (problem.errors ?? []).map(
		({ path, expected, received }) =>
			`${path}: expected ${expected}${received === undefined ? '' : `, got ${received}`}`,
	);
	const detail = problem.detail ?? problem.title ?? `${url} answered ${response.status}`;
	// the detail of a problem with places is its first place, which is said once
	const repeats = first !== undefined && detail.startsWith(first);
	const what = repeats ? first : detail;
	const lines = first === undefined || repeats ? more : [first, ...more];
	const text = [`${what} (${code})`, ...lines.map((line) => `  ${line}`)].join('\n');
	const hint = hintFor(code, key);
	return new CliError(EXIT.refused, text, {
		...(hint === undefined ? {} : { hint }),
		data: { status: response.status, ...problem, code },
	});
}

function hintFor(code: string, key: string | null): string | undefined {
	if (code === 'UNAUTHENTICATED') {
		return key === null
			? 'Give a key with CAPSCHEDULER_KEY or --key. The first start printed one; `capscheduler keys create <name> --local` makes another while the engine is stopped.'
			: 'The key is wrong, revoked or of another engine. `capscheduler keys create <name> --local` makes a new one while the engine is stopped.';
	}
	if (code === 'FORBIDDEN')
		return 'An admin key can make one with more scopes: `capscheduler keys create`.';
	if (code === 'RATE_LIMITED') return 'Wait a little; the limit is CAPSCHEDULER_RATE_LIMIT.';
	if (code === 'IN_USE') return 'Remove what uses it first: `capscheduler schedules list`.';
	return undefined;
}

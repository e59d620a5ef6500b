import { randomFillSync } from 'node:crypto';

import type { Clock } from '../../clock.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { HttpRequest, Signer } from '../../security/security.port.ts';
import type { SessionCall } from '../session.port.ts';
import type { HttpActionSettings, HttpSettings } from './settings.ts';

/** What of a request is the same in every call of a capability's revision. */
interface Plan {
	origin: string;
	pathname: string;
	search: string;
	/** Name, value, name, value. */
	headers: readonly string[];
}

const plans = new WeakMap<HttpSettings, Plan>();
const random = Buffer.alloc(24 * 512);
let used = random.length;

/** A new trace: https://www.w3.org/TR/trace-context/#traceparent-header */
function newTraceparent(): string {
	if (used + 24 > random.length) {
		randomFillSync(random);
		used = 0;
	}
	const hex = random.toString('hex', used, used + 24);
	used += 24;
	return `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`;
}

function makePlan(settings: HttpSettings, userAgent: string): Plan {
	const url = new URL(settings.url);
	const headers = ['user-agent', userAgent, 'accept-encoding', 'gzip, br, zstd'];
	if (settings.method === 'POST') headers.push('content-type', 'application/json');
	for (const [name, value] of Object.entries(settings.headers)) headers.push(name, value);
	if (settings.authorization !== undefined) headers.push('authorization', settings.authorization);
	if (settings.apiKey !== undefined) headers.push(settings.apiKeyHeader, settings.apiKey);
	return { origin: url.origin, pathname: url.pathname, search: url.search, headers };
}

function joinPath(base: string, path: string): string {
	return `${base.endsWith('/') ? base : `${base}/`}${path.startsWith('/') ? path.slice(1) : path}`;
}

/** Text, numbers and booleans as they are, what is nested as JSON; null is left out. */
function withQuery(target: string, parameters: JsonObject): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(parameters)) {
		if (value === null) continue;
		query.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
	}
	if (query.size === 0) return target;
	return `${target}${target.includes('?') ? '&' : '?'}${query.toString()}`;
}

export interface RequestParts {
	signer: Signer;
	clock: Clock;
	userAgent: string;
	traceparent: ((call: SessionCall) => string) | undefined;
}

/** The exact request of one attempt. Pure but for the clock and the random trace. */
export function makeRequest(call: SessionCall, parts: RequestParts): HttpRequest {
	const settings = call.settings as HttpSettings;
	let plan = plans.get(settings);
	if (plan === undefined) plans.set(settings, (plan = makePlan(settings, parts.userAgent)));
	const { path } = (call.actionSettings ?? {}) as HttpActionSettings;
	const pathname = path === undefined ? plan.pathname : joinPath(plan.pathname, path);
	let target = pathname + plan.search;

	let body: string | null = null;
	if (settings.method === 'GET') target = withQuery(target, call.envelope.parameters);
	else body = JSON.stringify(settings.envelope ? call.envelope : call.envelope.parameters);

	const traceparent = parts.traceparent?.(call) ?? newTraceparent();
	const headers = ['idempotency-key', call.idempotencyKey, 'traceparent', traceparent];
	if (settings.secret !== undefined) {
		// the id is the run's, in every attempt: a receiver that knows it has seen this run before
		const signed = parts.signer.sign(settings.secret, {
			id: call.envelope.requestId,
			timestamp: Math.floor(parts.clock.now() / 1000),
			body: body ?? '',
		});
		for (const name in signed) headers.push(name, signed[name as keyof typeof signed]);
	}
	return {
		origin: plan.origin,
		path: target,
		method: settings.method,
		fixedHeaders: plan.headers,
		headers,
		body,
	};
}

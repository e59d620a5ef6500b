import type { Dispatcher } from 'undici';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { Instant } from '../../contract/time.ts';
import { asTargetError, quoted } from './failed.ts';
import { exchange } from './http-exchange.ts';
import { failureOf } from './http-verdict.ts';

export interface Token {
	token: string;
	expiresAt: Instant;
}

export interface TokenRequest {
	/** Names who asks, credentials too: tokens are kept under it. */
	key: string;
	url: string;
	/** The form of the grant (RFC 6749, 4). Made only when there is no token. */
	form(this: void): Record<string, string>;
	dispatcher: Dispatcher;
	signal: AbortSignal;
	secrets: readonly (string | undefined)[];
}

/** Access tokens, kept until shortly before they end. */
export interface TokenSource {
	/** @throws CapError */
	get(request: TokenRequest): Promise<Token>;
	/** The token was refused: the next one is asked for. */
	forget(key: string): void;
}

/** A token is not used in the last minutes of its time: an upload takes a while; milliseconds. */
const SPARE = 300_000;
const KEPT = 64;
const KEEP = 32_768;

export function createTokenSource(clock: Clock): TokenSource {
	const tokens = new Map<string, Token>();
	return {
		async get(request) {
			const known = tokens.get(request.key);
			if (known && known.expiresAt - SPARE > clock.now()) return known;
			const fresh = await ask(request, clock.now());
			tokens.delete(request.key);
			tokens.set(request.key, fresh);
			const [oldest] = tokens.keys();
			if (tokens.size > KEPT && oldest !== undefined) tokens.delete(oldest);
			return fresh;
		},
		forget(key) {
			tokens.delete(key);
		},
	};
}

async function ask(
	{ url, form, dispatcher, signal, secrets }: TokenRequest,
	now: Instant,
): Promise<Token> {
	const { origin, pathname, search, host } = new URL(url);
	const headers = {
		'content-type': 'application/x-www-form-urlencoded',
		accept: 'application/json',
	};
	const body = new URLSearchParams(form()).toString();
	const answer = await exchange(
		{ origin, path: pathname + search, method: 'POST', headers, body },
		{ dispatcher, signal, keep: KEEP },
	).catch((error: unknown) => {
		const { code, message } = asTargetError(error);
		throw new CapError(code, `token of ${host}: ${message}`, { retry: 'later', cause: error });
	});
	const said = readJson(answer.text);
	const failed = failureOf(answer, now);
	if (failed !== null) {
		const { error, error_description: why } = said;
		const words = [error, why].filter((one) => typeof one === 'string').join(': ');
		const refused = failed.code === 'TARGET_REFUSED';
		throw new CapError(
			refused ? 'TARGET_LOGIN_FAILED' : failed.code,
			`token of ${host}: ${failed.message}${words === '' ? '' : `: ${quoted(words, secrets)}`}`,
			{ retry: failed.retry },
		);
	}
	const { access_token: token, expires_in: seconds } = said;
	if (typeof token === 'string' && token !== '') {
		return { token, expiresAt: now + (Number(seconds) || 0) * 1000 };
	}
	throw new CapError('TARGET_PROTOCOL', `token of ${host}: answered no token`, { retry: 'later' });
}

function readJson(text: string): Record<string, unknown> {
	try {
		return Object(JSON.parse(text)) as Record<string, unknown>;
	} catch {
		return {};
	}
}

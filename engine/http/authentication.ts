import type { IncomingMessage } from 'node:http';

import ipaddr from 'ipaddr.js';

import type { Actor } from '../contract/access.ts';
import { CapError } from '../contract/errors.ts';
import { authenticate } from '../pipeline/access.ts';
import type { Context } from '../pipeline/context.ts';
import { RateLimiter, rateLimited } from './rate-limit.ts';

const BEARER = /^Bearer +([\x21-\x7e]{1,512})$/i;
const REMEMBERED = 1000;

export function bearerToken(request: IncomingMessage): string | undefined {
	return BEARER.exec(request.headers.authorization ?? '')?.[1];
}

/**
 * Finds out whose key a request carries. An address that failed too often is refused before its next
 * token is looked at; tokens that were right lately are exempt, so that nobody locks out others who come
 * through the same proxy.
 */
export class Authentication {
	private readonly ctx: Context;
	private readonly failures: RateLimiter;
	/** Hashes of tokens that were right, oldest first. They are checked again each time. */
	private readonly known = new Set<string>();

	constructor(ctx: Context, failuresPerMinute: number) {
		this.ctx = ctx;
		this.failures = new RateLimiter(failuresPerMinute, ctx.clock);
	}

	/** @throws CapError UNAUTHENTICATED, RATE_LIMITED */
	async actor(request: IncomingMessage): Promise<Actor> {
		const token = bearerToken(request);
		if (token === undefined) {
			throw new CapError(
				'UNAUTHENTICATED',
				'header Authorization: expected "Bearer" and an API key',
			);
		}
		const hash = this.ctx.tokens.hash(token);
		if (!this.known.has(hash)) this.refuseFailing(request);
		const actor = await authenticate(this.ctx, token);
		if (actor === null) {
			this.known.delete(hash);
			this.failed(request);
			throw new CapError('UNAUTHENTICATED', 'the API key is wrong, revoked or expired');
		}
		this.remember(hash);
		return actor;
	}

	/** @throws CapError RATE_LIMITED when the address has failed too often */
	refuseFailing(request: IncomingMessage): void {
		const allowance = this.failures.look(addressOf(request));
		if (!allowance.allowed)
			throw rateLimited(allowance, 'failed authentications from this address');
	}

	failed(request: IncomingMessage): void {
		this.failures.take(addressOf(request));
	}

	private remember(hash: string): void {
		if (this.known.has(hash)) return;
		this.known.add(hash);
		if (this.known.size <= REMEMBERED) return;
		for (const oldest of this.known) {
			this.known.delete(oldest);
			return;
		}
	}
}

/** The peer's address; of IPv6 the /64, which one person has whole. Proxies are not trusted. */
function addressOf(request: IncomingMessage): string {
	const address = request.socket.remoteAddress;
	if (address === undefined || !ipaddr.isValid(address)) return 'unknown';
	const parsed = ipaddr.process(address);
	return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString();
}

import type { Clock } from '../clock.ts';
import { CapError } from '../contract/errors.ts';

export interface RateLimitOptions {
	/** Requests of one key in a minute, all at once or spread; 0: no limit. */
	perMinute: number;
	/** Failed authentications of one address in a minute. */
	failuresPerMinute: number;
}

/** What is left after a request. */
export interface Allowance {
	allowed: boolean;
	remaining: number;
	/** Until all of the quota is there again, seconds. */
	resetAfter: number;
	/** Until the next request is allowed, milliseconds; 0 when it is now. */
	retryAfter: number;
}

const MINUTE = 60_000;
const MAX_TRACKED = 20_000;

/**
 * A quota per minute for each of many, by the generic cell rate algorithm: one number each, the time at
 * which all of its quota is there again. Whoever is not in the map has all of it.
 */
export class RateLimiter {
	readonly perMinute: number;
	private readonly clock: Clock;
	private readonly fullAt = new Map<string, number>();

	constructor(perMinute: number, clock: Clock) {
		this.perMinute = perMinute;
		this.clock = clock;
	}

	/** Takes one from the quota if there is one. */
	take(who: string): Allowance {
		const now = this.clock.monotonic();
		const before = Math.max(now, this.fullAt.get(who) ?? now);
		const after = before + MINUTE / this.perMinute;
		if (after - now > MINUTE + 1e-6) return this.allowance(before, now, after - now - MINUTE);
		this.fullAt.delete(who);
		this.fullAt.set(who, after);
		if (this.fullAt.size > MAX_TRACKED) this.forget(now);
		return this.allowance(after, now, 0);
	}

	/** Whether there is one left, without taking it. */
	look(who: string): Allowance {
		const now = this.clock.monotonic();
		const fullAt = Math.max(now, this.fullAt.get(who) ?? now);
		const over = fullAt + MINUTE / this.perMinute - now - MINUTE;
		return this.allowance(fullAt, now, over > 1e-6 ? over : 0);
	}

	private allowance(fullAt: number, now: number, retryAfter: number): Allowance {
		const used = Math.ceil(((fullAt - now) * this.perMinute) / MINUTE - 1e-6);
		return {
			allowed: retryAfter === 0,
			remaining: Math.max(0, this.perMinute - used),
			resetAfter: Math.ceil((fullAt - now) / 1000),
			retryAfter,
		};
	}

	/** Drops those with all of their quota, and if that is not enough, who asked longest ago. */
	private forget(now: number): void {
		for (const [who, fullAt] of this.fullAt) {
			if (fullAt <= now || this.fullAt.size > MAX_TRACKED) this.fullAt.delete(who);
		}
	}
}

/** `RateLimit` and `RateLimit-Policy` as in draft-ietf-httpapi-ratelimit-headers-10. */
export function rateLimitHeaders(allowance: Allowance, perMinute: number): Record<string, string> {
	return {
		'ratelimit-policy': `"key";q=${perMinute};w=60`,
		ratelimit: `"key";r=${allowance.remaining};t=${allowance.resetAfter}`,
	};
}

export function rateLimited(allowance: Allowance, whose: string): CapError {
	return new CapError('RATE_LIMITED', `too many ${whose}; try again later`, {
		retry: 'later',
		retryAfter: allowance.retryAfter,
	});
}

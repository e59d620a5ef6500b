import type { IncomingHttpHeaders } from 'node:http';

import type { Duration, Instant } from '../../contract/time.ts';
import type { Failed } from './failed.ts';
import type { Answer } from './http-exchange.ts';

/** A receiver may ask for this much patience and no more. */
const MAX_RETRY_AFTER: Duration = 86_400_000;

/**
 * What the answer means, after Standard Webhooks 1.0: only 2xx is delivered; 410 means never again; every
 * other status is tried again, 4xx too, because receivers get mended while the schedule of retries lasts. A
 * redirect is final: following it would leave the target that was agreed on.
 */
export function failureOf({ status, headers }: Answer, now: Instant): Failed | null {
	if (status >= 200 && status < 300) return null;
	if (status >= 300 && status < 400) {
		return failed('TARGET_REDIRECT', `answered ${status}; redirects are not followed`, 'never');
	}
	if (status === 410) {
		return { ...failed('TARGET_GONE', 'answered 410: gone for good', 'never'), disable: true };
	}
	const later = (code: Failed['code']): Failed => ({
		...failed(code, `answered ${status}`, 'later'),
		...retryAfterOf(headers, now),
	});
	if (status === 429 || status === 503 || status === 425) return later('TARGET_BUSY');
	if (status >= 500 || status === 408) return later('TARGET_FAULT');
	return later('TARGET_REFUSED');
}

/** The seconds or the HTTP date of Retry-After (RFC 9110, 10.2.3), at most a day. */
export function retryAfterOf(
	headers: IncomingHttpHeaders,
	now: Instant,
): { retryAfter?: Duration } {
	const value = [headers['retry-after']].flat()[0]?.trim();
	if (!value) return {};
	const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
	if (!Number.isFinite(wait)) return {};
	return { retryAfter: Math.min(Math.max(0, wait), MAX_RETRY_AFTER) };
}

function failed(code: Failed['code'], message: string, retry: Failed['retry']): Failed {
	return { kind: 'failed', code, message, retry };
}

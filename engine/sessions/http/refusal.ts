import type { RetryReason } from '../../contract/policies.ts';
import type { ErrorCode, RetryVerdict } from '../../contract/errors.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import type { JsonValue } from '../../contract/json.ts';
import type { SessionOutcome } from '../session.port.ts';
import { cleanText, failed } from '../shared/failure.ts';
import { isObject, readEnvelope, saysRetry } from './envelope.ts';
import type { Answer } from './exchange.ts';
import { isJson } from './exchange.ts';

interface Verdict {
	code: ErrorCode;
	retry: RetryVerdict;
	reason?: RetryReason;
}

function verdictOf(status: number): Verdict {
	if (status < 400) return { code: 'TARGET_REDIRECT', retry: 'never' };
	if (status === 408) return { code: 'TARGET_BUSY', retry: 'later', reason: 'timeout' };
	if (status === 425 || status === 429)
		return { code: 'TARGET_BUSY', retry: 'later', reason: '429' };
	if (status === 410) return { code: 'TARGET_GONE', retry: 'never' };
	if (status < 500) return { code: 'TARGET_REFUSED', retry: 'never' };
	return { code: 'TARGET_FAULT', retry: 'later', reason: '5xx' };
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3); undefined when it is neither. */
export function readRetryAfter(header: string | undefined, now: Instant): Duration | undefined {
	if (header === undefined) return undefined;
	if (/^\d{1,8}$/.test(header.trim())) return Number(header) * 1000;
	const at = /[A-Za-z]{3}/.test(header) ? Date.parse(header) : Number.NaN;
	return Number.isFinite(at) ? Math.max(0, at - now) : undefined;
}

/** What an answer outside 2xx means. Its body is shown, shortened; an envelope in it is heeded. */
export function readRefusal(answer: Answer, now: Instant, envelopes: boolean): SessionOutcome {
	const { status, headers } = answer;
	const verdict = verdictOf(status);
	const retryAfter =
		verdict.retry === 'later' ? readRetryAfter(headers['retry-after'], now) : undefined;
	const json = status >= 400 && isJson(headers) ? parsed(answer.bytes) : undefined;

	const told = envelopes && json !== undefined ? readEnvelope(json) : undefined;
	if (told?.kind === 'failed') {
		if (json !== undefined && saysRetry(json)) return told;
		return failed('CAPABILITY_FAILED', told.failure.message, {
			...verdictWithout(verdict),
			...(told.failure.detail === undefined ? {} : { detail: told.failure.detail }),
			...(retryAfter === undefined ? {} : { retryAfter }),
		});
	}
	const words = describe(answer, json);
	return failed(verdict.code, words === '' ? `HTTP ${status}` : `HTTP ${status}: ${words}`, {
		...verdictWithout(verdict),
		...(retryAfter === undefined ? {} : { retryAfter }),
	});
}

const verdictWithout = ({ retry, reason }: Verdict): Omit<Verdict, 'code'> => ({
	retry,
	...(reason === undefined ? {} : { reason }),
});

function describe(answer: Answer, json: JsonValue | undefined): string {
	if (answer.status < 400) return 'redirects are not followed';
	if (isObject(json)) {
		for (const name of ['detail', 'message', 'error', 'title']) {
			const value = json[name];
			if (typeof value === 'string' && value !== '') return cleanText(value);
		}
	}
	const coded = answer.headers['content-encoding'] !== undefined;
	return coded || answer.bytes === null ? '' : cleanText(answer.bytes.toString('utf8'));
}

function parsed(bytes: Buffer | null): JsonValue | undefined {
	if (bytes === null) return undefined;
	try {
		return JSON.parse(bytes.toString('utf8')) as JsonValue;
	} catch {
		return undefined; // no JSON after all: it is shown as text
	}
}

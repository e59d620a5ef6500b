import type { Answer } from '../shared/http-exchange.ts';
import type { Failed } from '../shared/failed.ts';
import { failureOf } from '../shared/http-verdict.ts';
import type { Instant } from '../../contract/time.ts';
import { oneLine } from '../shared/template.ts';
import type { ChatService } from './settings.ts';

/**
 * What a service's answer means; null when it has the post. A form that it does not take, a webhook that is not there
 * or is not allowed stays so: only "too many" and its own faults are tried again.
 */
export function judge(service: ChatService, answer: Answer, now: Instant): Failed | null {
	const { status, text } = answer;
	const words = text === '' ? '' : `: ${oneLine(text, 200)}`;
	if (service === 'teams' && status < 300 && /HTTP error 429/i.test(text)) {
		return failed('TARGET_BUSY', `answered ${status}, but too many posts${words}`, 'later');
	}
	// the connectors of before told of failures with 200
	if (service === 'teams' && status < 300 && /delivery failed|HTTP error/i.test(text)) {
		return failed('TARGET_FAULT', `answered ${status}, but the post failed${words}`, 'later');
	}
	const general = failureOf(answer, now);
	if (general === null) return null;
	if (status === 429) return { ...general, ...waitIn(text) };
	if (status === 410) return general;
	if (status === 413) return failed('RESULT_TOO_LARGE', `answered 413${words}`, 'never');
	if (status >= 400 && status < 500 && general.code === 'TARGET_REFUSED') {
		return failed('TARGET_REFUSED', `answered ${status}${words}`, 'never');
	}
	return general;
}

/** Discord says it more exactly in its body, in seconds. */
function waitIn(text: string): { retryAfter?: number } {
	try {
		const { retry_after: seconds } = JSON.parse(text) as { retry_after?: unknown };
		const known = typeof seconds === 'number' && seconds >= 0 && seconds < 86_400;
		return known ? { retryAfter: Math.ceil(seconds * 1000) } : {};
	} catch {
		return {};
	}
}

function failed(code: Failed['code'], message: string, retry: Failed['retry']): Failed {
	return { kind: 'failed', code, message, retry };
}

import { CapError } from '../../contract/errors.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { RetryReason } from '../../contract/policies.ts';
import type { SessionFailure, SessionOutcome } from '../session.port.ts';

/** Longest message that an attempt keeps, in UTF-16 units. */
export const MAX_MESSAGE = 2000;

/** Text of the other side made fit for a log line and a page: one line, no control characters, not long. */
export function cleanText(text: string, limit = MAX_MESSAGE): string {
	const cleaned = text
		.slice(0, limit * 2)
		// C0, DEL, C1, and the separators and marks that change how a line is shown
		.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu, ' ')
		.replace(/ {2,}/g, ' ')
		.trim();
	return cleaned.length <= limit ? cleaned : `${cleaned.slice(0, limit - 1).toWellFormed()}…`;
}

export function failed(
	code: ErrorCode,
	message: string,
	more: Omit<SessionFailure, 'code' | 'message' | 'retry'> &
		Partial<Pick<SessionFailure, 'retry'>> = {},
): SessionOutcome {
	return {
		kind: 'failed',
		failure: { code, message: cleanText(message), retry: 'never', ...more },
	};
}

const REASONS: Partial<Record<ErrorCode, RetryReason>> = {
	TIMEOUT: 'timeout',
	TARGET_UNREACHABLE: 'network',
	TARGET_PROTOCOL: 'network',
};

/** The outcome that a CapError of an adapter stands for. Anything else is a fault of the engine. */
export function failedWith(error: CapError): SessionOutcome {
	const reason = error.retry === 'later' ? REASONS[error.code] : undefined;
	return failed(error.code, error.message, {
		retry: error.retry,
		...(reason === undefined ? {} : { reason }),
		...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
	});
}

export function tooLarge(maxResultBytes: number): CapError {
	return new CapError('RESULT_TOO_LARGE', `the result is larger than ${maxResultBytes} bytes`);
}

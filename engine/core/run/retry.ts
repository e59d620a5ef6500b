import type { RetryVerdict } from '../../contract/errors.ts';
import type { RetryPolicy, RetryReason } from '../../contract/policies.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { spread } from '../spread.ts';

/** The other side may ask for a later time than the policy's, but not for more than a day. */
const MAX_RETRY_AFTER: Duration = 86_400_000;

export interface FailedAttempt {
	runId: string;
	/** Number of the attempt that failed, from 1. */
	attempt: number;
	at: Instant;
	retry: RetryVerdict;
	/** Undefined: the other side itself asked for a later try, so `on` is not asked. */
	reason?: RetryReason | undefined;
	retryAfter?: Duration | undefined;
	/** Instead of what the policy says: see SessionFailure. */
	waits?: readonly Duration[] | undefined;
}

/** When the next attempt is due, or null when there is none. */
export function nextAttemptAt(policy: RetryPolicy, failed: FailedAttempt): Instant | null {
	if (failed.waits !== undefined) {
		const wait = failed.waits[failed.attempt - 1];
		return wait === undefined ? null : failed.at + wait;
	}
	if (failed.retry === 'never' || failed.attempt >= policy.attempts) return null;
	if (failed.reason !== undefined && !policy.on.includes(failed.reason)) return null;
	const wait = backoff(policy, failed.attempt);
	const jittered = policy.jitter
		? Math.round(wait * (0.5 + 0.5 * spread(`${failed.runId}#${failed.attempt}`)))
		: wait;
	return failed.at + Math.max(jittered, Math.min(failed.retryAfter ?? 0, MAX_RETRY_AFTER));
}

/** The wait after attempt number `attempt`, without jitter. */
export function backoff(policy: RetryPolicy, attempt: number): Duration {
	switch (policy.backoff) {
		case 'fixed':
			return policy.delay;
		case 'linear':
			return Math.min(policy.delay * attempt, policy.maxDelay);
		case 'exponential':
			return Math.min(policy.delay * 2 ** (attempt - 1), policy.maxDelay);
	}
}

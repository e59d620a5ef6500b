import type { RunSettlement } from '../../contract/change.ts';
import type { RetryVerdict } from '../../contract/errors.ts';
import type { RetryReason } from '../../contract/policies.ts';
import type { AttemptOutcome, Failure, Run } from '../../contract/run.ts';
import type { PauseReason, RunSpec } from '../../contract/schedule.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import type { FollowUps } from './follow-ups.ts';
import { nextAttemptAt } from './retry.ts';
import { expired, failed, held, retryLater } from './transitions.ts';

export interface AttemptFailure {
	error: Failure;
	outcome: AttemptOutcome;
	retry: RetryVerdict;
	reason?: RetryReason | undefined;
	retryAfter?: Duration | undefined;
	/** See SessionFailure. */
	waits?: readonly Duration[] | undefined;
	pause?: PauseReason | undefined;
}

type MakeFollowUps = (state: 'failed' | 'expired') => FollowUps;

/** What becomes of a run whose attempt failed: another attempt, or the end. */
export function afterFailure(
	run: Run,
	spec: RunSpec,
	failure: AttemptFailure,
	context: { at: Instant; followUps: MakeFollowUps },
): RunSettlement {
	const { at, followUps } = context;
	const { error, outcome } = failure;
	const readyAt = nextAttemptAt(spec.policies.retry, {
		runId: run.id,
		attempt: run.attempt,
		at,
		retry: failure.retry,
		reason: failure.reason,
		retryAfter: failure.retryAfter,
		waits: failure.waits,
	});
	if (readyAt !== null) return retryLater(run, { at, readyAt, error, outcome });
	if (run.state === 'waiting' && outcome === 'timeout') {
		return expired(run, spec, { at, error, followUps: followUps('expired') });
	}
	const { pause } = failure;
	return failed(run, spec, { at, error, outcome, pause, followUps: followUps('failed') });
}

/** The capability accepted, but did not call back in time, or gave no sign of life for too long. */
export function afterDeadline(
	run: Run,
	spec: RunSpec,
	context: { at: Instant; followUps: MakeFollowUps },
): RunSettlement {
	const isLost = run.beatBy !== null && (run.deadlineAt === null || run.beatBy < run.deadlineAt);
	const failure = isLost
		? heartbeatLost(spec)
		: timedOut({ code: 'DEADLINE_EXCEEDED', message: 'no call back before the deadline' });
	// A sign of life that was answered counts, even if it came while this was being decided.
	return { ...afterFailure(run, spec, failure, context), readBeatBy: run.beatBy };
}

/** How an attempt ends that gave no sign of life within `policies.heartbeat`. */
export function heartbeatLost({ policies }: Pick<RunSpec, 'policies'>): AttemptFailure {
	return timedOut({
		code: 'HEARTBEAT_LOST',
		message: `no sign of life for ${policies.heartbeat ?? 0} ms`,
	});
}

function timedOut(error: Failure): AttemptFailure {
	return { error, outcome: 'timeout', retry: 'later', reason: 'timeout' };
}

/** The engine that held the lease is gone: nobody knows whether the capability did the work. */
export function afterLostLease(
	run: Run,
	spec: RunSpec,
	context: { at: Instant; followUps: MakeFollowUps },
): RunSettlement {
	const { at, followUps } = context;
	const error: Failure = {
		code: 'OUTCOME_UNKNOWN',
		message: 'the engine was lost before the answer was recorded',
	};
	switch (spec.policies.onUnknown) {
		case 'manual':
			return held(run, { at, error });
		case 'fail':
			return failed(run, spec, { at, error, outcome: 'unknown', followUps: followUps('failed') });
		case 'retry':
			// At once: it was the engine that failed, not the capability. Attempts still count, so a run that
			// kills its engine does not do so for ever.
			return run.attempt < spec.policies.retry.attempts
				? retryLater(run, { at, readyAt: at, error, outcome: 'unknown' })
				: failed(run, spec, { at, error, outcome: 'unknown', followUps: followUps('failed') });
	}
}

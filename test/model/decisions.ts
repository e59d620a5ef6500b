import type { RunSettlement } from '../../engine/contract/change.ts';
import type { Run } from '../../engine/contract/run.ts';
import type { Instant } from '../../engine/contract/time.ts';
import type { AttemptFailure } from '../../engine/core/run/outcome.ts';
import { afterDeadline, afterFailure, afterLostLease } from '../../engine/core/run/outcome.ts';
import {
	accepted,
	beatByAfter,
	cancelled,
	requeued,
	succeeded,
} from '../../engine/core/run/transitions.ts';
import { sha256 } from '../support/store-records.ts';
import type { Answer, Model } from './world.ts';
import { NO_FOLLOW_UPS } from './world.ts';

/*
 * What the stages of the pipeline decide, by the engine's own pure functions, for a run without deliveries and
 * notifications. Each names the stage that decides so.
 */

const TEXT = '[]';
const BLOB = { sha256: sha256(TEXT), size: TEXT.length };
const INLINE = new TextEncoder().encode(TEXT);

const NETWORK: AttemptFailure = {
	error: { code: 'TARGET_UNREACHABLE', message: 'no answer' },
	outcome: 'failed',
	retry: 'later',
	reason: 'network',
};
const SAID_SO: AttemptFailure = {
	error: { code: 'CAPABILITY_FAILED', message: 'it did not work' },
	outcome: 'failed',
	retry: 'later',
};

function followUps(): typeof NO_FOLLOW_UPS {
	return NO_FOLLOW_UPS;
}

/** session.ts and callbacks.ts: what the capability returned is kept. `by`: two may try to. */
export function success(
	{ spec }: Model,
	run: Run,
	{ at, by }: { at: Instant; by: string },
): RunSettlement {
	const record = {
		id: `res_${by}_${run.id}_${run.epoch}`,
		tenant: run.tenant,
		runId: run.id,
		encoding: 'json',
		contentType: 'application/json',
		blob: BLOB,
		createdAt: at,
	} as const;
	return succeeded(run, spec.spec, {
		at,
		result: record,
		inline: INLINE,
		followUps: NO_FOLLOW_UPS,
	});
}

/** session.ts: how an attempt came out. */
export function outcome(
	model: Model,
	run: Run,
	{ answer, at }: { answer: Answer; at: Instant },
): RunSettlement {
	const { spec } = model.spec;
	switch (answer) {
		case 'done':
			return success(model, run, { at, by: 'answer' });
		case 'error':
			return afterFailure(run, spec, NETWORK, { at, followUps });
		case 'accepted': {
			const deadlineAt = at + spec.policies.timeout;
			return accepted(run, { at, deadlineAt, beatBy: beatByAfter(at, spec.policies, deadlineAt) });
		}
		case 'gave_up':
			return afterLostLease(run, spec, { at, followUps });
	}
}

/** callbacks.ts: the capability says that it failed. */
export function failure({ spec }: Model, run: Run, at: Instant): RunSettlement {
	return afterFailure(run, spec.spec, SAID_SO, { at, followUps });
}

/** sweep.ts, `takeOver`. */
export function takenOver({ spec }: Model, run: Run, at: Instant): RunSettlement {
	return {
		...afterLostLease(run, spec.spec, { at, followUps }),
		readLeaseUntil: run.leaseUntil,
	};
}

/** sweep.ts, `settleDueRuns`. */
export function dueSettled({ spec }: Model, run: Run, at: Instant): RunSettlement {
	return run.state === 'retrying'
		? requeued(run, { at })
		: afterDeadline(run, spec.spec, { at, followUps });
}

/** invoke.ts and occur.ts. */
export function cancel(run: Run, at: Instant, message: string): RunSettlement {
	return cancelled(run, { at, error: { code: 'CANCELLED', message }, followUps: NO_FOLLOW_UPS });
}

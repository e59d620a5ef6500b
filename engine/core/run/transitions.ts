import type { RunSettlement } from '../../contract/change.ts';
import type { EventDraft, EventType } from '../../contract/event.ts';
import type { ScheduleId } from '../../contract/ids.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { ResultRecord } from '../../contract/result.ts';
import type { AttemptOutcome, AttemptRecord, Failure, Run, RunState } from '../../contract/run.ts';
import { ACTIVE_RUN_STATES, TERMINAL_RUN_STATES } from '../../contract/run.ts';
import type { PauseReason, RunSpec } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import type { FollowUps } from './follow-ups.ts';

/*
 * The life of a run. Every way from one state to another is a function here, and names the state that it
 * leaves and the epoch that it holds:
 *
 *   queued -> running                      claim (the store does it, see Store.claimRuns)
 *   running -> waiting                     accepted        the capability will call back
 *   running -> waiting (held)              held            its outcome is unknown, an operator decides
 *   running | waiting -> succeeded         succeeded
 *   queued -> succeeded                    handedIn        its result came with the request that made it
 *   running | waiting -> failed            failed
 *   waiting -> expired                     expired         no call back in time, no attempt left
 *   running | waiting -> retrying          retryLater
 *   retrying -> queued                     requeued
 *   running -> queued                      released        claimed, but nothing was sent
 *   waiting (held) -> queued               unheld
 *   any but the terminal four -> cancelled cancelled
 *   any but the terminal four -> failed    broken          what it is made of is gone
 *
 * Terminal states absorb: no function leaves one.
 */

const IN_ATTEMPT = ['running', 'waiting'] as const satisfies RunState[];

export function isOver(state: RunState): boolean {
	return (TERMINAL_RUN_STATES as readonly RunState[]).includes(state);
}

export function runEvent(type: EventType, run: Run, at: Instant, data?: JsonObject): EventDraft {
	const subject: Record<string, string> = { runId: run.id };
	if (run.scheduleId !== null) subject['scheduleId'] = run.scheduleId;
	return {
		type,
		tenant: run.tenant,
		at,
		subject,
		data: { capability: run.capability, action: run.action, attempt: run.attempt, ...data },
	};
}

function attemptOf(
	run: Run,
	at: Instant,
	outcome: AttemptOutcome,
	error: Failure | null = null,
): AttemptRecord {
	return {
		runId: run.id,
		epoch: run.epoch,
		attempt: run.attempt,
		owner: run.owner,
		startedAt: run.startedAt ?? at,
		endedAt: at,
		outcome,
		error,
	};
}

/** The attempt of a held run is on record already: as unknown, which it was. */
function attemptEnded(
	run: Run,
	at: Instant,
	outcome: AttemptOutcome,
	error: Failure | null = null,
): Pick<RunSettlement, 'attempt'> {
	return run.held ? {} : { attempt: attemptOf(run, at, outcome, error) };
}

function failureData(error: Failure): JsonObject {
	return { code: error.code, message: error.message };
}

const NO_LEASE = { owner: null, leaseUntil: null, deadlineAt: null, beatBy: null } as const;

/** Until when the next sign of life must come, given one at `at`; null when nothing watches for them. */
export function beatByAfter(
	at: Instant,
	{ heartbeat }: Pick<RunSpec['policies'], 'heartbeat'>,
	deadlineAt: Instant,
): Instant | null {
	return heartbeat === undefined ? null : Math.min(at + heartbeat, deadlineAt);
}

/** The capability accepted the attempt and will call back before `deadlineAt`. The acceptance is a sign of life. */
export function accepted(
	run: Run,
	{ at, deadlineAt, beatBy }: { at: Instant; deadlineAt: Instant; beatBy: Instant | null },
): RunSettlement {
	return {
		runId: run.id,
		tenant: run.tenant,
		from: ['running'],
		epoch: run.epoch,
		set: { state: 'waiting', owner: null, leaseUntil: null, deadlineAt, beatBy },
		timer: { name: 'run.deadline', at: beatBy ?? deadlineAt },
		events: [runEvent('run.waiting', run, at)],
	};
}

export function succeeded(
	run: Run,
	spec: RunSpec,
	ended: { at: Instant; result: ResultRecord; inline: Uint8Array | null; followUps: FollowUps },
): RunSettlement {
	const { at, result, inline, followUps } = ended;
	return {
		runId: run.id,
		tenant: run.tenant,
		from: IN_ATTEMPT,
		epoch: run.epoch,
		set: {
			...NO_LEASE,
			state: 'succeeded',
			endedAt: at,
			resultId: result.id,
			error: null,
			held: false,
		},
		timer: null,
		...attemptEnded(run, at, 'succeeded'),
		result: { record: result, inline },
		...followUps,
		...scheduleEffect(run, spec, at, false),
		events: [
			runEvent('run.succeeded', run, at, { resultId: result.id, size: result.blob.size }),
			...followUpEvents(run, at, followUps),
		],
	};
}

/** Its result came with the request that made it: nobody is asked, and it is over in the commit that adds it. */
export function handedIn(
	run: Run,
	spec: RunSpec,
	ended: { at: Instant; result: ResultRecord; inline: Uint8Array | null; followUps: FollowUps },
): RunSettlement {
	const { attempt: _none, timer: _neither, ...settlement } = succeeded(run, spec, ended);
	return {
		...settlement,
		from: ['queued'],
		set: { ...settlement.set, startedAt: ended.at },
	};
}

/** Ends the run as failed for good. `outcome` tells how its last attempt ended. */
export function failed(
	run: Run,
	spec: RunSpec,
	ended: {
		at: Instant;
		error: Failure;
		outcome: AttemptOutcome;
		followUps: FollowUps;
		/** Why the schedule is to be paused, whatever its policies say. */
		pause?: PauseReason | undefined;
	},
): RunSettlement {
	return endedBadly(run, spec, { ...ended, state: 'failed', from: IN_ATTEMPT });
}

/** Nothing came back before the deadline and there is no attempt left. */
export function expired(
	run: Run,
	spec: RunSpec,
	ended: { at: Instant; error: Failure; followUps: FollowUps },
): RunSettlement {
	return endedBadly(run, spec, {
		...ended,
		outcome: 'timeout',
		state: 'expired',
		from: ['waiting'],
	});
}

function endedBadly(
	run: Run,
	spec: RunSpec,
	ended: {
		at: Instant;
		error: Failure;
		outcome: AttemptOutcome;
		followUps: FollowUps;
		state: 'failed' | 'expired';
		from: readonly RunState[];
		pause?: PauseReason | undefined;
	},
): RunSettlement {
	const { at, error, outcome, followUps, state, from } = ended;
	return {
		runId: run.id,
		tenant: run.tenant,
		from,
		epoch: run.epoch,
		set: { ...NO_LEASE, state, endedAt: at, error, held: false },
		timer: null,
		...attemptEnded(run, at, outcome, error),
		...followUps,
		...(ended.pause === undefined || run.scheduleId === null
			? scheduleEffect(run, spec, at, true)
			: pausing(run.scheduleId, at, { reason: ended.pause, message: error.message })),
		events: [
			runEvent(`run.${state}`, run, at, failureData(error)),
			...followUpEvents(run, at, followUps),
		],
	};
}

/** Another attempt follows at `readyAt`. */
export function retryLater(
	run: Run,
	next: { at: Instant; readyAt: Instant; error: Failure; outcome: AttemptOutcome },
): RunSettlement {
	const { at, readyAt, error, outcome } = next;
	return {
		runId: run.id,
		tenant: run.tenant,
		from: IN_ATTEMPT,
		epoch: run.epoch,
		set: { ...NO_LEASE, state: 'retrying', readyAt, error, held: false },
		timer: { name: 'run.retry', at: readyAt },
		attempt: attemptOf(run, at, outcome, error),
		events: [
			...(outcome === 'unknown' ? [runEvent('run.attempt_unknown', run, at)] : []),
			runEvent('run.retrying', run, at, {
				...failureData(error),
				readyAt: new Date(readyAt).toISOString(),
			}),
		],
	};
}

export function requeued(run: Run, { at }: { at: Instant }): RunSettlement {
	return {
		runId: run.id,
		tenant: run.tenant,
		from: ['retrying'],
		epoch: run.epoch,
		set: { state: 'queued' },
		timer: null,
		events: [runEvent('run.queued', run, at)],
	};
}

/** Gives a claim back: nothing was sent, so the attempt does not count. */
export function released(run: Run, { at }: { at: Instant }): RunSettlement {
	return {
		runId: run.id,
		tenant: run.tenant,
		from: ['running'],
		epoch: run.epoch,
		set: { ...NO_LEASE, state: 'queued', attempt: run.attempt - 1 },
		events: [runEvent('run.queued', run, at, { released: true })],
	};
}

/** The engine was lost between send and reply, and the policy leaves the decision to an operator. */
export function held(run: Run, { at, error }: { at: Instant; error: Failure }): RunSettlement {
	return {
		runId: run.id,
		tenant: run.tenant,
		from: ['running'],
		epoch: run.epoch,
		set: { ...NO_LEASE, state: 'waiting', held: true, error },
		timer: null,
		attempt: attemptOf(run, at, 'unknown', error),
		events: [runEvent('run.attempt_unknown', run, at), runEvent('run.held', run, at)],
	};
}

/** An operator lets a held run go again, as the same run under the same key. */
export function unheld(run: Run, { at }: { at: Instant }): RunSettlement {
	return {
		runId: run.id,
		tenant: run.tenant,
		from: ['waiting'],
		epoch: run.epoch,
		set: { ...NO_LEASE, state: 'queued', held: false, readyAt: at },
		timer: null,
		events: [runEvent('run.queued', run, at, { unheld: true })],
	};
}

export function cancelled(
	run: Run,
	{ at, error, followUps }: { at: Instant; error: Failure; followUps: FollowUps },
): RunSettlement {
	const begun = run.state === 'running' || (run.state === 'waiting' && !run.held);
	return {
		runId: run.id,
		tenant: run.tenant,
		from: ACTIVE_RUN_STATES,
		// Whoever holds the lease loses it: the state no longer is one that its write leaves.
		epoch: null,
		set: { ...NO_LEASE, state: 'cancelled', endedAt: at, error, held: false },
		timer: null,
		...(begun ? { attempt: attemptOf(run, at, 'cancelled', error) } : {}),
		...followUps,
		events: [
			runEvent('run.cancelled', run, at, failureData(error)),
			...followUpEvents(run, at, followUps),
		],
	};
}

/** What the run is made of is gone: it can neither go on nor tell anybody. */
export function broken(run: Run, { at, error }: { at: Instant; error: Failure }): RunSettlement {
	return {
		runId: run.id,
		tenant: run.tenant,
		from: ACTIVE_RUN_STATES,
		epoch: run.epoch,
		set: { ...NO_LEASE, state: 'failed', endedAt: at, error, held: false },
		timer: null,
		events: [runEvent('run.failed', run, at, failureData(error))],
	};
}

/** The capability said how far it is, which is a sign of life too. Changes no state. */
export function progressed(
	run: Run,
	{ at, progress, beatBy }: { at: Instant; progress: JsonObject; beatBy: Instant | null },
): RunSettlement {
	return {
		...alive(run, { beatBy }),
		set: { progress, ...(beatBy === null ? {} : { beatBy }) },
		events: [runEvent('run.progress', run, at, { progress })],
	};
}

/** The capability gave a sign of life. Changes no state, and is too frequent to be an event. */
export function alive(run: Run, { beatBy }: { beatBy: Instant | null }): RunSettlement {
	return {
		runId: run.id,
		tenant: run.tenant,
		from: IN_ATTEMPT,
		epoch: run.epoch,
		set: beatBy === null ? {} : { beatBy },
		events: [],
	};
}

function scheduleEffect(
	run: Run,
	spec: RunSpec,
	at: Instant,
	hasFailed: boolean,
): Pick<RunSettlement, 'schedule'> {
	const policy = spec.policies.pauseOnFailure;
	// A backfill goes over old ground: what fails there says nothing of today.
	if (policy === false || run.scheduleId === null || run.backfillId !== null) return {};
	const pauseAt = policy === true ? 1 : policy;
	return { schedule: { id: run.scheduleId, failed: hasFailed, pauseAt, at } };
}

/** At the first failure. */
function pausing(
	id: ScheduleId,
	at: Instant,
	why: { reason: PauseReason; message: string },
): Pick<RunSettlement, 'schedule'> {
	return { schedule: { id, failed: true, pauseAt: 1, at, ...why } };
}

function followUpEvents(run: Run, at: Instant, { deliveries, links }: FollowUps): EventDraft[] {
	if (deliveries.length === 0 && links.length === 0) return [];
	const subject = runEvent('link.created', run, at).subject;
	return [
		...deliveries.map((delivery): EventDraft => ({
			type: 'delivery.pending',
			tenant: run.tenant,
			at,
			subject: { ...subject, deliveryId: delivery.id },
			data: { target: delivery.targetKey },
		})),
		...links.map((link): EventDraft => ({
			type: 'link.created',
			tenant: run.tenant,
			at,
			subject: { ...subject, linkId: link.id },
		})),
	];
}

import type { DeliverySettlement, DisabledTarget } from '../../contract/change.ts';
import type { DeliveryState, Place, Receipt, Target } from '../../contract/delivery.ts';
import type { ErrorCode, RetryVerdict } from '../../contract/errors.ts';
import type { EventDraft, EventType } from '../../contract/event.ts';
import type { NewId } from '../../contract/ids.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { PackageStep } from '../../contract/packaging.ts';
import type { Delivery, DeliveryAttempt, Failure } from '../../contract/run.ts';
import type { Duration, Instant } from '../../contract/time.ts';
import { spread } from '../spread.ts';

/*
 * The life of a delivery, the same for every channel; notifications live alike.
 *
 *   pending | failed -> sending   claim (the store does it)
 *   sending -> delivered          on the channel's own receipt
 *   sending -> skipped            its condition does not hold
 *   sending -> failed             another attempt follows
 *   sending -> dead               no attempt left, or it can never work; the next fallback takes over
 *   sending -> pending            released: claimed, but nothing was sent
 *   sending -> pending | failed   held back: not its turn at the place that it goes to, or the store is away
 *   dead -> discarded             nobody wants it any more
 *   dead | delivered | discarded -> pending   replayed, with the identical bytes
 */

export const NO_LEASE = { owner: null, leaseUntil: null } as const;

const SETTLED: readonly DeliveryState[] = ['delivered', 'dead', 'skipped', 'discarded'];
/** What a replay begins from. */
export const REPLAYABLE: readonly DeliveryState[] = ['dead', 'delivered', 'discarded'];

export function isSettled({ state }: Pick<Delivery, 'state'>): boolean {
	return SETTLED.includes(state);
}

/** Whether it is over and nothing has arrived. */
export function isLost({ state }: Pick<Delivery, 'state'>): boolean {
	return state === 'dead' || state === 'discarded';
}

export function deliveryEvent(
	type: EventType,
	delivery: Delivery,
	at: Instant,
	data?: JsonObject,
): EventDraft {
	const subject: Record<string, string> = { deliveryId: delivery.id, runId: delivery.runId };
	if (delivery.scheduleId !== null) subject['scheduleId'] = delivery.scheduleId;
	return {
		type,
		tenant: delivery.tenant,
		at,
		subject,
		data: { target: delivery.targetKey, attempt: delivery.attempt, ...data },
	};
}

function attemptOf(
	delivery: Delivery,
	times: { startedAt: Instant; at: Instant },
	outcome: DeliveryAttempt['outcome'],
	error: Failure | null = null,
): DeliveryAttempt {
	return {
		deliveryId: delivery.id,
		epoch: delivery.epoch,
		attempt: delivery.attempt,
		startedAt: times.startedAt,
		endedAt: times.at,
		outcome,
		error,
	};
}

interface Sent {
	startedAt: Instant;
	at: Instant;
	/** The bytes that were sent or tried, so that a later attempt or a replay sends the same. */
	artifact: Delivery['artifact'];
}

function base(
	delivery: Delivery,
): Pick<DeliverySettlement, 'deliveryId' | 'tenant' | 'from' | 'epoch'> {
	return {
		deliveryId: delivery.id,
		tenant: delivery.tenant,
		from: ['sending'],
		epoch: delivery.epoch,
	};
}

export function delivered(
	delivery: Delivery,
	sent: Sent & { receipt: Receipt },
): DeliverySettlement {
	const { at, receipt, artifact } = sent;
	return {
		...base(delivery),
		set: { ...NO_LEASE, state: 'delivered', endedAt: at, receipt, error: null, artifact },
		attempt: attemptOf(delivery, sent, 'delivered'),
		events: [
			deliveryEvent('delivery.delivered', delivery, at, {
				location: receipt.location,
				size: receipt.size,
				sha256: receipt.sha256,
				...(receipt.notices === undefined
					? {}
					: { notices: receipt.notices.map((notice) => ({ ...notice })) }),
			}),
		],
	};
}

export function skipped(
	delivery: Delivery,
	{ startedAt, at, reason }: { startedAt: Instant; at: Instant; reason: string },
): DeliverySettlement {
	return {
		...base(delivery),
		set: { ...NO_LEASE, state: 'skipped', endedAt: at, error: null },
		attempt: attemptOf(delivery, { startedAt, at }, 'skipped'),
		events: [deliveryEvent('delivery.skipped', delivery, at, { reason })],
	};
}

export interface SendFailure {
	error: Failure;
	outcome: 'failed' | 'timeout' | 'unknown';
	retry: RetryVerdict;
	retryAfter?: Duration | undefined;
	disable?: boolean | undefined;
}

/** What becomes of a delivery whose attempt failed: another attempt, or death and the next fallback. */
export function afterSendFailure(
	delivery: Delivery,
	failure: SendFailure,
	context: Sent & { retries: readonly Duration[]; newId: NewId },
): DeliverySettlement {
	const { at, artifact, retries, newId } = context;
	const { error, outcome } = failure;
	const nextAt = nextSendAt(delivery.id, { ...failure, attempt: delivery.attempt, at, retries });
	const { deadlineAt } = delivery;
	const late = nextAt !== null && deadlineAt !== null && nextAt >= deadlineAt;
	const dueAt = late ? null : nextAt;
	const attempt = attemptOf(delivery, context, outcome, error);
	const data = { code: error.code, message: error.message, ...(late ? { late } : {}) };
	if (dueAt !== null) {
		return {
			...base(delivery),
			set: { ...NO_LEASE, state: 'failed', dueAt, error, artifact },
			attempt,
			events: [
				deliveryEvent('delivery.failed', delivery, at, {
					...data,
					nextAt: new Date(dueAt).toISOString(),
				}),
			],
		};
	}
	const next = fallbackOf(delivery, { at, newId, code: error.code });
	return {
		...base(delivery),
		set: {
			...NO_LEASE,
			state: 'dead',
			endedAt: at,
			error: late ? outOfTime(error) : error,
			artifact,
		},
		attempt,
		...(next === null ? {} : { next }),
		...(failure.disable === true ? { disable: disabled(delivery, at) } : {}),
		events: [
			deliveryEvent('delivery.dead', delivery, at, data),
			...(next === null
				? []
				: [deliveryEvent('delivery.fallback', next, at, { insteadOf: delivery.id })]),
			...(failure.disable === true
				? [deliveryEvent('delivery.target_disabled', delivery, at, { reason: GONE })]
				: []),
		],
	};
}

/** The last failure, and that there was no time for another attempt. */
function outOfTime(error: Failure): Failure {
	return { ...error, message: `${error.message}; its deadline comes before another attempt` };
}

export const GONE = 'the endpoint answered 410 Gone';

function disabled(delivery: Delivery, at: Instant): DisabledTarget {
	return {
		scheduleId: delivery.scheduleId,
		targetKey: delivery.targetKey,
		destination: delivery.target.destination ?? null,
		reason: GONE,
		at,
	};
}

/**
 * The delivery that takes over when this one is dead, with the fallbacks that are left: the first that is for
 * such a failure. Null: there is none.
 */
export function fallbackOf(
	delivery: Delivery,
	{ at, newId, code }: { at: Instant; newId: NewId; code: ErrorCode },
): Delivery | null {
	const chosen = delivery.fallbacks.findIndex(({ on }) => on?.includes(code) ?? true);
	const target = delivery.fallbacks[chosen];
	if (target === undefined) return null;
	const fallbacks = delivery.fallbacks.slice(chosen + 1);
	return {
		...delivery,
		id: newId('delivery'),
		targetKey: target.key,
		target,
		fallbacks,
		...NO_LEASE,
		state: 'pending',
		epoch: 0,
		attempt: 0,
		dueAt: at,
		createdAt: at,
		endedAt: null,
		artifact: null,
		receipt: null,
		error: null,
		deadlineAt: target.within === undefined ? null : at + target.within,
	};
}

export function released(delivery: Delivery, { at }: { at: Instant }): DeliverySettlement {
	return {
		...base(delivery),
		set: { ...NO_LEASE, state: 'pending', dueAt: at, attempt: delivery.attempt - 1 },
		events: [deliveryEvent('delivery.pending', delivery, at, { released: true })],
	};
}

/** Why a delivery that is due goes back: its place is not to be called now, it is not its turn, or the store is away. */
export type HeldWhy = 'circuit' | 'rate' | 'parallel' | 'share' | 'storage';

/** It was not its turn, or the store's fault: no attempt is counted. */
export function heldBack(
	delivery: Delivery,
	wait: {
		at: Instant;
		dueAt: Instant;
		why: HeldWhy;
		artifact: Delivery['artifact'];
		error: Failure | null;
	},
): DeliverySettlement {
	const { at, dueAt, why, artifact, error } = wait;
	const attempt = delivery.attempt - 1;
	const state = attempt === 0 ? 'pending' : 'failed';
	return {
		...base(delivery),
		set: { ...NO_LEASE, state, dueAt, attempt, artifact, error },
		events: [
			deliveryEvent(`delivery.${state}`, delivery, at, {
				held: why,
				nextAt: new Date(dueAt).toISOString(),
			}),
		],
	};
}

/** Off the list of dead letters. Its bytes are kept as long as its run, so it can still be replayed. */
export function discarded(delivery: Delivery, { at }: { at: Instant }): DeliverySettlement {
	return {
		deliveryId: delivery.id,
		tenant: delivery.tenant,
		from: ['dead'],
		epoch: delivery.epoch,
		set: { state: 'discarded' },
		events: [deliveryEvent('delivery.discarded', delivery, at)],
	};
}

/** Sends the identical stored bytes again, counted from the first attempt. */
export function replayed(delivery: Delivery, { at }: { at: Instant }): DeliverySettlement {
	return {
		deliveryId: delivery.id,
		tenant: delivery.tenant,
		from: [...REPLAYABLE],
		epoch: delivery.epoch,
		set: { state: 'pending', dueAt: at, endedAt: null, attempt: 0, error: null, deadlineAt: null },
		events: [deliveryEvent('delivery.replayed', delivery, at)],
	};
}

interface Elsewhere {
	at: Instant;
	id: Delivery['id'];
	place: Place;
	/** Seals the packaging's secrets for the new delivery, whose target has that key. */
	repack?: (steps: readonly PackageStep[], key: string) => PackageStep[];
}

/**
 * The same bytes to another place, as a delivery of its own beside this one, which stays what it is. Its key
 * begins as that of the target that it stands for: what reaches the one has reached the other.
 */
export function replayedElsewhere(
	delivery: Delivery,
	{ at, id, place, repack = (steps) => [...steps] }: Elsewhere,
): { settlement: DeliverySettlement; next: Delivery } {
	const { key: oldKey, format, options, filename, package: packed, sidecars } = delivery.target;
	const key = `${oldKey.split('.')[0] ?? oldKey}.r${id.slice(-8)}`;
	const target: Target = {
		...place,
		key,
		format,
		options,
		filename,
		...(packed === undefined ? {} : { package: repack(packed, key) }),
		...(sidecars === undefined ? {} : { sidecars }),
		when: 'always',
	};
	const next: Delivery = {
		...delivery,
		...NO_LEASE,
		id,
		targetKey: key,
		target,
		fallbacks: [],
		sealedFor: id,
		state: 'pending',
		epoch: 0,
		attempt: 0,
		dueAt: at,
		createdAt: at,
		endedAt: null,
		receipt: null,
		error: null,
		deadlineAt: null,
	};
	return {
		next,
		settlement: {
			deliveryId: delivery.id,
			tenant: delivery.tenant,
			from: [...REPLAYABLE],
			epoch: delivery.epoch,
			set: {},
			next,
			events: [deliveryEvent('delivery.replayed', delivery, at, { as: id, target: key })],
		},
	};
}

// -- retry times, for deliveries and notifications

interface FailedSend {
	retry: RetryVerdict;
	retryAfter?: Duration | undefined;
	/** Number of the attempt that failed, from 1. */
	attempt: number;
	at: Instant;
	/** Waits before the second, third … attempt. */
	retries: readonly Duration[];
}

const MAX_RETRY_AFTER: Duration = 86_400_000;

/** When the next attempt is due; null: that was the last. Waits get up to a tenth of jitter on top. */
export function nextSendAt(id: string, failed: FailedSend): Instant | null {
	const wait = failed.retries[failed.attempt - 1];
	if (failed.retry === 'never' || wait === undefined) return null;
	const jittered = Math.round(wait * (1 + 0.1 * spread(`${id}#${failed.attempt}`)));
	return failed.at + Math.max(jittered, Math.min(failed.retryAfter ?? 0, MAX_RETRY_AFTER));
}

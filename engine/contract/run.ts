import type { DeliveryState, Receipt, Target } from './delivery.ts';
import type { Sealed } from './sealed.ts';
import type { Trigger } from './envelope.ts';
import type { ErrorCode } from './errors.ts';
import type {
	BackfillId,
	DeliveryId,
	EngineId,
	LinkId,
	NotificationId,
	ResultId,
	RunId,
	ScheduleId,
} from './ids.ts';
import type { JsonObject } from './json.ts';
import type { NamedFile } from './packaging.ts';
import type { BlobRef, FormatNotice } from './result.ts';
import type { Instant } from './time.ts';

/** `queued -> running -> (waiting) -> succeeded | failed | cancelled | expired`, `running | waiting -> retrying -> queued`. */
export const RUN_STATES = [
	'queued',
	'running',
	'waiting',
	'retrying',
	'succeeded',
	'failed',
	'cancelled',
	'expired',
] as const;
export type RunState = (typeof RUN_STATES)[number];

export const TERMINAL_RUN_STATES = [
	'succeeded',
	'failed',
	'cancelled',
	'expired',
] as const satisfies RunState[];
export const ACTIVE_RUN_STATES = [
	'queued',
	'running',
	'waiting',
	'retrying',
] as const satisfies RunState[];

/** `pending -> met | missed`, once. */
export const SLA_STATES = ['pending', 'met', 'missed'] as const;
export type SlaState = (typeof SLA_STATES)[number];

export interface Failure {
	code: ErrorCode;
	message: string;
	/** The capability's own code, where it gave one. */
	detail?: string;
}

export interface Run {
	id: RunId;
	tenant: string;
	scheduleId: ScheduleId | null;
	specId: string;
	capability: string;
	action: string;
	trigger: Trigger;
	/** The occurrence's instant; null when no occurrence made the run. */
	nominalAt: Instant | null;
	/** Where the occurrence was before somebody moved it to `nominalAt`; null when nobody did. */
	movedFrom: Instant | null;
	/** The nominal instant before, for `window`. */
	windowStart: Instant | null;
	/** The backfill that made it; null for all other runs. */
	backfillId: BackfillId | null;
	createdAt: Instant;
	/** From when on it may be claimed. */
	readyAt: Instant;
	state: RunState;
	/** Rises with every claim; a write with another epoch changes nothing. */
	epoch: number;
	/** Attempts begun so far. */
	attempt: number;
	owner: EngineId | null;
	leaseUntil: Instant | null;
	/** When the running attempt times out; asynchronous ones wait until then. */
	deadlineAt: Instant | null;
	/**
	 * When the running attempt counts as lost unless it gives a sign of life before; null while nothing watches
	 * it. Each sign puts it off, but no further than to `deadlineAt`.
	 */
	beatBy: Instant | null;
	/** Of the runs that are ready, the highest goes first: -100 to 100, 0 by default. */
	priority: number;
	/** Runs with the same key go one at a time, in the order of their creation (overlap: buffer). */
	serialKey: string | null;
	/** Runs with the same key go `concurrencyLimit` at a time. */
	concurrencyKey: string | null;
	/** It may begin while fewer runs than this hold its key; 1 without a key. */
	concurrencyLimit: number;
	/** By when it must have succeeded and be delivered; null without an SLA. */
	slaDueAt: Instant | null;
	slaState: SlaState | null;
	/** When it was known whether the SLA was met. */
	slaSettledAt: Instant | null;
	/** Held for an operator after an unknown outcome (`onUnknown: manual`); state is then `waiting`. */
	held: boolean;
	startedAt: Instant | null;
	endedAt: Instant | null;
	resultId: ResultId | null;
	error: Failure | null;
	/** The capability's last word on how far it is. */
	progress: JsonObject | null;
}

/** How one attempt ended. `unknown`: its engine was lost between the send and the reply. */
export type AttemptOutcome =
	'succeeded' | 'failed' | 'timeout' | 'unknown' | 'cancelled' | 'released';

/** Written when the attempt ends; while it lasts, the run itself tells. */
export interface AttemptRecord {
	runId: RunId;
	epoch: number;
	attempt: number;
	owner: EngineId | null;
	startedAt: Instant;
	endedAt: Instant;
	outcome: AttemptOutcome;
	error: Failure | null;
}

export interface Delivery {
	id: DeliveryId;
	tenant: string;
	runId: RunId;
	scheduleId: ScheduleId | null;
	/** `Target.key`; unique in a run. */
	targetKey: string;
	target: Target;
	/** Fallbacks still to be tried, in order. */
	fallbacks: Target[];
	/** The record whose id is bound into the sealed secrets of `target`; see RunSpec. */
	sealedFor: string;
	state: DeliveryState;
	epoch: number;
	attempt: number;
	owner: EngineId | null;
	leaseUntil: Instant | null;
	/** When the next attempt is due. */
	dueAt: Instant;
	createdAt: Instant;
	endedAt: Instant | null;
	/** The stored bytes that are sent, once rendered: a replay sends the same. */
	artifact: SentArtifact | null;
	receipt: Receipt | null;
	error: Failure | null;
	/** Of those that are due, the highest goes first: -100 to 100; that of its run unless its target has one. */
	priority: number;
	/** Until when it must have been delivered; then it is dead. Null: as long as it has attempts. */
	deadlineAt: Instant | null;
}

/** Bytes as they are sent. */
export interface SentArtifact extends BlobRef {
	contentType: string;
	filename: string;
	/** What it was rendered in; of an archive the formats of all its files. A destination may allow only some. */
	formats?: string[];
	notices?: FormatNotice[];
	/** What is in it, of an archive. */
	contents?: NamedFile[];
}

export interface DeliveryAttempt {
	deliveryId: DeliveryId;
	epoch: number;
	attempt: number;
	startedAt: Instant;
	endedAt: Instant;
	outcome: 'delivered' | 'failed' | 'timeout' | 'unknown' | 'released' | 'skipped';
	error: Failure | null;
}

/** `held` until its run's deliveries are settled (or `dueAt` comes), then as a delivery. */
export const NOTIFICATION_STATES = ['pending', 'sending', 'delivered', 'failed', 'dead'] as const;
export type NotificationState = (typeof NOTIFICATION_STATES)[number];

export interface Notification {
	id: NotificationId;
	tenant: string;
	runId: RunId;
	scheduleId: ScheduleId | null;
	/** `NotifySpec.key`; unique in a run. */
	notifyKey: string;
	state: NotificationState;
	epoch: number;
	attempt: number;
	owner: EngineId | null;
	leaseUntil: Instant | null;
	dueAt: Instant;
	createdAt: Instant;
	endedAt: Instant | null;
	/** The result link's URL, sealed; erased when the notification has ended. */
	sealedUrl: Sealed | null;
	/** The exact body of the first attempt, sealed, so that every attempt sends the same bytes. */
	sealedBody: Sealed | null;
	status: number | null;
	error: Failure | null;
}

export interface Link {
	id: LinkId;
	tenant: string;
	runId: RunId;
	resultId: ResultId;
	/** SHA-256 of the token's secret, hexadecimal. */
	secretHash: string;
	format: string;
	options: JsonObject;
	/** Whether `?format=` may ask for another format. */
	anyFormat: boolean;
	expiresAt: Instant;
	maxUses: number | null;
	uses: number;
	revokedAt: Instant | null;
	createdAt: Instant;
}

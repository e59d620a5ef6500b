import type { Calendar, Calendars } from './calendar.ts';
import type { DeliveryState } from './delivery.ts';
import type { EventDraft } from './event.ts';
import type { DeliveryId, NotificationId, RunId, ScheduleId } from './ids.ts';
import type { ArtifactRecord, ResultRecord } from './result.ts';
import type {
	AttemptRecord,
	Delivery,
	DeliveryAttempt,
	Link,
	Notification,
	NotificationState,
	Run,
	RunState,
	SlaState,
} from './run.ts';
import type {
	LedgerRow,
	PauseReason,
	RunSpec,
	Schedule,
	ScheduleState,
	SpecRecord,
} from './schedule.ts';
import type { Instant } from './time.ts';

/*
 * Decisions as data: the pure core makes them, a store applies each in one guarded commit.
 */

/** A schedule whose timer is due, with what the decision needs. */
export interface DueSchedule {
	schedule: Schedule;
	spec: RunSpec;
	/**
	 * Runs of the schedule that are not over, oldest first. All of them with `overlap: cancel_other`; else two
	 * at most, since no rule asks for more and there may be very many.
	 */
	active: Run[];
	/** The calendars that its timing names, in the versions in force. */
	calendars: Calendars;
}

/** What the due instants of one schedule become. */
export interface OccurrenceDecision {
	/** Guarded: applied only while the schedule's `nextAt` and `revision` are those that were read. */
	ledger: LedgerRow[];
	runs: Run[];
	/** For overlap `cancel_other`: settlements of the runs to be cancelled. */
	settle: RunSettlement[];
	set: Pick<
		Schedule,
		| 'state'
		| 'lastAt'
		| 'windowFrom'
		| 'nextAt'
		| 'dueAt'
		| 'overrides'
		| 'runsMade'
		| 'pauses'
		| 'updatedAt'
	>;
	/** When the schedule's timer is due next (`set.dueAt`); null when there is nothing more to come. */
	timerAt: Instant | null;
	events: EventDraft[];
}

/** A schedule whose next instant was worked out by what is not in force any more. */
export interface Retimed {
	schedule: Schedule;
	/** The calendars that its timing names, in the versions in force. */
	calendars: Calendars;
	/** Those of them that changed. */
	changed: Calendar[];
}

/** What is due next by what is in force now. */
export interface RetimingDecision {
	set: Pick<Schedule, 'state' | 'nextAt' | 'dueAt' | 'zoneData'>;
	events: EventDraft[];
}

/** A target that answered 410: an inline one is remembered as disabled, a destination is switched off. */
export interface DisabledTarget {
	scheduleId: ScheduleId | null;
	targetKey: string;
	destination: string | null;
	reason: string;
	at: Instant;
}

/**
 * A guarded change of a run, with all that must be committed together with it.
 * Applied only when the run is in one of the states `from` and, unless `epoch` is null, has that epoch.
 */
export interface RunSettlement {
	runId: RunId;
	tenant: string;
	from: readonly RunState[];
	epoch: number | null;
	/** If given, applied only while `beatBy` is still this: no sign of life came in between. */
	readBeatBy?: Instant | null;
	/** If given, applied only while `leaseUntil` is still this: its holder did not renew it in between. */
	readLeaseUntil?: Instant | null;
	/** If given, applied only while `slaState` is still this. */
	readSlaState?: SlaState;
	set: Partial<
		Pick<
			Run,
			| 'state'
			| 'readyAt'
			| 'owner'
			| 'leaseUntil'
			| 'deadlineAt'
			| 'beatBy'
			| 'slaState'
			| 'slaSettledAt'
			| 'held'
			| 'startedAt'
			| 'endedAt'
			| 'resultId'
			| 'error'
			| 'progress'
			| 'attempt'
		>
	>;
	/**
	 * Sets or removes the timer of the run's state; undefined leaves it as it is, but a new `beatBy` of a run in
	 * `waiting` moves `run.deadline` along. That of its SLA goes when `slaState` is set.
	 */
	timer?: { name: 'run.retry' | 'run.deadline'; at: Instant } | null;
	attempt?: AttemptRecord;
	result?: { record: ResultRecord; inline: Uint8Array | null };
	links?: Link[];
	deliveries?: Delivery[];
	notifications?: Notification[];
	/**
	 * For `pauseOnFailure`: counts failed runs in a row, and pauses at `pauseAt`, for that reason; `message` is told
	 * with the event.
	 */
	schedule?: {
		id: ScheduleId;
		failed: boolean;
		pauseAt: number | null;
		at: Instant;
		reason?: PauseReason;
		message?: string;
	};
	events: EventDraft[];
}

/** A guarded change of a delivery: only from `from` and with that epoch. */
export interface DeliverySettlement {
	deliveryId: DeliveryId;
	tenant: string;
	from: readonly DeliveryState[];
	epoch: number | null;
	/** See RunSettlement. */
	readLeaseUntil?: Instant | null;
	set: Partial<
		Pick<
			Delivery,
			| 'state'
			| 'owner'
			| 'leaseUntil'
			| 'dueAt'
			| 'endedAt'
			| 'receipt'
			| 'error'
			| 'attempt'
			| 'artifact'
			| 'deadlineAt'
		>
	>;
	attempt?: DeliveryAttempt;
	/** The rendered artifact, to be kept with it. */
	artifact?: { record: ArtifactRecord; inline: Uint8Array | null };
	/** The fallback that takes over. Ignored when its (run, targetKey) exists. */
	next?: Delivery;
	disable?: DisabledTarget;
	events: EventDraft[];
}

export interface NotificationSettlement {
	notificationId: NotificationId;
	tenant: string;
	from: readonly NotificationState[];
	epoch: number | null;
	/** See RunSettlement. */
	readLeaseUntil?: Instant | null;
	set: Partial<
		Pick<
			Notification,
			| 'state'
			| 'owner'
			| 'leaseUntil'
			| 'dueAt'
			| 'endedAt'
			| 'sealedUrl'
			| 'sealedBody'
			| 'status'
			| 'error'
			| 'attempt'
		>
	>;
	disable?: DisabledTarget;
	events: EventDraft[];
}

/** What people do to a schedule, with all that must be committed together with it. */
export interface ScheduleChange {
	tenant: string;
	id: ScheduleId;
	from: readonly ScheduleState[];
	expected?: number;
	readNextAt: Instant | null;
	set: Partial<
		Pick<
			Schedule,
			| 'name'
			| 'action'
			| 'labels'
			| 'metadata'
			| 'state'
			| 'pauseReason'
			| 'pauses'
			| 'specId'
			| 'timing'
			| 'timedAt'
			| 'lastAt'
			| 'nextAt'
			| 'dueAt'
			| 'overrides'
			| 'zoneData'
			| 'failures'
			| 'updatedAt'
		>
	>;
	timerAt: Instant | null;
	/** Those with which `nextAt` was worked out, if it is set; without, it is worked out again soon. */
	calendars?: Calendars;
	/** Stored with it; the destinations that it names replace those of the spec before. */
	spec?: SpecRecord;
	/** Outcomes that the change itself brings. */
	ledger?: LedgerRow[];
	/** Whose memory goes: that a target was disabled, and what it got last. */
	forget?: readonly ('delivery' | 'notify')[];
	/** Cancels runs in the same commit. */
	settle: RunSettlement[];
	events: EventDraft[];
}

import type { KeyRecord } from '../contract/access.ts';
import type { Calendars } from '../contract/calendar.ts';
import type { Capability } from '../contract/capability.ts';
import type {
	DeliverySettlement,
	DueSchedule,
	NotificationSettlement,
	OccurrenceDecision,
	RunSettlement,
	ScheduleChange,
} from '../contract/change.ts';
import type { Destination } from '../contract/destination.ts';
import type { EventDraft, StoredEvent } from '../contract/event.ts';
import type {
	BackfillId,
	DeliveryId,
	DestinationId,
	EngineId,
	KeyId,
	LinkId,
	ResultId,
	RunId,
	ScheduleId,
} from '../contract/ids.ts';
import type { ArtifactRecord, ResultRecord } from '../contract/result.ts';
import type {
	AttemptRecord,
	Delivery,
	DeliveryAttempt,
	Link,
	Notification,
	Run,
	RunState,
} from '../contract/run.ts';
import type {
	LedgerRow,
	RunSpec,
	Schedule,
	ScheduleState,
	SpecRecord,
} from '../contract/schedule.ts';
import type { DeliveryState } from '../contract/delivery.ts';
import type { ShareOut } from '../contract/share.ts';
import type { Duration, Instant } from '../contract/time.ts';
import type { Archive } from './archive.port.ts';
import type { BackfillStore } from './backfill.port.ts';
import type { BlobStore } from './blob.port.ts';
import type { CalendarStore } from './calendar-store.port.ts';
import type { DoctorStore } from './doctor.port.ts';
import type { SharedStateStore } from './shared-state.port.ts';
import type { IdempotencyRecord, Once, Page, PageRequest } from './shared.port.ts';

export type { Finding } from './doctor.port.ts';
export type { IdempotencyRecord, Once, Page, PageRequest } from './shared.port.ts';
export type {
	DeliverySettlement,
	DueSchedule,
	NotificationSettlement,
	OccurrenceDecision,
	RunSettlement,
} from '../contract/change.ts';

/**
 * The truth. Each method is one commit (or part of a shared one) and is durable when its promise resolves.
 * Every state write names the state it leaves and, where a lease is held, its epoch; what does not match
 * changes nothing and is reported as such. Decisions are made outside, by pure functions.
 *
 * Timers are Agenda jobs in Agenda's own store, written in the same commit as what they belong to:
 *
 * | job name         | one per                          | key        | due at                     |
 * |------------------|----------------------------------|------------|----------------------------|
 * | `schedule.due`   | active schedule                  | scheduleId | its `dueAt`                |
 * | `run.retry`      | run in `retrying`                | runId      | its `readyAt`              |
 * | `run.deadline`   | run in `waiting`, not held       | runId      | its `deadlineAt`, or `beatBy` when that is earlier |
 * | `run.sla`        | run whose `slaState` is pending  | runId      | its `slaDueAt`             |
 * | `delivery.due`   | delivery in `pending`, `failed`  | deliveryId | its `dueAt`, when in the future |
 * | `notification.due` | the same of notifications      | notificationId | its `dueAt`, when in the future |
 *
 * A timer only says when to look: what is found due is decided by the rows themselves.
 */
export type TimerName =
	'schedule.due' | 'run.retry' | 'run.deadline' | 'run.sla' | 'delivery.due' | 'notification.due';

export interface ScheduleFilter {
	state?: ScheduleState;
	capability?: string;
	name?: string;
	label?: { key: string; value: string };
}

export interface RunFilter {
	backfillId?: BackfillId;
	state?: RunState;
	capability?: string;
	scheduleId?: ScheduleId;
}

export interface DeliveryFilter {
	state?: DeliveryState;
	runId?: RunId;
	scheduleId?: ScheduleId;
}

export interface ClaimRequest {
	now: Instant;
	/** How many at most; a function is asked at the last moment, when the claim is made. */
	limit: number | (() => number);
	owner: EngineId;
	leaseUntil: Instant;
	/** Runs only: how many each tenant gets of those that are claimed. Default: tenants make no difference. */
	share?: ShareOut;
}

/** Builds the event of a row that the store itself changed while claiming. */
export interface ClaimEvents {
	run(run: Run): EventDraft;
	delivery(delivery: Delivery): EventDraft;
	notification(notification: Notification): EventDraft;
}

/** Everything about one run, for `GET /v1/runs/{id}`. */
export interface RunDetails {
	run: Run;
	spec: RunSpec;
	attempts: AttemptRecord[];
	result: ResultRecord | null;
	deliveries: Delivery[];
	notifications: Notification[];
	links: Link[];
}

export interface StoreCounts {
	schedules: Partial<Record<ScheduleState, number>>;
	runs: Partial<Record<RunState, number>>;
	deliveries: Partial<Record<DeliveryState, number>>;
	timers: number;
}

export interface Store extends BackfillStore, CalendarStore, DoctorStore, SharedStateStore {
	/** Whether no other engine can share this store: then foreign leases may be taken over at the start. */
	readonly exclusive: boolean;
	readonly blobs: BlobStore;
	/** All that it holds, for export, import and migration. */
	readonly archive: Archive;
	/** Creates what is missing and takes the lock. @throws CapError STORAGE_UNAVAILABLE with a reason */
	open(): Promise<void>;
	/** Waits for what was begun, then closes. */
	close(): Promise<void>;
	/** Resolves when a write and a read work. @throws CapError STORAGE_UNAVAILABLE or STORAGE_FULL */
	check(): Promise<void>;

	// -- access
	putKey(key: KeyRecord, events: EventDraft[], once?: IdempotencyRecord): Promise<Once<KeyRecord>>;
	getKey(id: KeyId): Promise<KeyRecord | null>;
	listKeys(tenant: string): Promise<KeyRecord[]>;
	countKeys(): Promise<number>;
	/** @returns whether it was there and not yet revoked */
	revokeKey(tenant: string, id: KeyId, at: Instant, events: EventDraft[]): Promise<boolean>;
	findIdempotent(tenant: string, key: string, now: Instant): Promise<IdempotencyRecord | null>;
	/** Keeps the answer to a request that wrote nothing else, or that may be done again; the first one counts. */
	keepAnswer(once: IdempotencyRecord): Promise<Once<null>>;

	// -- capabilities and destinations
	/** Creates it (revision 1) or replaces it; `expected` null demands that it is new, a number that revision. */
	putCapability(
		capability: Omit<Capability, 'revision'>,
		options: { expected?: number | null; events: EventDraft[] },
	): Promise<Capability | 'revision_differs'>;
	getCapability(tenant: string, name: string): Promise<Capability | null>;
	listCapabilities(tenant: string, page: PageRequest): Promise<Page<Capability>>;
	/** Refused while schedules that are active or paused use it. */
	deleteCapability(
		tenant: string,
		name: string,
		options: { expected?: number; events: EventDraft[] },
	): Promise<'deleted' | 'not_found' | 'revision_differs' | { usedBy: ScheduleId[] }>;
	createDestination(
		destination: Destination,
		events: EventDraft[],
		once?: IdempotencyRecord,
	): Promise<Once<Destination> | 'name_taken'>;
	replaceDestination(
		destination: Omit<Destination, 'revision'>,
		options: { expected?: number; events: EventDraft[]; once?: IdempotencyRecord | undefined },
	): Promise<Once<Destination> | 'not_found' | 'revision_differs' | 'name_taken'>;
	/** By id or by name. */
	getDestination(tenant: string, idOrName: string): Promise<Destination | null>;
	listDestinations(tenant: string, page: PageRequest): Promise<Page<Destination>>;
	/** Refused while schedules that are active or paused use it (by id or by name). */
	deleteDestination(
		tenant: string,
		id: DestinationId,
		options: { expected?: number; events: EventDraft[] },
	): Promise<'deleted' | 'not_found' | 'revision_differs' | { usedBy: ScheduleId[] }>;
	/** The schedules, active or paused, that stand in the way of its deletion: the first `USED_BY_LIMIT` of them. */
	destinationUsers(tenant: string, id: DestinationId): Promise<ScheduleId[]>;
	/** Why the target of a schedule is disabled (it answered 410), or null. */
	disabledTarget(tenant: string, scheduleId: ScheduleId, targetKey: string): Promise<string | null>;

	// -- schedules
	/**
	 * `calendars`: those with which `nextAt` was worked out; without, it is worked out again soon.
	 * @throws CapError CONFLICT when a calendar that the timing names was deleted
	 */
	createSchedule(
		create: {
			schedule: Schedule;
			spec: SpecRecord;
			timerAt: Instant | null;
			calendars?: Calendars;
			events: EventDraft[];
		},
		once?: IdempotencyRecord,
	): Promise<Once<Schedule>>;
	getSchedule(tenant: string, id: ScheduleId): Promise<Schedule | null>;
	listSchedules(tenant: string, filter: ScheduleFilter, page: PageRequest): Promise<Page<Schedule>>;
	/**
	 * Whatever people do to a schedule: guarded by the states `from`, the `nextAt` that was read, and `expected`,
	 * the revision. Raises the revision.
	 */
	changeSchedule(
		change: ScheduleChange,
		once?: IdempotencyRecord,
	): Promise<
		| Schedule
		| 'not_found'
		| 'revision_differs'
		| 'state_differs'
		| { replayed: true; earlier: IdempotencyRecord }
	>;
	/** Rows of the ledger by nominal instant, upwards unless said otherwise. */
	listOccurrences(
		tenant: string,
		id: ScheduleId,
		range: { from?: Instant; to?: Instant; order?: 'asc' | 'desc' },
		page: PageRequest,
	): Promise<Page<LedgerRow>>;
	getSpecs(ids: readonly string[]): Promise<Map<string, RunSpec>>;

	// -- occur
	/** Takes up to `limit` due schedules, asks `decide` for each, and writes what it says, all in one commit. */
	occur(
		now: Instant,
		limit: number,
		decide: (due: DueSchedule) => OccurrenceDecision,
	): Promise<{ schedules: number; runs: number }>;

	/**
	 * The same for one schedule, active or paused, whoever holds its timer. What `decide` throws is thrown.
	 * @returns whether it was due
	 */
	occurOne(
		look: { tenant: string; id: ScheduleId; now: Instant },
		decide: (due: DueSchedule) => OccurrenceDecision,
	): Promise<boolean>;

	// -- runs
	/**
	 * Runs that no occurrence makes: by hand, by the API, a rerun, an upload. `settle` is applied before they are
	 * there, `end` after: runs that are over in the commit that adds them. `schedule`: the one that they are added for,
	 * which is not deleted before they are there.
	 * @throws CapError NOT_FOUND when that schedule is deleted, or never was
	 */
	addRuns(
		add: {
			runs: Run[];
			specs: SpecRecord[];
			schedule?: Pick<Schedule, 'tenant' | 'id'>;
			settle: RunSettlement[];
			end?: RunSettlement[];
			events: EventDraft[];
		},
		once?: IdempotencyRecord,
	): Promise<Once<Run[]>>;
	/**
	 * Claims queued runs that are ready: sets running, owner, lease, and raises epoch and attempt. Of each tenant,
	 * those of the highest priority first, then by readiness, then by age; runs with keys as their keys allow. How
	 * many of which tenant, `share` decides; they come in the same order.
	 */
	claimRuns(request: ClaimRequest, events: ClaimEvents): Promise<Run[]>;
	/** @returns for each, whether it was applied */
	settleRuns(settlements: readonly RunSettlement[]): Promise<boolean[]>;
	/** The same for a client's POST: nothing is applied, and so nothing kept for repeats, unless all can be. */
	settleOnce(
		settlements: readonly RunSettlement[],
		once?: IdempotencyRecord,
	): Promise<Once<boolean[]>>;
	/** @returns ids whose lease is still held under that epoch */
	renewLeases(
		kind: 'run' | 'delivery' | 'notification',
		held: readonly { id: string; epoch: number }[],
		leaseUntil: Instant,
	): Promise<Set<string>>;
	/** Runs in `running` whose lease ended before `now` (or, if `except` is given, that another owner holds). */
	listExpiredRuns(now: Instant, limit: number, except?: EngineId): Promise<Run[]>;
	/** Runs in `retrying` that are ready, and runs in `waiting` (not held) whose `deadlineAt` or `beatBy` has passed. */
	listDueRuns(now: Instant, limit: number): Promise<Run[]>;
	/** Runs, ended or not, whose `slaState` is pending although `slaDueAt` has come. */
	listSlaDue(now: Instant, limit: number): Promise<Run[]>;
	getRun(tenant: string, id: RunId): Promise<Run | null>;
	/** For the session routes, where the attempt's token stands for the tenant. */
	getRunById(id: RunId): Promise<Run | null>;
	getRunDetails(tenant: string, id: RunId): Promise<RunDetails | null>;
	listRuns(tenant: string, filter: RunFilter, page: PageRequest): Promise<Page<Run>>;
	/** Those of backfills too. */
	activeRunsOf(tenant: string, scheduleId: ScheduleId): Promise<Run[]>;

	// -- results, artifacts, links
	getResult(tenant: string, id: ResultId): Promise<ResultRecord | null>;
	getArtifact(
		tenant: string,
		resultId: ResultId,
		rendering: string,
	): Promise<ArtifactRecord | null>;
	/** Once: what is there stays, and the events of a second one are not written. */
	putArtifact(
		artifact: ArtifactRecord,
		inline: Uint8Array | null,
		events?: readonly EventDraft[],
	): Promise<void>;
	/** The blob hash of the last result that was delivered for this schedule and target; for `when: changed`. */
	lastDeliveredResult(
		tenant: string,
		scheduleId: ScheduleId,
		targetKey: string,
	): Promise<string | null>;
	createLink(link: Link, events: EventDraft[], once?: IdempotencyRecord): Promise<Once<Link>>;
	/** Looks a link up by the hash of its secret, without using it. */
	findLink(id: LinkId): Promise<Link | null>;
	/** One conditional update consumes a use. */
	useLink(id: LinkId, secretHash: string, now: Instant): Promise<'used' | 'spent' | 'not_found'>;
	revokeLink(
		tenant: string,
		id: LinkId,
		at: Instant,
		events: EventDraft[],
	): Promise<'revoked' | 'not_found'>;

	/** Links of all tenants that expire in `(after, until]`, were never used and not revoked; the earliest first. */
	listUnusedLinks(after: Instant, until: Instant, limit: number): Promise<Link[]>;

	// -- deliveries and notifications
	/** Those that are due: of the highest priority first, then as they became due. */
	claimDeliveries(request: ClaimRequest, events: ClaimEvents): Promise<Delivery[]>;
	/** A `next` that has an artifact holds on to its bytes. */
	settleDeliveries(settlements: readonly DeliverySettlement[]): Promise<boolean[]>;
	/** Replays: the settlements and the idempotency record in one commit. */
	replayDeliveries(
		settlements: readonly DeliverySettlement[],
		once?: IdempotencyRecord,
	): Promise<Once<boolean[]>>;
	listExpiredDeliveries(now: Instant, limit: number, except?: EngineId): Promise<Delivery[]>;
	getDelivery(
		tenant: string,
		id: DeliveryId,
	): Promise<{ delivery: Delivery; attempts: DeliveryAttempt[] } | null>;
	listDeliveries(
		tenant: string,
		filter: DeliveryFilter,
		page: PageRequest,
	): Promise<Page<Delivery>>;
	deliveriesOfRun(tenant: string, runId: RunId): Promise<Delivery[]>;
	claimNotifications(request: ClaimRequest, events: ClaimEvents): Promise<Notification[]>;
	settleNotifications(settlements: readonly NotificationSettlement[]): Promise<boolean[]>;
	listExpiredNotifications(now: Instant, limit: number, except?: EngineId): Promise<Notification[]>;
	/** Makes the pending notifications of a run due now: its deliveries are settled. */
	releaseNotifications(tenant: string, runId: RunId, now: Instant): Promise<void>;

	// -- events
	readEvents(tenant: string, after: string | null, limit: number): Promise<StoredEvent[]>;
	/** The id of the last event committed for the tenant, or null: where a reader without a position starts. */
	lastEventId(tenant: string): Promise<string | null>;
	/** Calls after every commit that added events, with the tenants concerned; the result unsubscribes. */
	onEvents(listener: (tenants: ReadonlySet<string>) => void): () => void;

	// -- timers and upkeep
	/** When the earliest timer is due, of all or of those names. */
	nextTimerAt(names?: readonly TimerName[]): Promise<Instant | null>;
	/** Writes the timers that the rows ask for and that are missing, removes orphans. @returns how many */
	healTimers(limit: number): Promise<number>;
	/** Deletes what is older than it must be kept, in batches. @returns how many rows went */
	prune(now: Instant, keep: Retention, limit: number): Promise<number>;
	counts(tenant?: string): Promise<StoreCounts>;
}

export interface Retention {
	/** Ended runs with attempts, deliveries, notifications, links; default 90 days. */
	runs: Duration;
	/** Results and artifacts; default 30 days. */
	results: Duration;
	/** Ledger rows; default 400 days. */
	ledger: Duration;
	/** Events; default 30 days. */
	events: Duration;
}

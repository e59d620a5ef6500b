import type { Backfill } from '../contract/backfill.ts';
import type { EventDraft } from '../contract/event.ts';
import type { BackfillId, ScheduleId } from '../contract/ids.ts';
import type { Run, RunState } from '../contract/run.ts';
import type { SpecRecord } from '../contract/schedule.ts';
import type { Instant } from '../contract/time.ts';
import type { IdempotencyRecord, Once, Page, PageRequest } from './shared.port.ts';

/**
 * The part of the store that keeps backfills. A backfill is over in the commit that ends the last of its runs,
 * with its event: that happens once, whoever settles it.
 */
export interface BackfillStore {
	/** With all its runs in one commit. One without runs is over at once. */
	createBackfill(
		create: { backfill: Backfill; spec: SpecRecord | null; runs: Run[]; events: EventDraft[] },
		once?: IdempotencyRecord,
	): Promise<Once<Backfill> | 'not_found'>;
	/** With the counts of its runs as they are. */
	getBackfill(tenant: string, id: BackfillId): Promise<Backfill | null>;
	/** Newest first. */
	listBackfills(tenant: string, scheduleId: ScheduleId, page: PageRequest): Promise<Page<Backfill>>;
	/** From `running` to `cancelling`, and on to `cancelled` when no run of it is left. */
	cancelBackfill(cancel: { tenant: string; id: BackfillId; at: Instant }): Promise<Backfill | null>;
	/** Those in `cancelling`, for the sweeper: a crash may have left runs that have not begun. */
	cancellingBackfills(limit: number): Promise<Backfill[]>;
	/** Runs of it in these states, the last made first. */
	openRunsOfBackfill(
		tenant: string,
		id: BackfillId,
		wanted: { states: readonly RunState[]; limit: number },
	): Promise<Run[]>;
	/**
	 * The nominal instants within the range (inclusive) that have a run: of the occurrence itself, wherever it was
	 * moved, or of a backfill, unless that failed.
	 */
	instantsThatRan(
		tenant: string,
		scheduleId: ScheduleId,
		range: { from: Instant; to: Instant },
	): Promise<Set<Instant>>;
}

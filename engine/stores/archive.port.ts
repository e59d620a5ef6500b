import type { KeyRecord } from '../contract/access.ts';
import type { Backfill } from '../contract/backfill.ts';
import type { Calendar } from '../contract/calendar.ts';
import type { Capability } from '../contract/capability.ts';
import type { Destination } from '../contract/destination.ts';
import type { EventDraft } from '../contract/event.ts';
import type { ArtifactRecord, BlobRef, ResultRecord } from '../contract/result.ts';
import type {
	AttemptRecord,
	Delivery,
	DeliveryAttempt,
	Link,
	Notification,
	Run,
} from '../contract/run.ts';
import type { LedgerRow, Schedule, SpecRecord } from '../contract/schedule.ts';
import type { Instant } from '../contract/time.ts';
import type { SharedState } from './shared-state.port.ts';
import type { IdempotencyRecord } from './shared.port.ts';

/*
 * Everything that a store holds, as records that are the same whatever the store is made of: what export, import and
 * migrations carry. What follows from records (counts, timers, who may have a key) is not carried, but worked out anew.
 */

/** A calendar's name and the version in force; its versions are records of their own. */
export interface CalendarHead {
	id: string;
	tenant: string;
	name: string;
	version: number;
	/** The last day that is known: `2037-12-31`. */
	knownUntil: string;
	deletedAt: Instant | null;
}

/** What is remembered of a schedule's target from run to run. */
export interface TargetMemory {
	scheduleId: string;
	targetKey: string;
	tenant: string;
	/** The result that was delivered last. */
	deliveredSha256: string | null;
	disabledReason: string | null;
	disabledAt: Instant | null;
}

/** Place in the order of insertion. */
interface Placed {
	seq: number;
}

/** The events of one commit and tenant. Their ids follow from `seq` and their place. */
export interface EventBatch {
	tenant: string;
	seq: number;
	at: Instant;
	items: EventDraft[];
}

export interface ArchiveRecords {
	keys: KeyRecord;
	idempotency: IdempotencyRecord;
	capabilities: Capability;
	calendars: CalendarHead;
	calendarVersions: Calendar;
	destinations: Destination;
	specs: SpecRecord;
	/** `calendars`: the versions by which its next instant was worked out, by the calendar's id. */
	schedules: Schedule & { calendars: Record<string, number> };
	targets: TargetMemory;
	occurrences: LedgerRow;
	backfills: Backfill;
	results: ResultRecord;
	artifacts: ArtifactRecord;
	runs: Run & Placed & { attempts: AttemptRecord[] };
	links: Link;
	deliveries: Delivery & Placed & { attempts: DeliveryAttempt[] };
	notifications: Notification & Placed;
	shared: SharedState;
	events: EventBatch;
	/** What the store remembers about itself: until when it was pruned. */
	marks: { name: string; value: number };
}
export type Section = keyof ArchiveRecords;

/** In the order in which they are written: what a record needs comes before it. */
export const SECTIONS = [
	'marks',
	'keys',
	'capabilities',
	'calendarVersions',
	'calendars',
	'destinations',
	'specs',
	'schedules',
	'targets',
	'occurrences',
	'backfills',
	'results',
	'artifacts',
	'runs',
	'links',
	'deliveries',
	'notifications',
	'shared',
	'idempotency',
	'events',
] as const satisfies readonly Section[];

/** The marks that are carried: the others are the store's own. */
export const CARRIED_MARKS: readonly string[] = ['runsPrunedUntil', 'ledgerPrunedUntil'];

export interface ArchivePage<S extends Section> {
	items: ArchiveRecords[S][];
	/** Where the next page begins; null: this was the last. Opaque, and good as long as the store is not changed. */
	next: string | null;
}

/** Reads everything. What it shows is of one moment, where `ofOneMoment` says so. */
export interface ArchiveReader {
	/** Whether records are those of one moment although engines go on writing. */
	readonly ofOneMoment: boolean;
	read<S extends Section>(
		section: S,
		page: { after: string | null; limit: number },
	): Promise<ArchivePage<S>>;
	/** The bytes of the small ones among these blobs; larger ones and those that are missing are left out. */
	smallBlobs(refs: readonly BlobRef[]): Promise<Map<string, Uint8Array>>;
	/** @throws CapError NOT_FOUND when they are missing */
	openBlob(ref: BlobRef): AsyncIterable<Uint8Array>;
	close(): Promise<void>;
}

/** Reads and writes everything, for when no engine works on the store. */
export interface Archive {
	/**
	 * Works on an embedded store that is not open, too: beside the engine that holds it.
	 * @param beside whether engines work on the store meanwhile. `nobody` (default): what one that was killed has left
	 * half done is done first
	 */
	reader(beside?: 'nobody' | 'engines'): Promise<ArchiveReader>;
	/** Writes records under their keys; one that is there stays as it is, so writing twice is writing once. */
	writeRecords<S extends Section>(section: S, records: readonly ArchiveRecords[S][]): Promise<void>;
	/** Puts `after` in the place of `before`, if that is what is there still. @returns whether it was */
	replaceRecord<S extends Section>(
		section: S,
		before: ArchiveRecords[S],
		after: ArchiveRecords[S],
	): Promise<boolean>;
	/** Those of the blobs that are not there. */
	lackingBlobs(refs: readonly BlobRef[]): Promise<BlobRef[]>;
	/** Writes small blobs; larger ones are staged. Before the records that refer to them. */
	writeSmallBlobs(blobs: readonly { ref: BlobRef; bytes: Uint8Array }[]): Promise<void>;
	/** A large one was staged, and belongs to records to come. */
	keepStaged(ref: BlobRef): Promise<void>;
	/** Removes all records of a section. */
	clear(section: 'events'): Promise<void>;
	/**
	 * Works out anew what follows from records: counts, references, who may have a key. Timers are for `healTimers`.
	 * Not while engines work on the store.
	 */
	rebuild(): Promise<void>;
}

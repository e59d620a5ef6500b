import type { DeliverySettlement, DisabledTarget, RunSettlement } from '../../contract/change.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { Run } from '../../contract/run.ts';
import type { Instant } from '../../contract/time.ts';
import type { IdempotencyRecord, TimerName } from '../store.port.ts';
import type { CollectionName } from './database.ts';
import type { Doc } from './documents.ts';

/**
 * What follows from a write that is committed. Each may be carried out twice, by whoever comes first, and late:
 * it inserts what is there already in vain, is conditional, or is remembered by its token.
 */
export interface Effects {
	/** Appended to the log of their tenants. First, so that no event of what follows comes before them. */
	events: EventDraft[];
	/** Under its `_id`, unless it is there. */
	insert: { into: CollectionName; doc: Doc };
	once: IdempotencyRecord;
	/** Settled before the runs of the same write are there. */
	settle: PackedSettlement;
	/** With its place behind others of its keys. `seq`: see `runDoc`. */
	run: { run: Run; seq: number };
	/** Settled after them. */
	end: PackedSettlement;
	delivery: DeliverySettlement;
	/** `at` null: there is none any more. */
	timer: { name: TimerName; key: string; at: Instant | null };
	/** A run lets go of its concurrency key. */
	release: { gate: string; holder: string };
	/** A run of this serial key is over, or there is a first. */
	serial: { gate: string };
	failure: { tenant: string } & NonNullable<RunSettlement['schedule']>;
	/** A run of it is over. */
	backfill: { id: string; at: Instant };
	/** The schedule of backfills is deleted; before its runs are cancelled. */
	scheduleDeleted: { id: string; at: Instant };
	/** What the target has now, for `when: changed`. */
	delivered: { tenant: string; runId: string; scheduleId: string; targetKey: string; at: Instant };
	disable: { tenant: string; target: DisabledTarget };
	forget: { scheduleId: string; kind: 'delivery' | 'notify'; at: Instant };
	/** A name is free again. */
	unname: { name: string; holder: string };
	/** Takes a document away that is marked as deleted. */
	remove: { from: CollectionName; id: string };
}
export type EffectKind = keyof Effects;
export type Effect = { [K in EffectKind]: { kind: K; of: Effects[K] } }[EffectKind];

/** A settlement whose result has its bytes elsewhere: they are written before. */
export type PackedSettlement = Omit<RunSettlement, 'result'> & {
	result?: { record: NonNullable<RunSettlement['result']>['record'] };
};

/**
 * The order in which the kinds are carried out; those in one line go together. Every prefix of it is healed by
 * carrying all of it out again.
 */
export const STAGES: readonly (readonly EffectKind[])[] = [
	['events'],
	['insert', 'once'],
	['scheduleDeleted'],
	['settle'],
	['run', 'delivery', 'timer', 'release', 'failure', 'delivered', 'disable', 'forget', 'unname'],
	['serial'],
	['end'],
	['backfill'],
	['remove'],
];

/** With the token of the write that it follows from. */
export type Pending<K extends EffectKind> = { of: Effects[K]; token: string; at: Instant };
export type Handlers = { [K in EffectKind]: (pending: Pending<K>[]) => Promise<void> };

export function effect<K extends EffectKind>(kind: K, of: Effects[K]): Effect {
	return { kind, of } as Effect;
}

/** None for no events. */
export function events(drafts: readonly EventDraft[]): Effect[] {
	return drafts.length === 0 ? [] : [effect('events', [...drafts])];
}

import type { JsonObject } from './json.ts';
import type { DeliveryState } from './delivery.ts';
import type { NotificationState, RunState } from './run.ts';
import type { Outcome } from './schedule.ts';
import type { Instant } from './time.ts';

/** Every transition is an event. */
export type EventType =
	| 'schedule.created'
	| 'schedule.updated'
	| 'schedule.occurrence_skipped'
	| 'schedule.occurrence_unskipped'
	| 'schedule.occurrence_moved'
	| 'schedule.paused'
	| 'schedule.resumed'
	| 'schedule.completed'
	| 'schedule.deleted'
	| 'schedule.retimed'
	| `occurrence.${Outcome}`
	| 'backfill.created'
	| 'backfill.completed'
	| 'backfill.cancelled'
	| `run.${RunState}`
	| 'run.progress'
	| 'run.held'
	| 'run.attempt_unknown'
	| 'sla.met'
	| 'sla.missed'
	| `delivery.${DeliveryState}`
	| 'delivery.fallback'
	| 'delivery.replayed'
	| 'delivery.target_disabled'
	| `notification.${NotificationState}`
	/** A rendered file does not show all of its result: a limit was met. */
	| 'artifact.limited'
	| 'link.created'
	| 'link.revoked'
	| 'capability.registered'
	| 'capability.removed'
	| 'calendar.created'
	| 'calendar.updated'
	| 'calendar.deleted'
	| 'destination.created'
	| 'destination.updated'
	| 'destination.deleted'
	| 'destination.secret_rotated'
	| 'destination.circuit_open'
	| 'destination.circuit_half_open'
	| 'destination.circuit_closed'
	| 'alert.raised'
	| 'alert.delivered'
	| 'alert.failed'
	| 'alert.dead'
	| 'key.created'
	| 'key.revoked';

/** What a decision says happened; the store adds the sequence when it commits. Never holds secrets. */
export interface EventDraft {
	type: EventType;
	tenant: string;
	at: Instant;
	/** Ids of what it is about: `{ scheduleId, runId, ... }`. */
	subject: Record<string, string>;
	data?: JsonObject;
}

/** An event as read from the outbox. */
export interface StoredEvent extends EventDraft {
	/** `evt_` and a number that rises with every commit, so that a reader can resume after it. */
	id: string;
}

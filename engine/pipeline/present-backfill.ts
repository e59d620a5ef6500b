import type { Backfill } from '../contract/backfill.ts';
import type { JsonObject } from '../contract/json.ts';
import { toIso } from '../contract/time.ts';
import type { PastOccurrence } from '../core/schedule/backfill.ts';
import { formatLocal } from '../core/schedule/local-time.ts';

export function presentBackfill(backfill: Backfill): JsonObject {
	const counts = backfill.counts ?? {};
	return {
		id: backfill.id,
		scheduleId: backfill.scheduleId,
		state: backfill.state,
		from: toIso(backfill.fromAt),
		to: toIso(backfill.toAt),
		concurrency: backfill.concurrency,
		order: backfill.ordering,
		which: backfill.which,
		total: backfill.total,
		progress: {
			queued: (counts.queued ?? 0) + (counts.retrying ?? 0),
			running: (counts.running ?? 0) + (counts.waiting ?? 0),
			succeeded: counts.succeeded ?? 0,
			failed: (counts.failed ?? 0) + (counts.expired ?? 0),
			cancelled: counts.cancelled ?? 0,
		},
		createdBy: backfill.createdBy,
		createdAt: toIso(backfill.createdAt),
		endedAt: backfill.endedAt === null ? null : toIso(backfill.endedAt),
	};
}

export function presentPastOccurrence(
	{ at, windowStart }: PastOccurrence,
	timeZone: string,
): JsonObject {
	return {
		at: toIso(at),
		local: formatLocal(timeZone, at),
		windowStart: windowStart === null ? null : toIso(windowStart),
	};
}

import type { EventDraft } from '../../contract/event.ts';
import type { Outcome, Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';

/**
 * Outcomes by which an occurrence that was promised (`policies.sla`) brings nothing: a miss in itself. A person
 * who skips or pauses took the promise back, and for a coalesced one the later run stands.
 */
export function failsSla(outcome: Outcome): boolean {
	return outcome === 'missed' || outcome === 'skipped_overlap';
}

export function slaMissedEvent(
	schedule: Schedule,
	decided: { at: Instant; outcome: Outcome; reason: string | null; now: Instant },
): EventDraft {
	const { outcome } = decided;
	const event = occurrenceEvent(schedule, { ...decided, runId: null });
	return { ...event, type: 'sla.missed', data: { ...event.data, outcome } };
}

export function occurrenceEvent(
	schedule: Schedule,
	decided: {
		at: Instant;
		outcome: Outcome;
		reason: string | null;
		runId: string | null;
		now: Instant;
	},
): EventDraft {
	const { at, outcome, reason, runId, now } = decided;
	return {
		type: `occurrence.${outcome}`,
		tenant: schedule.tenant,
		at: now,
		subject: { scheduleId: schedule.id, ...(runId === null ? {} : { runId }) },
		data: { nominalAt: new Date(at).toISOString(), ...(reason === null ? {} : { reason }) },
	};
}

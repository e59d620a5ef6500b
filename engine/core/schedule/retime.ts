import type { Retimed, RetimingDecision } from '../../contract/change.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import { toIso } from '../../contract/time.ts';
import { planOfSchedule } from './plan.ts';
import { beginning } from './timing.ts';

export interface RetimingContext {
	now: Instant;
	/** The version of the time zone data in use: `2026b`. */
	zoneData: string;
}

/**
 * What a schedule is due next, now that a calendar of it or the time zone data has changed. What has an
 * outcome keeps it: the walk goes on after `lastAt`.
 *
 * A calendar never makes the past: an instant that was no occurrence when its time came is none afterwards.
 * What was due under the old version and has no outcome yet (after an outage) is decided by the new one.
 * Zone data moves instants by hours at most, so there the next one after `lastAt` counts, late or not: a day
 * on which the change came would have none otherwise.
 */
export function timedAnew(
	{ schedule, calendars, changed }: Retimed,
	{ now, zoneData }: RetimingContext,
): RetimingDecision {
	const plan = planOfSchedule(schedule, calendars);
	const zoneChanged = schedule.zoneData !== zoneData;
	const nextAt = plan.next(startOf(schedule, zoneChanged, now)) ?? null;
	const dueAt = nextAt === null ? null : plan.dueAt(nextAt);
	const because = [
		...changed.map(({ name, version }) => `calendar ${name} is now at version ${version}`),
		...(zoneChanged
			? [`time zone data ${zoneData}, before ${schedule.zoneData || 'unknown'}`]
			: []),
	];
	const events: EventDraft[] = [];
	const event = { tenant: schedule.tenant, at: now, subject: { scheduleId: schedule.id } };
	if (nextAt !== schedule.nextAt || dueAt !== schedule.dueAt) {
		const data = { from: iso(schedule.nextAt), to: iso(nextAt), because: because.join('; ') };
		events.push({ ...event, type: 'schedule.retimed', data });
	}
	if (nextAt === null) {
		events.push({
			...event,
			type: 'schedule.completed',
			data: { runsMade: schedule.runsMade },
		});
	}
	const state = nextAt === null ? 'completed' : schedule.state;
	return { set: { state, nextAt, dueAt, zoneData }, events };
}

/** No change of zone data moves an instant farther: a zone may change sides of the date line. */
const FARTHEST = 26 * 3_600_000;

/** The instant after which the next one is looked for. */
function startOf(schedule: Schedule, zoneChanged: boolean, now: Instant): Instant {
	const { lastAt, timing, timedAt, updatedAt } = schedule;
	const nextAt = schedule.nextAt ?? now;
	const decided = lastAt ?? beginning(timing, timedAt);
	if (!zoneChanged) return Math.max(decided, Math.min(now, nextAt - 1));
	// Nor before the user's last change: the timing may be another since.
	return Math.max(decided, nextAt - FARTHEST, Math.min(updatedAt, nextAt - 1));
}

function iso(at: Instant | null): string | null {
	return at === null ? null : toIso(at);
}

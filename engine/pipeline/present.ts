import type { EngineView } from './engines.ts';
import type { Calendars } from '../contract/calendar.ts';
import { NO_CALENDARS } from '../contract/calendar.ts';
import type { KeyRecord } from '../contract/access.ts';
import type { JsonObject } from '../contract/json.ts';
import type { ResultRecord } from '../contract/result.ts';
import type {
	AttemptRecord,
	Delivery,
	DeliveryAttempt,
	Link,
	Notification,
	Run,
} from '../contract/run.ts';
import type { LedgerRow, RunSpec, Schedule } from '../contract/schedule.ts';
import type { Instant } from '../contract/time.ts';
import { formatDuration, toIso } from '../contract/time.ts';
import { overall } from '../core/delivery/overall.ts';
import type { Exclusion, Restriction, Rule, Timing } from '../contract/timing.ts';
import type { PlannedOccurrence } from '../core/schedule/ahead.ts';
import { formatLocal } from '../core/schedule/local-time.ts';
import { formatPeriod } from '../core/schedule/months.ts';
import { notesAt } from '../core/schedule/notes.ts';
import type { RunDetails } from '../stores/store.port.ts';
import { upcomingOf } from './accept.ts';
import { presentPackage } from './package-steps.ts';
import { maskedSettings } from './secrets.ts';

/* What answers show: instants in ISO 8601, no secrets, nothing of the inside. */

function iso(instant: Instant | null): string | null {
	return instant === null ? null : toIso(instant);
}

/** Calendars are shown by name; those that are not given, by id. */
export function presentTiming(timing: Timing, calendars: Calendars = NO_CALENDARS): JsonObject {
	const { timeZone, start, end, limit, exclude, only, jitter, dst, written } = timing;
	const bounds: JsonObject = { timeZone };
	if (start !== undefined) bounds['start'] = toIso(start);
	if (end !== undefined) bounds['end'] = toIso(end);
	if (limit !== undefined) bounds['limit'] = limit;
	if (exclude !== undefined) bounds['exclude'] = exclude.map((each) => withNames(each, calendars));
	if (only !== undefined) bounds['only'] = only.map((each) => withNames(each, calendars));
	if (jitter !== undefined) bounds['jitter'] = { max: formatDuration(jitter.max), per: jitter.per };
	if (dst !== undefined) bounds['dst'] = { ...dst };
	if (written !== undefined) bounds['written'] = written;
	return { ...presentRule(timing), ...bounds };
}

function withNames(filter: Exclusion | Restriction, calendars: Calendars): JsonObject {
	const shown: JsonObject = { ...filter };
	for (const field of ['calendar', 'workingDaysOf'] as const) {
		const id = shown[field];
		if (typeof id === 'string') shown[field] = calendars.get(id)?.name ?? id;
	}
	return shown;
}

function presentRule(rule: Rule): JsonObject {
	switch (rule.kind) {
		case 'cron': {
			const { cron, dialect, dayMatch } = rule;
			return {
				cron,
				...(dialect === undefined ? {} : { dialect }),
				...(dayMatch === undefined ? {} : { dayMatch }),
			};
		}
		case 'every':
			return { every: formatDuration(rule.every), anchor: toIso(rule.anchor) };
		case 'months':
			return { every: formatPeriod(rule.months), anchor: rule.anchor, monthEnd: rule.monthEnd };
		case 'at':
			return { at: toIso(rule.at) };
		case 'dates':
			return { at: rule.dates.map(toIso) };
		case 'rrule':
			return { rrule: rule.rrule };
		case 'any':
			return { any: rule.rules.map(presentRule) };
	}
}

export function presentSchedule(schedule: Schedule, calendars: Calendars): JsonObject {
	return {
		id: schedule.id,
		name: schedule.name,
		capability: schedule.capability,
		action: schedule.action,
		status: schedule.state,
		pauseReason: schedule.pauseReason,
		revision: schedule.revision,
		timing: presentTiming(schedule.timing, calendars),
		lastOccurrenceAt: iso(schedule.lastAt),
		nextOccurrenceAt: schedule.state === 'active' ? iso(schedule.nextAt) : null,
		runsMade: schedule.runsMade,
		labels: schedule.labels,
		metadata: schedule.metadata,
		createdAt: toIso(schedule.createdAt),
		updatedAt: toIso(schedule.updatedAt),
	};
}

/** A schedule with all that its next run will be made of. */
export function presentScheduleDetails(
	schedule: Schedule,
	spec: RunSpec,
	calendars: Calendars,
): JsonObject {
	return {
		...presentSchedule(schedule, calendars),
		parameters: spec.parameters,
		policies: presentPolicies(spec),
		delivery: presentDeliverySpec(spec),
		notify: spec.notify.map(({ url, destination, on }) => ({
			...(url === undefined ? {} : { url }),
			...(destination === undefined ? {} : { destination }),
			on,
		})),
		overrides: presentOverrides(schedule),
		nextOccurrences: upcomingOf(schedule, calendars).map((upcoming) => ({ ...upcoming })),
	};
}

function presentOverrides({ overrides }: Schedule): JsonObject {
	return {
		skipped: overrides.skipped.map(({ at, by }) => ({ at: toIso(at), by })),
		moved: overrides.moved.map(({ from, to, by }) => ({ from: toIso(from), to: toIso(to), by })),
	};
}

function presentPolicies({ policies }: RunSpec): JsonObject {
	const { catchUp, retry, timeout, heartbeat, sla, ...rest } = policies;
	return {
		...(rest as JsonObject),
		catchUp: { mode: catchUp.mode, window: formatDuration(catchUp.window) },
		retry: {
			...retry,
			delay: formatDuration(retry.delay),
			maxDelay: formatDuration(retry.maxDelay),
		},
		timeout: formatDuration(timeout),
		...(heartbeat === undefined ? {} : { heartbeat: formatDuration(heartbeat) }),
		...(sla === undefined ? {} : { sla: { deliveredWithin: formatDuration(sla.deliveredWithin) } }),
	};
}

function presentDeliverySpec({ delivery }: RunSpec): JsonObject | null {
	if (delivery === null) return null;
	const { mode, format, options, link, targets, alert } = delivery;
	return {
		mode,
		format,
		options,
		link: {
			expiresIn: formatDuration(link.expiresIn),
			...(link.maxUses === undefined ? {} : { maxUses: link.maxUses }),
		},
		...(alert === undefined ? {} : { alert: { ...alert } }),
		targets: targets.map(({ primary, fallbacks }) => ({
			...presentTarget(primary),
			fallback: fallbacks.map(presentTarget),
		})),
	};
}

function presentTarget(target: RunSpecTarget): JsonObject {
	const { destination, channel, format, options, filename, package: packed, when } = target;
	return {
		...(destination === undefined ? {} : { destination }),
		...(channel === undefined ? {} : { channel, settings: maskedSettings(target) }),
		format,
		options,
		filename,
		...(packed === undefined ? {} : { package: presentPackage(packed) }),
		...(target.sidecars === undefined ? {} : { sidecars: { ...target.sidecars } }),
		when,
		...(target.priority === undefined ? {} : { priority: target.priority }),
		...(target.within === undefined ? {} : { within: formatDuration(target.within) }),
		...(target.on === undefined ? {} : { on: target.on }),
	};
}

type RunSpecTarget = Delivery['target'];

export function presentRun(run: Run): JsonObject {
	return {
		id: run.id,
		scheduleId: run.scheduleId,
		capability: run.capability,
		action: run.action,
		state: run.state,
		trigger: run.trigger,
		nominalAt: iso(run.nominalAt),
		movedFrom: iso(run.movedFrom),
		backfillId: run.backfillId,
		windowStart: iso(run.windowStart),
		createdAt: toIso(run.createdAt),
		readyAt: toIso(run.readyAt),
		startedAt: iso(run.startedAt),
		endedAt: iso(run.endedAt),
		attempt: run.attempt,
		epoch: run.epoch,
		deadlineAt: iso(run.deadlineAt),
		beatBy: iso(run.beatBy),
		priority: run.priority,
		sla: presentSla(run),
		held: run.held,
		resultId: run.resultId,
		error: run.error === null ? null : { ...run.error },
		progress: run.progress,
	};
}

/** Null: nothing was promised. */
export function presentSla({ slaDueAt, slaState, slaSettledAt }: Run): JsonObject | null {
	if (slaDueAt === null || slaState === null) return null;
	return { dueAt: toIso(slaDueAt), state: slaState, settledAt: iso(slaSettledAt) };
}

export function presentRunDetails(details: RunDetails): JsonObject {
	const { run, spec, attempts, result, deliveries, notifications, links } = details;
	return {
		...presentRun(run),
		parameters: spec.parameters,
		attempts: attempts.map(presentAttempt),
		result: result === null ? null : presentResult(result),
		deliveryState: overall(deliveries),
		deliveries: deliveries.map(presentDelivery),
		notifications: notifications.map(presentNotification),
		links: links.map(presentLink),
		timeline: timelineOf(details),
	};
}

function presentAttempt(attempt: AttemptRecord): JsonObject {
	return {
		attempt: attempt.attempt,
		epoch: attempt.epoch,
		startedAt: toIso(attempt.startedAt),
		endedAt: toIso(attempt.endedAt),
		outcome: attempt.outcome,
		error: attempt.error === null ? null : { ...attempt.error },
	};
}

export function presentResult(result: ResultRecord): JsonObject {
	return {
		id: result.id,
		contentType: result.contentType,
		encoding: result.encoding,
		size: result.blob.size,
		sha256: result.blob.sha256,
		rows: result.rows ?? null,
		createdAt: toIso(result.createdAt),
	};
}

export function presentDelivery(delivery: Delivery): JsonObject {
	const { target, artifact, receipt, error } = delivery;
	return {
		id: delivery.id,
		runId: delivery.runId,
		scheduleId: delivery.scheduleId,
		target: delivery.targetKey,
		...(target.destination === undefined ? {} : { destination: target.destination }),
		...(target.channel === undefined ? {} : { channel: target.channel }),
		format: target.format,
		state: delivery.state,
		attempt: delivery.attempt,
		dueAt: toIso(delivery.dueAt),
		createdAt: toIso(delivery.createdAt),
		endedAt: iso(delivery.endedAt),
		artifact: artifact === null ? null : { ...artifact },
		receipt: receipt === null ? null : { ...receipt },
		error: error === null ? null : { ...error },
		fallbacksLeft: delivery.fallbacks.length,
		priority: delivery.priority,
		deadlineAt: iso(delivery.deadlineAt),
	};
}

export function presentDeliveryDetails(
	delivery: Delivery,
	attempts: DeliveryAttempt[],
): JsonObject {
	return {
		...presentDelivery(delivery),
		attempts: attempts.map((attempt) => ({
			attempt: attempt.attempt,
			epoch: attempt.epoch,
			startedAt: toIso(attempt.startedAt),
			endedAt: toIso(attempt.endedAt),
			outcome: attempt.outcome,
			error: attempt.error === null ? null : { ...attempt.error },
		})),
	};
}

export function presentNotification(notification: Notification): JsonObject {
	return {
		id: notification.id,
		notify: notification.notifyKey,
		state: notification.state,
		attempt: notification.attempt,
		dueAt: toIso(notification.dueAt),
		endedAt: iso(notification.endedAt),
		status: notification.status,
		error: notification.error === null ? null : { ...notification.error },
	};
}

export function presentLink(link: Link): JsonObject {
	return {
		id: link.id,
		runId: link.runId,
		format: link.format,
		anyFormat: link.anyFormat,
		expiresAt: toIso(link.expiresAt),
		maxUses: link.maxUses,
		uses: link.uses,
		revokedAt: iso(link.revokedAt),
		createdAt: toIso(link.createdAt),
	};
}

/** One item of the list of past and future. */
export function presentOccurrence(
	{ timing }: Schedule,
	item: LedgerRow | PlannedOccurrence,
	calendars: Calendars = NO_CALENDARS,
): JsonObject {
	const row = 'outcome' in item ? item : null;
	return {
		nominalAt: toIso(item.nominalAt),
		local: formatLocal(timing.timeZone, item.nominalAt),
		dueAt: toIso(item.dueAt),
		outcome: row?.outcome ?? null,
		planned: 'planned' in item ? item.planned : null,
		decidedAt: iso(row?.decidedAt ?? null),
		trigger: row?.trigger ?? null,
		runId: row?.runId ?? null,
		reason: item.reason,
		movedFrom: iso(item.movedFrom),
		notes: 'notes' in item ? item.notes : notesAt(timing, item.nominalAt, calendars),
	};
}

export function presentKey(key: KeyRecord): JsonObject {
	return {
		id: key.id,
		tenant: key.tenant,
		name: key.name,
		scopes: key.scopes,
		capabilities: key.capabilities ?? null,
		createdAt: toIso(key.createdAt),
		expiresAt: iso(key.expiresAt ?? null),
		revokedAt: iso(key.revokedAt ?? null),
	};
}

export function presentEngine(engine: EngineView): JsonObject {
	const { id, state, version, roles, host, pid, url } = engine;
	const { startedAt, seenAt, clockAhead, inFlight } = engine;
	return {
		id,
		state,
		version,
		roles: [...roles],
		host,
		pid,
		url,
		startedAt: toIso(startedAt),
		seenAt: toIso(seenAt),
		clockAheadMs: clockAhead,
		inFlight,
	};
}

/** What happened, in order, for people. */
function timelineOf({ run, attempts, deliveries, notifications }: RunDetails): JsonObject[] {
	const moments: { at: Instant; what: string }[] = [{ at: run.createdAt, what: 'created' }];
	for (const { attempt, startedAt, endedAt, outcome } of attempts) {
		moments.push({ at: startedAt, what: `attempt ${attempt} began` });
		moments.push({ at: endedAt, what: `attempt ${attempt} ended: ${outcome}` });
	}
	if (run.endedAt !== null) moments.push({ at: run.endedAt, what: run.state });
	if (run.slaSettledAt !== null) {
		moments.push({ at: run.slaSettledAt, what: `SLA ${run.slaState ?? ''}` });
	}
	for (const { targetKey, endedAt, state } of deliveries) {
		if (endedAt !== null) moments.push({ at: endedAt, what: `delivery ${targetKey}: ${state}` });
	}
	for (const { notifyKey, endedAt, state } of notifications) {
		if (endedAt !== null)
			moments.push({ at: endedAt, what: `notification ${notifyKey}: ${state}` });
	}
	return moments.sort((a, b) => a.at - b.at).map(({ at, what }) => ({ at: toIso(at), what }));
}

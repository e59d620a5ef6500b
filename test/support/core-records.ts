import type { Calendar } from '../../engine/contract/calendar.ts';
import { NO_OVERRIDES } from '../../engine/contract/timing.ts';
import type { EngineId } from '../../engine/contract/ids.ts';
import { policiesSchema } from '../../engine/contract/policies.ts';
import type { Delivery, Notification, Run } from '../../engine/contract/run.ts';
import type { RunSpec, Schedule } from '../../engine/contract/schedule.ts';

/* Records for tests of the pure core: whole, plausible, and only what a test names differs. */

const T0 = Date.UTC(2027, 0, 1);

export function aSpec(more: Partial<RunSpec> = {}): RunSpec {
	return {
		tenant: 'default',
		capability: 'reports',
		action: 'daily',
		parameters: {},
		policies: policiesSchema.parse({}),
		delivery: null,
		notify: [],
		schedule: { id: 'sch_1', name: null, revision: 1 },
		timeZone: 'UTC',
		sealedFor: 'sch_1',
		...more,
	};
}

export function aSchedule(more: Partial<Schedule> = {}): Schedule {
	return {
		id: 'sch_1',
		tenant: 'default',
		name: null,
		capability: 'reports',
		action: 'daily',
		labels: {},
		metadata: {},
		state: 'active',
		pauseReason: null,
		revision: 1,
		specId: 'spec',
		timing: { kind: 'every', every: 60_000, anchor: T0, timeZone: 'UTC' },
		lastAt: null,
		windowFrom: null,
		nextAt: T0 + 60_000,
		dueAt: more.nextAt === undefined ? T0 + 60_000 : more.nextAt,
		overrides: NO_OVERRIDES,
		zoneData: '2026a',
		timedAt: T0,
		runsMade: 0,
		pauses: [],
		failures: 0,
		createdAt: T0,
		updatedAt: T0,
		...more,
	};
}

export function aCalendar(more: Partial<Calendar> = {}): Calendar {
	return {
		id: 'cal_1',
		tenant: 'default',
		name: 'holidays',
		title: null,
		version: 1,
		weekend: [0, 6],
		days: [],
		knownFrom: '0001-01-01',
		knownUntil: '9999-12-31',
		source: { kind: 'days' },
		createdAt: 0,
		...more,
	};
}

export function aRun(more: Partial<Run> = {}): Run {
	return {
		id: 'run_1',
		tenant: 'default',
		scheduleId: 'sch_1',
		specId: 'spec',
		capability: 'reports',
		action: 'daily',
		trigger: 'schedule',
		nominalAt: T0,
		movedFrom: null,
		windowStart: null,
		backfillId: null,
		createdAt: T0,
		readyAt: T0,
		state: 'queued',
		epoch: 0,
		attempt: 0,
		owner: null,
		leaseUntil: null,
		deadlineAt: null,
		beatBy: null,
		priority: 0,
		serialKey: 'sch_1',
		concurrencyKey: null,
		concurrencyLimit: 1,
		slaDueAt: null,
		slaState: null,
		slaSettledAt: null,
		held: false,
		startedAt: null,
		endedAt: null,
		resultId: null,
		error: null,
		progress: null,
		...more,
	};
}

export function aDelivery(more: Partial<Delivery> = {}): Delivery {
	const target = {
		key: '0',
		channel: 'file',
		format: 'csv',
		options: {},
		filename: 'x',
		when: 'always',
	} as const;
	return {
		id: 'dlv_1',
		tenant: 'default',
		runId: 'run_1',
		scheduleId: 'sch_1',
		targetKey: '0',
		target,
		fallbacks: [],
		sealedFor: 'sch_1',
		state: 'pending',
		epoch: 0,
		attempt: 0,
		owner: null,
		leaseUntil: null,
		dueAt: T0,
		createdAt: T0,
		endedAt: null,
		artifact: null,
		receipt: null,
		error: null,
		priority: 0,
		deadlineAt: null,
		...more,
	};
}

export function aNotification(more: Partial<Notification> = {}): Notification {
	return {
		id: 'ntf_1',
		tenant: 'default',
		runId: 'run_1',
		scheduleId: 'sch_1',
		notifyKey: '0',
		state: 'pending',
		epoch: 0,
		attempt: 0,
		owner: null,
		leaseUntil: null,
		dueAt: T0,
		createdAt: T0,
		endedAt: null,
		sealedUrl: null,
		sealedBody: null,
		status: null,
		error: null,
		...more,
	};
}

export const ENGINE = 'eng_1' as EngineId;

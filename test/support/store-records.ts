import { createHash } from 'node:crypto';

import { NO_OVERRIDES } from '../../engine/contract/timing.ts';
import type { Clock } from '../../engine/clock.ts';
import type { RunSettlement } from '../../engine/contract/change.ts';
import type { EventDraft, EventType } from '../../engine/contract/event.ts';
import type { EngineId, NewId, ScheduleId } from '../../engine/contract/ids.ts';
import { policiesSchema } from '../../engine/contract/policies.ts';
import type { ResultRecord } from '../../engine/contract/result.ts';
import type { Delivery, Link, Notification, Run } from '../../engine/contract/run.ts';
import type { RunSpec, Schedule, SpecRecord } from '../../engine/contract/schedule.ts';
import { createIds } from '../../engine/ids.ts';
import type { ClaimEvents } from '../../engine/stores/store.port.ts';

export const T0 = Date.UTC(2027, 0, 1);
export const TENANT = 'default';
export const ENGINE: EngineId = 'eng_one';

/** A clock that stands until it is moved. */
export interface TestClock extends Clock {
	at: number;
}

export function testClock(at = T0): TestClock {
	const clock: TestClock = {
		at,
		now: () => clock.at,
		monotonic: () => clock.at,
		after: () => () => undefined,
	};
	return clock;
}

export function event(
	type: EventType,
	subject: Record<string, string>,
	tenant = TENANT,
): EventDraft {
	return { type, tenant, at: T0, subject };
}

export const claimEvents: ClaimEvents = {
	run: (run) => event('run.running', { runId: run.id }, run.tenant),
	delivery: (delivery) => event('delivery.sending', { deliveryId: delivery.id }, delivery.tenant),
	notification: (notification) =>
		event('notification.sending', { notificationId: notification.id }, notification.tenant),
};

export function sha256(bytes: string | Uint8Array): string {
	return createHash('sha256').update(bytes).digest('hex');
}

/** Makes valid records, each overridable. */
export function createRecords(clock: Clock): Records {
	const newId = createIds(clock);
	const specRecord: Records['spec'] = (changes = {}) => {
		const spec: RunSpec = {
			tenant: TENANT,
			capability: 'reports',
			action: 'daily',
			parameters: {},
			policies: policiesSchema.parse({}),
			delivery: null,
			notify: [],
			schedule: null,
			timeZone: 'UTC',
			sealedFor: 'sch_x',
			...changes,
		};
		return { id: sha256(JSON.stringify(spec)), spec };
	};
	const common = { tenant: TENANT, createdAt: clock.now() };

	return {
		newId,
		spec: specRecord,
		schedule: (changes = {}) => ({
			id: newId('schedule'),
			tenant: TENANT,
			name: null,
			capability: 'reports',
			action: 'daily',
			labels: {},
			metadata: {},
			state: 'active',
			pauseReason: null,
			revision: 1,
			specId: specRecord().id,
			timing: { kind: 'every', every: 60_000, anchor: T0, timeZone: 'UTC' },
			lastAt: null,
			windowFrom: null,
			nextAt: clock.now() + 60_000,
			dueAt: changes.nextAt === undefined ? clock.now() + 60_000 : changes.nextAt,
			overrides: NO_OVERRIDES,
			zoneData: '2026a',
			timedAt: clock.now(),
			runsMade: 0,
			pauses: [],
			failures: 0,
			createdAt: clock.now(),
			updatedAt: clock.now(),
			...changes,
		}),
		run: (changes = {}) => ({
			...common,
			id: newId('run'),
			scheduleId: null,
			specId: specRecord().id,
			capability: 'reports',
			action: 'daily',
			trigger: 'api',
			nominalAt: null,
			movedFrom: null,
			windowStart: null,
			backfillId: null,
			createdAt: clock.now(),
			readyAt: clock.now(),
			state: 'queued',
			epoch: 0,
			attempt: 0,
			owner: null,
			leaseUntil: null,
			deadlineAt: null,
			beatBy: null,
			priority: 0,
			serialKey: null,
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
			...changes,
		}),
		delivery: (run, changes = {}) => ({
			id: newId('delivery'),
			tenant: run.tenant,
			runId: run.id,
			scheduleId: run.scheduleId,
			targetKey: '0',
			target: {
				key: '0',
				channel: 'file',
				settings: {},
				format: 'csv',
				options: {},
				filename: 'x.csv',
				when: 'always',
			},
			fallbacks: [],
			sealedFor: run.id,
			state: 'pending',
			epoch: 0,
			attempt: 0,
			owner: null,
			leaseUntil: null,
			dueAt: clock.now(),
			createdAt: clock.now(),
			endedAt: null,
			artifact: null,
			receipt: null,
			error: null,
			priority: 0,
			deadlineAt: null,
			...changes,
		}),
		notification: (run, changes = {}) => ({
			id: newId('notification'),
			tenant: run.tenant,
			runId: run.id,
			scheduleId: run.scheduleId,
			notifyKey: '0',
			state: 'pending',
			epoch: 0,
			attempt: 0,
			owner: null,
			leaseUntil: null,
			dueAt: clock.now(),
			createdAt: clock.now(),
			endedAt: null,
			sealedUrl: null,
			sealedBody: null,
			status: null,
			error: null,
			...changes,
		}),
		link: (run, changes = {}) => ({
			id: newId('link'),
			tenant: run.tenant,
			runId: run.id,
			resultId: run.resultId ?? newId('result'),
			secretHash: sha256(newId('request')),
			format: 'json',
			options: {},
			anyFormat: true,
			expiresAt: clock.now() + 86_400_000,
			maxUses: null,
			uses: 0,
			revokedAt: null,
			createdAt: clock.now(),
			...changes,
		}),
		result: (run, text = '{"ok":true}') => ({
			record: {
				id: newId('result'),
				tenant: run.tenant,
				runId: run.id,
				encoding: 'json',
				contentType: 'application/json',
				blob: { sha256: sha256(text), size: Buffer.byteLength(text) },
				createdAt: clock.now(),
			},
			inline: Buffer.from(text),
		}),
		success(run, changes = {}) {
			const result = this.result(run);
			return {
				runId: run.id,
				tenant: run.tenant,
				from: ['running', 'waiting'],
				epoch: run.epoch,
				set: {
					state: 'succeeded',
					owner: null,
					leaseUntil: null,
					deadlineAt: null,
					endedAt: clock.now(),
					resultId: result.record.id,
					error: null,
				},
				timer: null,
				attempt: {
					runId: run.id,
					epoch: run.epoch,
					attempt: run.attempt,
					owner: run.owner,
					startedAt: run.startedAt ?? clock.now(),
					endedAt: clock.now(),
					outcome: 'succeeded',
					error: null,
				},
				result,
				events: [event('run.succeeded', { runId: run.id }, run.tenant)],
				...changes,
			};
		},
		change: (run, state, changes = {}) => ({
			runId: run.id,
			tenant: run.tenant,
			from: ['queued', 'running', 'waiting', 'retrying'],
			epoch: run.epoch,
			set: { state, owner: null, leaseUntil: null },
			events: [event(`run.${state}`, { runId: run.id }, run.tenant)],
			...changes,
		}),
	};
}

export interface Records {
	newId: NewId;
	spec(changes?: Partial<RunSpec>): SpecRecord;
	schedule(changes?: Partial<Schedule>): Schedule;
	run(changes?: Partial<Run>): Run;
	delivery(run: RunLike, changes?: Partial<Delivery>): Delivery;
	notification(run: RunLike, changes?: Partial<Notification>): Notification;
	link(run: RunLike & { resultId?: Run['resultId'] }, changes?: Partial<Link>): Link;
	result(run: RunLike, text?: string): { record: ResultRecord; inline: Uint8Array };
	success(run: Run, changes?: Partial<RunSettlement>): RunSettlement;
	change(run: Run, state: Run['state'], changes?: Partial<RunSettlement>): RunSettlement;
}

type RunLike = Pick<Run, 'id' | 'tenant'> & { scheduleId: ScheduleId | null };

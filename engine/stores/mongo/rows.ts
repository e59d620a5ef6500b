import type { KeyRecord } from '../../contract/access.ts';
import type { Backfill } from '../../contract/backfill.ts';
import type { Calendar } from '../../contract/calendar.ts';
import type { Capability } from '../../contract/capability.ts';
import type { Destination } from '../../contract/destination.ts';
import type { ArtifactRecord, ResultRecord } from '../../contract/result.ts';
import type { Delivery, Link, Notification, Run } from '../../contract/run.ts';
import type { LedgerRow, Schedule, SpecRecord } from '../../contract/schedule.ts';
import type { ArchiveRecords, CalendarHead, TargetMemory } from '../archive.port.ts';
import type { SharedState } from '../shared-state.port.ts';
import type { IdempotencyRecord } from '../store.port.ts';
import { codec } from './codec.ts';
import { targetId } from './documents.ts';

export const keyRows = codec<KeyRecord>(
	{
		id: 'plain',
		tenant: 'plain',
		name: 'plain',
		hash: 'plain',
		scopes: 'json',
		capabilities: 'json?',
		createdAt: 'plain',
		expiresAt: 'plain?',
		revokedAt: 'plain?',
	},
	({ id }) => id,
	'id',
);

export const idempotencyRows = codec<IdempotencyRecord>(
	{
		tenant: 'plain',
		key: 'plain',
		fingerprint: 'plain',
		expiresAt: 'plain',
		response: 'plain',
	},
	({ tenant, key }) => JSON.stringify([String(tenant), String(key)]),
);

export const capabilityRows = codec<Capability>(
	{
		tenant: 'plain',
		name: 'plain',
		revision: 'plain',
		title: 'plain?',
		description: 'plain?',
		actions: 'json',
		binding: 'json',
		createdAt: 'plain',
		updatedAt: 'plain',
	},
	({ tenant, name }) => JSON.stringify([String(tenant), String(name)]),
);

/** Each is one version. */
export const calendarRows = codec<Calendar>(
	{
		id: 'plain',
		tenant: 'plain',
		name: 'plain',
		title: 'plain',
		version: 'plain',
		weekend: 'json',
		days: 'json',
		knownFrom: 'plain',
		knownUntil: 'plain',
		source: 'json',
		createdAt: 'plain',
	},
	({ id, version }) => calendarVersionId(id, version),
);

export function calendarVersionId(id: string, version: number): string {
	return `${id}@${version}`;
}

export const destinationRows = codec<Destination>(
	{
		id: 'plain',
		tenant: 'plain',
		name: 'plain',
		channel: 'plain',
		settings: 'json',
		sealed: 'json',
		enabled: 'plain',
		disabledReason: 'plain',
		rules: 'json?',
		revision: 'plain',
		createdAt: 'plain',
		updatedAt: 'plain',
	},
	({ id }) => id,
	'id',
);

export const scheduleRows = codec<Schedule>(
	{
		id: 'plain',
		tenant: 'plain',
		name: 'plain',
		capability: 'plain',
		action: 'plain',
		labels: 'json',
		metadata: 'json',
		state: 'plain',
		pauseReason: 'plain',
		revision: 'plain',
		specId: 'plain',
		timing: 'json',
		lastAt: 'plain',
		windowFrom: 'plain',
		nextAt: 'plain',
		dueAt: 'plain',
		overrides: 'json',
		zoneData: 'plain',
		timedAt: 'plain',
		runsMade: 'plain',
		pauses: 'json',
		failures: 'plain',
		createdAt: 'plain',
		updatedAt: 'plain',
	},
	({ id }) => id,
	'id',
);

export const ledgerRows = codec<LedgerRow>(
	{
		tenant: 'plain',
		scheduleId: 'plain',
		nominalAt: 'plain',
		dueAt: 'plain',
		outcome: 'plain',
		decidedAt: 'plain',
		trigger: 'plain',
		runId: 'plain',
		reason: 'plain',
		movedFrom: 'plain',
	},
	// Sorts by the instant within a schedule.
	({ scheduleId, nominalAt }) => `${scheduleId}@${String(nominalAt).padStart(15, '0')}`,
);

export const runRows = codec<Run>(
	{
		id: 'plain',
		tenant: 'plain',
		scheduleId: 'plain',
		specId: 'plain',
		capability: 'plain',
		action: 'plain',
		trigger: 'plain',
		nominalAt: 'plain',
		movedFrom: 'plain',
		windowStart: 'plain',
		backfillId: 'plain',
		createdAt: 'plain',
		readyAt: 'plain',
		state: 'plain',
		epoch: 'plain',
		attempt: 'plain',
		owner: 'plain',
		leaseUntil: 'plain',
		deadlineAt: 'plain',
		beatBy: 'plain',
		priority: 'plain',
		serialKey: 'plain',
		concurrencyKey: 'plain',
		concurrencyLimit: 'plain',
		slaDueAt: 'plain',
		slaState: 'plain',
		slaSettledAt: 'plain',
		held: 'plain',
		startedAt: 'plain',
		endedAt: 'plain',
		resultId: 'plain',
		error: 'json',
		progress: 'json',
	},
	({ id }) => id,
	'id',
);

export const backfillRows = codec<Backfill>(
	{
		id: 'plain',
		tenant: 'plain',
		scheduleId: 'plain',
		capability: 'plain',
		state: 'plain',
		fromAt: 'plain',
		toAt: 'plain',
		concurrency: 'plain',
		ordering: 'plain',
		which: 'plain',
		total: 'plain',
		counts: 'json',
		createdBy: 'plain',
		createdAt: 'plain',
		endedAt: 'plain',
	},
	({ id }) => id,
	'id',
);

export const resultRows = codec<ResultRecord>(
	{
		id: 'plain',
		tenant: 'plain',
		runId: 'plain',
		encoding: 'plain',
		contentType: 'plain',
		filename: 'plain?',
		blob: 'json',
		rows: 'plain?',
		columns: 'json?',
		createdAt: 'plain',
	},
	({ id }) => id,
	'id',
);

export const artifactRows = codec<ArtifactRecord>(
	{
		tenant: 'plain',
		resultId: 'plain',
		rendering: 'plain',
		format: 'plain',
		contentType: 'plain',
		extension: 'plain',
		blob: 'json',
		notices: 'json?',
		createdAt: 'plain',
	},
	({ resultId, rendering }) => JSON.stringify([String(resultId), String(rendering)]),
);

export const linkRows = codec<Link>(
	{
		id: 'plain',
		tenant: 'plain',
		runId: 'plain',
		resultId: 'plain',
		secretHash: 'plain',
		format: 'plain',
		options: 'json',
		anyFormat: 'plain',
		expiresAt: 'plain',
		maxUses: 'plain',
		uses: 'plain',
		revokedAt: 'plain',
		createdAt: 'plain',
	},
	({ id }) => id,
	'id',
);

export const deliveryRows = codec<Delivery>(
	{
		id: 'plain',
		tenant: 'plain',
		runId: 'plain',
		scheduleId: 'plain',
		targetKey: 'plain',
		target: 'json',
		fallbacks: 'json',
		sealedFor: 'plain',
		state: 'plain',
		epoch: 'plain',
		attempt: 'plain',
		owner: 'plain',
		leaseUntil: 'plain',
		dueAt: 'plain',
		createdAt: 'plain',
		endedAt: 'plain',
		artifact: 'json',
		receipt: 'json',
		error: 'json',
		priority: 'plain',
		deadlineAt: 'plain',
	},
	// A run has one delivery a target: the key sees to it.
	({ runId, targetKey }) => JSON.stringify([String(runId), String(targetKey)]),
);

export const notificationRows = codec<Notification>(
	{
		id: 'plain',
		tenant: 'plain',
		runId: 'plain',
		scheduleId: 'plain',
		notifyKey: 'plain',
		state: 'plain',
		epoch: 'plain',
		attempt: 'plain',
		owner: 'plain',
		leaseUntil: 'plain',
		dueAt: 'plain',
		createdAt: 'plain',
		endedAt: 'plain',
		sealedUrl: 'plain',
		sealedBody: 'plain',
		status: 'plain',
		error: 'json',
	},
	({ runId, notifyKey }) => JSON.stringify([String(runId), String(notifyKey)]),
);

export const sharedStateRows = codec<SharedState>(
	{
		tenant: 'plain',
		key: 'plain',
		value: 'json',
		dueAt: 'plain',
		keepUntil: 'plain',
		revision: 'plain',
	},
	({ tenant, key }) => JSON.stringify([String(tenant), String(key)]),
);

/* Those that follow are for archives only: the store itself writes them by hand. */

export const calendarHeadRows = codec<CalendarHead>(
	{
		id: 'plain',
		tenant: 'plain',
		name: 'plain',
		version: 'plain',
		knownUntil: 'plain',
		deletedAt: 'plain',
	},
	({ id }) => id,
	'id',
);

export const targetRows = codec<TargetMemory>(
	{
		scheduleId: 'plain',
		targetKey: 'plain',
		tenant: 'plain',
		deliveredSha256: 'plain',
		disabledReason: 'plain',
		disabledAt: 'plain',
	},
	({ scheduleId, targetKey }) => targetId(scheduleId, targetKey),
);

export const markRows = codec<ArchiveRecords['marks']>(
	{ name: 'plain', value: 'plain' },
	({ name }) => name,
	'name',
);

export const specRows = codec<SpecRecord>({ id: 'plain', spec: 'json' }, ({ id }) => id, 'id');

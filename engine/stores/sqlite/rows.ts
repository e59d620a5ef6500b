import type { SQLInputValue } from 'node:sqlite';

import type { KeyRecord } from '../../contract/access.ts';
import type { Backfill } from '../../contract/backfill.ts';
import type { Calendar } from '../../contract/calendar.ts';
import type { Capability } from '../../contract/capability.ts';
import type { Destination } from '../../contract/destination.ts';
import type {
	AttemptRecord,
	Delivery,
	DeliveryAttempt,
	Link,
	Notification,
	Run,
} from '../../contract/run.ts';
import type { LedgerRow, Schedule, SpecRecord } from '../../contract/schedule.ts';
import type { ArtifactRecord, ResultRecord } from '../../contract/result.ts';
import type { ArchiveRecords, CalendarHead, TargetMemory } from '../archive.port.ts';
import type { Flat } from '../shared/flat-blob.ts';
import type { SharedState } from '../shared-state.port.ts';
import type { IdempotencyRecord } from '../store.port.ts';

/**
 * How a field is kept: `plain` as it is, `flag` as 0 or 1, `json` as text, where null stays NULL.
 * With `?` the field is optional: NULL means that it is missing.
 */
type Kind = 'plain' | 'flag' | 'json' | 'plain?' | 'json?';

/** Translates between a record and its row; columns have the names of the fields. */
export interface Codec<T> {
	/** `id, tenant, …` for SELECT. */
	readonly columns: string;
	/** `INSERT INTO … (…) VALUES (?, …)`. */
	readonly insert: string;
	/** The same, and nothing happens when the key is there. */
	readonly insertOrIgnore: string;
	/** The same, and the row of that key is replaced. */
	readonly insertOrReplace: string;
	toRow(record: T): SQLInputValue[];
	/** Reads a row of `columns`, as an array; columns may follow. */
	fromRow: (row: readonly unknown[]) => T;
	encode(field: keyof T, value: unknown): SQLInputValue;
}

function codec<T extends object>(
	table: string,
	shape: { [F in keyof Required<T>]: Kind },
): Codec<T> {
	const fields = Object.keys(shape) as (keyof T & string)[];
	const kinds = fields.map((field) => shape[field]);
	const optional = kinds.map((kind) => kind.endsWith('?'));
	/** A copy of it has its final shape at once: a record that grows field by field leaves its former selves behind. */
	const blank = Object.fromEntries(
		fields.filter((_, i) => !optional[i]).map((field) => [field, null]),
	);
	const into = `INTO ${table} (${fields.join(', ')}) VALUES (${fields.map(() => '?').join(', ')})`;
	return {
		columns: fields.join(', '),
		insert: `INSERT ${into}`,
		insertOrIgnore: `INSERT OR IGNORE ${into}`,
		insertOrReplace: `INSERT OR REPLACE ${into}`,
		toRow(record) {
			const row = new Array<SQLInputValue>(fields.length);
			for (let i = 0; i < fields.length; i++) {
				row[i] = encode(kinds[i]!, record[fields[i] as keyof T]);
			}
			return row;
		},
		fromRow(row) {
			const record: Record<string, unknown> = { ...blank };
			for (let i = 0; i < fields.length; i++) {
				const value = row[i];
				if (value !== null) record[fields[i]!] = decode(kinds[i]!, value);
			}
			return record as T;
		},
		encode: (field, value) => encode(shape[field], value),
	};
}

function encode(kind: Kind, value: unknown): SQLInputValue {
	if (value === undefined || value === null) return null;
	if (kind === 'plain' || kind === 'plain?') return value as SQLInputValue;
	return kind === 'flag' ? Number(value) : JSON.stringify(value);
}

function decode(kind: Kind, value: unknown): unknown {
	if (kind === 'plain' || kind === 'plain?') return value;
	return kind === 'flag' ? value === 1 : JSON.parse(value as string);
}

export const keyRows = codec<KeyRecord>('api_keys', {
	id: 'plain',
	tenant: 'plain',
	name: 'plain',
	hash: 'plain',
	scopes: 'json',
	capabilities: 'json?',
	createdAt: 'plain',
	expiresAt: 'plain?',
	revokedAt: 'plain?',
});

export const idempotencyRows = codec<IdempotencyRecord>('idempotency', {
	tenant: 'plain',
	key: 'plain',
	fingerprint: 'plain',
	expiresAt: 'plain',
	response: 'plain',
});

export const capabilityRows = codec<Capability>('capabilities', {
	tenant: 'plain',
	name: 'plain',
	revision: 'plain',
	title: 'plain?',
	description: 'plain?',
	actions: 'json',
	binding: 'json',
	createdAt: 'plain',
	updatedAt: 'plain',
});

/** Each row is one version. */
export const calendarRows = codec<Calendar>('calendar_versions', {
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
});

export const destinationRows = codec<Destination>('destinations', {
	id: 'plain',
	tenant: 'plain',
	name: 'plain',
	channel: 'plain',
	settings: 'json',
	sealed: 'json',
	enabled: 'flag',
	disabledReason: 'plain',
	revision: 'plain',
	createdAt: 'plain',
	updatedAt: 'plain',
	rules: 'json?',
});

export const scheduleRows = codec<Schedule>('schedules', {
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
});

export const ledgerRows = codec<LedgerRow>('occurrences', {
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
});

export const runRows = codec<Run>('runs', {
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
	held: 'flag',
	startedAt: 'plain',
	endedAt: 'plain',
	resultId: 'plain',
	error: 'json',
	progress: 'json',
});

export const backfillRows = codec<Backfill>('backfills', {
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
});

export const attemptRows = codec<AttemptRecord>('run_attempts', {
	runId: 'plain',
	epoch: 'plain',
	attempt: 'plain',
	owner: 'plain',
	startedAt: 'plain',
	endedAt: 'plain',
	outcome: 'plain',
	error: 'json',
});

export const linkRows = codec<Link>('links', {
	id: 'plain',
	tenant: 'plain',
	runId: 'plain',
	resultId: 'plain',
	secretHash: 'plain',
	format: 'plain',
	options: 'json',
	anyFormat: 'flag',
	expiresAt: 'plain',
	maxUses: 'plain',
	uses: 'plain',
	revokedAt: 'plain',
	createdAt: 'plain',
});

export const deliveryRows = codec<Delivery>('deliveries', {
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
});

export const deliveryAttemptRows = codec<DeliveryAttempt>('delivery_attempts', {
	deliveryId: 'plain',
	epoch: 'plain',
	attempt: 'plain',
	startedAt: 'plain',
	endedAt: 'plain',
	outcome: 'plain',
	error: 'json',
});

export const notificationRows = codec<Notification>('notifications', {
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
});

export const sharedStateRows = codec<SharedState>('shared_states', {
	tenant: 'plain',
	key: 'plain',
	value: 'json',
	dueAt: 'plain',
	keepUntil: 'plain',
	revision: 'plain',
});

/* Those that follow are for archives only: the store itself writes them by hand. */

export const resultRows = codec<Flat<ResultRecord>>('results', {
	id: 'plain',
	tenant: 'plain',
	runId: 'plain',
	encoding: 'plain',
	contentType: 'plain',
	filename: 'plain?',
	sha256: 'plain',
	size: 'plain',
	rows: 'plain?',
	columns: 'json?',
	createdAt: 'plain',
});

export const artifactRows = codec<Flat<ArtifactRecord>>('artifacts', {
	tenant: 'plain',
	resultId: 'plain',
	rendering: 'plain',
	format: 'plain',
	contentType: 'plain',
	extension: 'plain',
	sha256: 'plain',
	size: 'plain',
	notices: 'json?',
	createdAt: 'plain',
});

export const calendarHeadRows = codec<CalendarHead>('calendars', {
	id: 'plain',
	tenant: 'plain',
	name: 'plain',
	version: 'plain',
	knownUntil: 'plain',
	deletedAt: 'plain',
});

export const targetRows = codec<TargetMemory>('targets', {
	scheduleId: 'plain',
	targetKey: 'plain',
	tenant: 'plain',
	deliveredSha256: 'plain',
	disabledReason: 'plain',
	disabledAt: 'plain',
});

export const markRows = codec<ArchiveRecords['marks']>('marks', {
	name: 'plain',
	value: 'plain',
});

export const specRows = codec<SpecRecord>('specs', {
	id: 'plain',
	spec: 'json',
});

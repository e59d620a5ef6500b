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
import type { SqlValue } from './database.ts';

/**
 * How a field is kept: `text`, `int` (instants and counts), `flag`, or `json` as text, where null stays NULL.
 * With `?` the field is optional: NULL means that it is missing.
 */
type Kind = 'text' | 'int' | 'flag' | 'json' | 'text?' | 'int?' | 'json?';

/** Translates between a record and its row; columns have the names of the fields, which PostgreSQL folds. */
export interface Codec<T> {
	readonly table: string;
	readonly fields: readonly string[];
	/** PostgreSQL's types of the fields. */
	readonly types: readonly string[];
	/** `id, tenant, …` for SELECT. */
	readonly columns: string;
	/** The same of a table under another name. */
	columnsOf(alias: string): string;
	toRow(record: T): SqlValue[];
	/** Reads a row of `columns`; columns may follow. */
	fromRow: (row: readonly unknown[]) => T;
	encode(field: keyof T & string, value: unknown): SqlValue;
	typeOf(field: keyof T & string): string;
}

const TYPES = { text: 'text', json: 'text', int: 'bigint', flag: 'boolean' } as const;

function typeOf(kind: Kind): string {
	return TYPES[kind.replace('?', '') as keyof typeof TYPES];
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
	return {
		table,
		fields,
		types: kinds.map(typeOf),
		columns: fields.join(', '),
		columnsOf: (alias) => fields.map((field) => `${alias}.${field}`).join(', '),
		toRow(record) {
			const row = new Array<SqlValue>(fields.length);
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
		typeOf: (field) => typeOf(shape[field]),
	};
}

function encode(kind: Kind, value: unknown): SqlValue {
	if (value === undefined || value === null) return null;
	return kind === 'json' || kind === 'json?' ? JSON.stringify(value) : (value as SqlValue);
}

function decode(kind: Kind, value: unknown): unknown {
	return kind === 'json' || kind === 'json?' ? JSON.parse(value as string) : value;
}

export const keyRows = codec<KeyRecord>('api_keys', {
	id: 'text',
	tenant: 'text',
	name: 'text',
	hash: 'text',
	scopes: 'json',
	capabilities: 'json?',
	createdAt: 'int',
	expiresAt: 'int?',
	revokedAt: 'int?',
});

export const idempotencyRows = codec<IdempotencyRecord>('idempotency', {
	tenant: 'text',
	key: 'text',
	fingerprint: 'text',
	expiresAt: 'int',
	response: 'text',
});

export const capabilityRows = codec<Capability>('capabilities', {
	tenant: 'text',
	name: 'text',
	revision: 'int',
	title: 'text?',
	description: 'text?',
	actions: 'json',
	binding: 'json',
	createdAt: 'int',
	updatedAt: 'int',
});

/** Each row is one version. */
export const calendarRows = codec<Calendar>('calendar_versions', {
	id: 'text',
	tenant: 'text',
	name: 'text',
	title: 'text',
	version: 'int',
	weekend: 'json',
	days: 'json',
	knownFrom: 'text',
	knownUntil: 'text',
	source: 'json',
	createdAt: 'int',
});

export const destinationRows = codec<Destination>('destinations', {
	id: 'text',
	tenant: 'text',
	name: 'text',
	channel: 'text',
	settings: 'json',
	sealed: 'json',
	enabled: 'flag',
	disabledReason: 'text',
	revision: 'int',
	createdAt: 'int',
	updatedAt: 'int',
	rules: 'json?',
});

export const scheduleRows = codec<Schedule>('schedules', {
	id: 'text',
	tenant: 'text',
	name: 'text',
	capability: 'text',
	action: 'text',
	labels: 'json',
	metadata: 'json',
	state: 'text',
	pauseReason: 'text',
	revision: 'int',
	specId: 'text',
	timing: 'json',
	lastAt: 'int',
	windowFrom: 'int',
	nextAt: 'int',
	dueAt: 'int',
	overrides: 'json',
	zoneData: 'text',
	timedAt: 'int',
	runsMade: 'int',
	pauses: 'json',
	failures: 'int',
	createdAt: 'int',
	updatedAt: 'int',
});

export const ledgerRows = codec<LedgerRow>('occurrences', {
	tenant: 'text',
	scheduleId: 'text',
	nominalAt: 'int',
	dueAt: 'int',
	outcome: 'text',
	decidedAt: 'int',
	trigger: 'text',
	runId: 'text',
	reason: 'text',
	movedFrom: 'int',
});

export const runRows = codec<Run>('runs', {
	id: 'text',
	tenant: 'text',
	scheduleId: 'text',
	specId: 'text',
	capability: 'text',
	action: 'text',
	trigger: 'text',
	nominalAt: 'int',
	movedFrom: 'int',
	windowStart: 'int',
	backfillId: 'text',
	createdAt: 'int',
	readyAt: 'int',
	state: 'text',
	epoch: 'int',
	attempt: 'int',
	owner: 'text',
	leaseUntil: 'int',
	deadlineAt: 'int',
	beatBy: 'int',
	priority: 'int',
	serialKey: 'text',
	concurrencyKey: 'text',
	concurrencyLimit: 'int',
	slaDueAt: 'int',
	slaState: 'text',
	slaSettledAt: 'int',
	held: 'flag',
	startedAt: 'int',
	endedAt: 'int',
	resultId: 'text',
	error: 'json',
	progress: 'json',
});

export const backfillRows = codec<Backfill>('backfills', {
	id: 'text',
	tenant: 'text',
	scheduleId: 'text',
	capability: 'text',
	state: 'text',
	fromAt: 'int',
	toAt: 'int',
	concurrency: 'int',
	ordering: 'text',
	which: 'text',
	total: 'int',
	counts: 'json',
	createdBy: 'text',
	createdAt: 'int',
	endedAt: 'int',
});

export const attemptRows = codec<AttemptRecord>('run_attempts', {
	runId: 'text',
	epoch: 'int',
	attempt: 'int',
	owner: 'text',
	startedAt: 'int',
	endedAt: 'int',
	outcome: 'text',
	error: 'json',
});

export const linkRows = codec<Link>('links', {
	id: 'text',
	tenant: 'text',
	runId: 'text',
	resultId: 'text',
	secretHash: 'text',
	format: 'text',
	options: 'json',
	anyFormat: 'flag',
	expiresAt: 'int',
	maxUses: 'int',
	uses: 'int',
	revokedAt: 'int',
	createdAt: 'int',
});

export const deliveryRows = codec<Delivery>('deliveries', {
	id: 'text',
	tenant: 'text',
	runId: 'text',
	scheduleId: 'text',
	targetKey: 'text',
	target: 'json',
	fallbacks: 'json',
	sealedFor: 'text',
	state: 'text',
	epoch: 'int',
	attempt: 'int',
	owner: 'text',
	leaseUntil: 'int',
	dueAt: 'int',
	createdAt: 'int',
	endedAt: 'int',
	artifact: 'json',
	receipt: 'json',
	error: 'json',
	priority: 'int',
	deadlineAt: 'int',
});

export const deliveryAttemptRows = codec<DeliveryAttempt>('delivery_attempts', {
	deliveryId: 'text',
	epoch: 'int',
	attempt: 'int',
	startedAt: 'int',
	endedAt: 'int',
	outcome: 'text',
	error: 'json',
});

export const notificationRows = codec<Notification>('notifications', {
	id: 'text',
	tenant: 'text',
	runId: 'text',
	scheduleId: 'text',
	notifyKey: 'text',
	state: 'text',
	epoch: 'int',
	attempt: 'int',
	owner: 'text',
	leaseUntil: 'int',
	dueAt: 'int',
	createdAt: 'int',
	endedAt: 'int',
	sealedUrl: 'text',
	sealedBody: 'text',
	status: 'int',
	error: 'json',
});

export const sharedStateRows = codec<SharedState>('shared_states', {
	tenant: 'text',
	key: 'text',
	value: 'json',
	dueAt: 'int',
	keepUntil: 'int',
	revision: 'int',
});

/* Those that follow are for archives only: the store itself writes them by hand. */

export const resultRows = codec<Flat<ResultRecord>>('results', {
	id: 'text',
	tenant: 'text',
	runId: 'text',
	encoding: 'text',
	contentType: 'text',
	filename: 'text?',
	sha256: 'text',
	size: 'int',
	rows: 'int?',
	columns: 'json?',
	createdAt: 'int',
});

export const artifactRows = codec<Flat<ArtifactRecord>>('artifacts', {
	tenant: 'text',
	resultId: 'text',
	rendering: 'text',
	format: 'text',
	contentType: 'text',
	extension: 'text',
	sha256: 'text',
	size: 'int',
	notices: 'json?',
	createdAt: 'int',
});

export const calendarHeadRows = codec<CalendarHead>('calendars', {
	id: 'text',
	tenant: 'text',
	name: 'text',
	version: 'int',
	knownUntil: 'text',
	deletedAt: 'int',
});

export const targetRows = codec<TargetMemory>('targets', {
	scheduleId: 'text',
	targetKey: 'text',
	tenant: 'text',
	deliveredSha256: 'text',
	disabledReason: 'text',
	disabledAt: 'int',
});

export const markRows = codec<ArchiveRecords['marks']>('marks', {
	name: 'text',
	value: 'int',
});

export const specRows = codec<SpecRecord>('specs', {
	id: 'text',
	spec: 'json',
});

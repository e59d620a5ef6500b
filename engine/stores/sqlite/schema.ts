import { CapError } from '../../contract/errors.ts';
import type { Database } from './database.ts';

/**
 * The tables, as migrations: the position in the list is the version that `PRAGMA user_version` names.
 * A migration that was released is never changed; another is added.
 *
 * Instants are integers (milliseconds since 1970), booleans 0 or 1, structured values JSON text. There are
 * no foreign keys: on the hot path each would cost a look-up, and everything that belongs together is
 * written and deleted in one commit; `doctor` looks for orphans.
 */
const MIGRATIONS: readonly string[] = [
	`
-- Agenda's jobs: its own maintenance jobs, and our timers. A timer's id is '<name>:<entity id>' and its
-- data {"key":"<entity id>"}, so that setting it twice is one row. Columns as in agenda-columns.ts, which
-- knows how each is encoded; names in the style of Agenda's own SQL backends.
CREATE TABLE agenda_jobs (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	type TEXT NOT NULL DEFAULT 'normal',
	priority INTEGER NOT NULL DEFAULT 0,
	next_run_at INTEGER,
	locked_at INTEGER,
	last_run_at INTEGER,
	last_finished_at INTEGER,
	failed_at INTEGER,
	fail_count INTEGER,
	fail_reason TEXT,
	-- JSON: a string or a number
	repeat_interval TEXT,
	repeat_at TEXT,
	repeat_timezone TEXT,
	start_date INTEGER,
	end_date INTEGER,
	-- JSON: an array of numbers
	skip_days TEXT,
	-- JSON
	data TEXT,
	debounce_started_at INTEGER,
	disabled INTEGER NOT NULL DEFAULT 0,
	progress REAL,
	fork INTEGER NOT NULL DEFAULT 0,
	last_modified_by TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX agenda_jobs_due ON agenda_jobs (name, next_run_at);
CREATE INDEX agenda_jobs_locked ON agenda_jobs (name, locked_at) WHERE locked_at IS NOT NULL;
CREATE UNIQUE INDEX agenda_jobs_single ON agenda_jobs (name) WHERE type = 'single';

-- Written only where an Agenda is asked to log (ours is not).
CREATE TABLE agenda_logs (
	id INTEGER PRIMARY KEY,
	at INTEGER NOT NULL,
	level TEXT NOT NULL,
	event TEXT NOT NULL,
	job_id TEXT,
	job_name TEXT NOT NULL,
	message TEXT NOT NULL,
	details TEXT NOT NULL
) STRICT;
CREATE INDEX agenda_logs_job ON agenda_logs (job_id, at) WHERE job_id IS NOT NULL;

CREATE TABLE api_keys (
	id TEXT PRIMARY KEY,
	tenant TEXT NOT NULL,
	name TEXT NOT NULL,
	hash TEXT NOT NULL,
	scopes TEXT NOT NULL,
	capabilities TEXT,
	createdAt INTEGER NOT NULL,
	expiresAt INTEGER,
	revokedAt INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_tenant ON api_keys (tenant, id);

CREATE TABLE idempotency (
	tenant TEXT NOT NULL,
	key TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	expiresAt INTEGER NOT NULL,
	response TEXT NOT NULL,
	PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency (expiresAt);

CREATE TABLE capabilities (
	tenant TEXT NOT NULL,
	name TEXT NOT NULL,
	revision INTEGER NOT NULL,
	title TEXT,
	description TEXT,
	actions TEXT NOT NULL,
	binding TEXT NOT NULL,
	createdAt INTEGER NOT NULL,
	updatedAt INTEGER NOT NULL,
	PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE destinations (
	id TEXT PRIMARY KEY,
	tenant TEXT NOT NULL,
	name TEXT NOT NULL,
	channel TEXT NOT NULL,
	settings TEXT NOT NULL,
	sealed TEXT NOT NULL,
	enabled INTEGER NOT NULL,
	disabledReason TEXT,
	revision INTEGER NOT NULL,
	createdAt INTEGER NOT NULL,
	updatedAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX destinations_name ON destinations (tenant, name);
CREATE INDEX destinations_tenant ON destinations (tenant, id);

-- Content-addressed and immutable: runs and schedules point here.
CREATE TABLE specs (
	id TEXT PRIMARY KEY,
	spec TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
	id TEXT PRIMARY KEY,
	tenant TEXT NOT NULL,
	name TEXT,
	capability TEXT NOT NULL,
	action TEXT NOT NULL,
	labels TEXT NOT NULL,
	metadata TEXT NOT NULL,
	state TEXT NOT NULL,
	pauseReason TEXT,
	revision INTEGER NOT NULL,
	specId TEXT NOT NULL,
	timing TEXT NOT NULL,
	lastAt INTEGER,
	nextAt INTEGER,
	runsMade INTEGER NOT NULL,
	pauses TEXT NOT NULL,
	failures INTEGER NOT NULL,
	createdAt INTEGER NOT NULL,
	updatedAt INTEGER NOT NULL
) STRICT;
CREATE INDEX schedules_tenant ON schedules (tenant, id);
CREATE INDEX schedules_state ON schedules (tenant, state, id);
CREATE INDEX schedules_capability ON schedules (tenant, capability, id);
CREATE INDEX schedules_name ON schedules (tenant, name, id) WHERE name IS NOT NULL;
CREATE INDEX schedules_spec ON schedules (specId);
CREATE INDEX schedules_deleted ON schedules (updatedAt) WHERE state = 'deleted';

CREATE TABLE schedule_labels (
	tenant TEXT NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	scheduleId TEXT NOT NULL,
	PRIMARY KEY (tenant, key, value, scheduleId)
) STRICT, WITHOUT ROWID;

-- Which destinations a schedule names, by id or by name.
CREATE TABLE schedule_destinations (
	tenant TEXT NOT NULL,
	destination TEXT NOT NULL,
	scheduleId TEXT NOT NULL,
	PRIMARY KEY (tenant, destination, scheduleId)
) STRICT, WITHOUT ROWID;

-- What is remembered of a schedule's target from run to run.
CREATE TABLE targets (
	scheduleId TEXT NOT NULL,
	targetKey TEXT NOT NULL,
	tenant TEXT NOT NULL,
	-- the result that was delivered last
	deliveredSha256 TEXT,
	disabledReason TEXT,
	disabledAt INTEGER,
	PRIMARY KEY (scheduleId, targetKey)
) STRICT, WITHOUT ROWID;

-- The ledger. Rows are written once and never changed.
CREATE TABLE occurrences (
	scheduleId TEXT NOT NULL,
	nominalAt INTEGER NOT NULL,
	tenant TEXT NOT NULL,
	outcome TEXT NOT NULL,
	decidedAt INTEGER NOT NULL,
	trigger TEXT NOT NULL,
	runId TEXT,
	reason TEXT,
	PRIMARY KEY (scheduleId, nominalAt)
) STRICT, WITHOUT ROWID;
CREATE INDEX occurrences_decided ON occurrences (decidedAt);

CREATE TABLE runs (
	-- the order of insertion
	seq INTEGER PRIMARY KEY,
	id TEXT NOT NULL,
	tenant TEXT NOT NULL,
	scheduleId TEXT,
	specId TEXT NOT NULL,
	capability TEXT NOT NULL,
	action TEXT NOT NULL,
	trigger TEXT NOT NULL,
	nominalAt INTEGER,
	windowStart INTEGER,
	createdAt INTEGER NOT NULL,
	readyAt INTEGER NOT NULL,
	state TEXT NOT NULL,
	-- when the run is to be looked at next: to be claimed, taken over, requeued or given up; far in the future
	-- while it waits for something else (see look-at.ts), null when it is over
	lookAt INTEGER,
	epoch INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	owner TEXT,
	leaseUntil INTEGER,
	deadlineAt INTEGER,
	serialKey TEXT,
	concurrencyKey TEXT,
	held INTEGER NOT NULL,
	startedAt INTEGER,
	endedAt INTEGER,
	resultId TEXT,
	error TEXT,
	progress TEXT
) STRICT;
CREATE UNIQUE INDEX runs_id ON runs (id);
CREATE INDEX runs_tenant ON runs (tenant, id);
CREATE INDEX runs_capability ON runs (tenant, capability, id);
CREATE INDEX runs_schedule ON runs (scheduleId, id) WHERE scheduleId IS NOT NULL;
CREATE INDEX runs_failed ON runs (tenant, state, id) WHERE state IN ('failed', 'cancelled', 'expired');
CREATE INDEX runs_spec ON runs (specId) WHERE scheduleId IS NULL;
CREATE INDEX runs_unfinished ON runs (scheduleId) WHERE scheduleId IS NOT NULL AND lookAt IS NOT NULL;
CREATE INDEX runs_due ON runs (state, lookAt) WHERE lookAt IS NOT NULL;

-- Unfinished runs that have a key, so that all others pay nothing for it; see run-gates.ts.
CREATE TABLE keyed_runs (
	-- of the run
	seq INTEGER PRIMARY KEY,
	tenant TEXT NOT NULL,
	serialKey TEXT,
	concurrencyKey TEXT,
	state TEXT NOT NULL,
	readyAt INTEGER NOT NULL,
	-- 1: queued behind another run with the same serialKey
	blocked INTEGER NOT NULL
) STRICT;
CREATE INDEX keyed_runs_serial ON keyed_runs (tenant, serialKey, blocked) WHERE serialKey IS NOT NULL;
CREATE INDEX keyed_runs_queued ON keyed_runs (tenant, concurrencyKey, readyAt)
	WHERE concurrencyKey IS NOT NULL AND state = 'queued' AND blocked = 0;
CREATE INDEX keyed_runs_holding ON keyed_runs (tenant, concurrencyKey)
	WHERE concurrencyKey IS NOT NULL AND state IN ('running', 'waiting');

-- Concurrency keys that nobody holds and somebody waits for, by when the first may be claimed.
CREATE TABLE run_gates (
	tenant TEXT NOT NULL,
	concurrencyKey TEXT NOT NULL,
	readyAt INTEGER NOT NULL,
	PRIMARY KEY (tenant, concurrencyKey)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_gates_ready ON run_gates (readyAt);

CREATE TABLE run_attempts (
	runId TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	owner TEXT,
	startedAt INTEGER NOT NULL,
	endedAt INTEGER NOT NULL,
	outcome TEXT NOT NULL,
	error TEXT,
	PRIMARY KEY (runId, epoch)
) STRICT, WITHOUT ROWID;

-- Every blob that a record refers to. \`bytes\` is null when they are in a file; \`refs\` counts the records.
CREATE TABLE blobs (
	sha256 TEXT PRIMARY KEY,
	size INTEGER NOT NULL,
	refs INTEGER NOT NULL,
	bytes BLOB
) STRICT;

CREATE TABLE results (
	id TEXT PRIMARY KEY,
	tenant TEXT NOT NULL,
	runId TEXT NOT NULL,
	encoding TEXT NOT NULL,
	contentType TEXT NOT NULL,
	filename TEXT,
	sha256 TEXT NOT NULL,
	size INTEGER NOT NULL,
	rows INTEGER,
	columns TEXT,
	createdAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE artifacts (
	resultId TEXT NOT NULL,
	rendering TEXT NOT NULL,
	tenant TEXT NOT NULL,
	format TEXT NOT NULL,
	contentType TEXT NOT NULL,
	extension TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	size INTEGER NOT NULL,
	createdAt INTEGER NOT NULL,
	PRIMARY KEY (resultId, rendering)
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
	id TEXT PRIMARY KEY,
	tenant TEXT NOT NULL,
	runId TEXT NOT NULL,
	resultId TEXT NOT NULL,
	secretHash TEXT NOT NULL,
	format TEXT NOT NULL,
	options TEXT NOT NULL,
	anyFormat INTEGER NOT NULL,
	expiresAt INTEGER NOT NULL,
	maxUses INTEGER,
	uses INTEGER NOT NULL,
	revokedAt INTEGER,
	createdAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX links_run ON links (runId);

CREATE TABLE deliveries (
	seq INTEGER PRIMARY KEY,
	id TEXT NOT NULL,
	tenant TEXT NOT NULL,
	runId TEXT NOT NULL,
	scheduleId TEXT,
	targetKey TEXT NOT NULL,
	target TEXT NOT NULL,
	fallbacks TEXT NOT NULL,
	sealedFor TEXT NOT NULL,
	state TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	owner TEXT,
	leaseUntil INTEGER,
	dueAt INTEGER NOT NULL,
	createdAt INTEGER NOT NULL,
	endedAt INTEGER,
	artifact TEXT,
	receipt TEXT,
	error TEXT
) STRICT;
CREATE UNIQUE INDEX deliveries_id ON deliveries (id);
CREATE UNIQUE INDEX deliveries_target ON deliveries (runId, targetKey);
CREATE INDEX deliveries_tenant ON deliveries (tenant, id);
CREATE INDEX deliveries_state ON deliveries (tenant, state, id) 
	WHERE state IN ('pending', 'sending', 'failed', 'dead', 'skipped');
CREATE INDEX deliveries_schedule ON deliveries (scheduleId, id) WHERE scheduleId IS NOT NULL;
CREATE INDEX deliveries_due ON deliveries (dueAt) WHERE state IN ('pending', 'failed');
CREATE INDEX deliveries_leased ON deliveries (leaseUntil) WHERE state = 'sending';

CREATE TABLE delivery_attempts (
	deliveryId TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	startedAt INTEGER NOT NULL,
	endedAt INTEGER NOT NULL,
	outcome TEXT NOT NULL,
	error TEXT,
	PRIMARY KEY (deliveryId, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE notifications (
	seq INTEGER PRIMARY KEY,
	id TEXT NOT NULL,
	tenant TEXT NOT NULL,
	runId TEXT NOT NULL,
	scheduleId TEXT,
	notifyKey TEXT NOT NULL,
	state TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	owner TEXT,
	leaseUntil INTEGER,
	dueAt INTEGER NOT NULL,
	createdAt INTEGER NOT NULL,
	endedAt INTEGER,
	sealedUrl TEXT,
	sealedBody TEXT,
	status INTEGER,
	error TEXT
) STRICT;
CREATE UNIQUE INDEX notifications_id ON notifications (id);
CREATE UNIQUE INDEX notifications_target ON notifications (runId, notifyKey);
CREATE INDEX notifications_due ON notifications (dueAt) WHERE state IN ('pending', 'failed');
CREATE INDEX notifications_leased ON notifications (leaseUntil) WHERE state = 'sending';

-- One row per commit and tenant (several when it is large): \`items\` is a JSON array of events.
CREATE TABLE event_batches (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant TEXT NOT NULL,
	at INTEGER NOT NULL,
	count INTEGER NOT NULL,
	items TEXT NOT NULL
) STRICT;
CREATE INDEX event_batches_tenant ON event_batches (tenant, seq);

-- What the store remembers about itself: until when runs and ledger were pruned, when it was checked.
CREATE TABLE marks (
	name TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How many rows of each kind are in each state, kept by the commits themselves.
CREATE TABLE tallies (
	tenant TEXT NOT NULL,
	kind TEXT NOT NULL,
	state TEXT NOT NULL,
	count INTEGER NOT NULL,
	PRIMARY KEY (tenant, kind, state)
) STRICT, WITHOUT ROWID;
`,
];

/** Brings the database to this engine's version. @throws CapError STORAGE_UNAVAILABLE when it is newer */
export function migrate(database: Database): void {
	const row = database.sql('PRAGMA user_version').get() as { user_version: number };
	const version = row.user_version;
	if (version > MIGRATIONS.length) {
		throw new CapError(
			'STORAGE_UNAVAILABLE',
			`${database.file}: expected schema version ${MIGRATIONS.length} or lower, got ${version}: ` +
				'it was written by a newer engine',
		);
	}
	for (let next = version; next < MIGRATIONS.length; next++) {
		database.exec('BEGIN IMMEDIATE');
		try {
			database.exec(MIGRATIONS[next] ?? '');
			database.exec(`PRAGMA user_version = ${next + 1}`);
			database.exec('COMMIT');
		} catch (error) {
			if (database.inTransaction) database.exec('ROLLBACK');
			throw error;
		}
	}
}

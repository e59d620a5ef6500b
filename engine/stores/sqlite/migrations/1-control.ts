/** Version 1: timers, access, what is registered and scheduled, events. */
export const CONTROL = `
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
	windowFrom INTEGER,
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
CREATE INDEX schedules_completed ON schedules (updatedAt) WHERE state = 'completed';

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
`;

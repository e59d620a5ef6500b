/** Version 1: timers, access, what is registered and scheduled, events. */
export const CONTROL = `
-- Agenda's jobs, as @agendajs/postgres-backend makes them, so that its tools work on this table: Agenda's own
-- maintenance jobs, and our timers. A timer's id is worked out of its name and key, and its data is
-- {"key":"<entity id>"}, so that setting it twice is one row.
CREATE TABLE agenda_jobs (
	id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
	name VARCHAR(255) NOT NULL,
	priority INTEGER NOT NULL DEFAULT 0,
	next_run_at TIMESTAMPTZ,
	type VARCHAR(10) NOT NULL DEFAULT 'normal' CHECK (type IN ('normal', 'single')),
	locked_at TIMESTAMPTZ,
	last_finished_at TIMESTAMPTZ,
	failed_at TIMESTAMPTZ,
	fail_count INTEGER DEFAULT NULL,
	fail_reason TEXT,
	repeat_timezone VARCHAR(100),
	last_run_at TIMESTAMPTZ,
	repeat_interval VARCHAR(255),
	data JSONB DEFAULT '{}'::jsonb,
	repeat_at VARCHAR(255),
	disabled BOOLEAN DEFAULT FALSE,
	progress REAL,
	fork BOOLEAN DEFAULT FALSE,
	last_modified_by VARCHAR(255),
	debounce_started_at TIMESTAMPTZ,
	start_date TIMESTAMPTZ,
	end_date TIMESTAMPTZ,
	skip_days JSONB,
	created_at TIMESTAMPTZ DEFAULT NOW(),
	updated_at TIMESTAMPTZ DEFAULT NOW()
);
CREATE INDEX agenda_jobs_find_and_lock_idx
	ON agenda_jobs (name, next_run_at, priority DESC, locked_at, disabled) WHERE disabled = FALSE;
CREATE UNIQUE INDEX agenda_jobs_single_job_idx ON agenda_jobs (name) WHERE type = 'single';
CREATE INDEX agenda_jobs_locked_at_idx ON agenda_jobs (locked_at) WHERE locked_at IS NOT NULL;
CREATE INDEX agenda_jobs_next_run_at_idx ON agenda_jobs (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE FUNCTION update_agenda_jobs_updated_at() RETURNS TRIGGER AS $$
BEGIN
	NEW.updated_at = NOW();
	RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER agenda_jobs_updated_at_trigger BEFORE UPDATE ON agenda_jobs
	FOR EACH ROW EXECUTE FUNCTION update_agenda_jobs_updated_at();

-- As timerId in timers.ts.
CREATE FUNCTION timer_id(name TEXT, key TEXT) RETURNS UUID
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN substr(encode(sha256(convert_to(name || ':' || key, 'UTF8')), 'hex'), 1, 32)::uuid;

-- Written only where an Agenda is asked to log (ours is not): the table of Agenda's own backend, and the order of
-- insertion beside it.
CREATE TABLE agenda_logs (
	id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
	timestamp TIMESTAMPTZ NOT NULL DEFAULT NOW(),
	level VARCHAR(10) NOT NULL,
	event VARCHAR(30) NOT NULL,
	job_id VARCHAR(255),
	job_name VARCHAR(255) NOT NULL,
	message TEXT NOT NULL,
	duration INTEGER,
	error TEXT,
	fail_count INTEGER,
	retry_delay INTEGER,
	retry_attempt INTEGER,
	agenda_name VARCHAR(255),
	meta JSONB,
	seq BIGINT GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX agenda_logs_timestamp_idx ON agenda_logs (timestamp DESC);
CREATE INDEX agenda_logs_job_id_idx ON agenda_logs (job_id, timestamp DESC);
CREATE INDEX agenda_logs_job_name_idx ON agenda_logs (job_name, timestamp DESC);

CREATE TABLE api_keys (
	id TEXT COLLATE "C" PRIMARY KEY,
	tenant TEXT COLLATE "C" NOT NULL,
	name TEXT NOT NULL,
	hash TEXT NOT NULL,
	scopes TEXT NOT NULL,
	capabilities TEXT,
	createdAt BIGINT NOT NULL,
	expiresAt BIGINT,
	revokedAt BIGINT
);
CREATE INDEX api_keys_tenant ON api_keys (tenant, id);

CREATE TABLE idempotency (
	tenant TEXT COLLATE "C" NOT NULL,
	key TEXT COLLATE "C" NOT NULL,
	fingerprint TEXT NOT NULL,
	expiresAt BIGINT NOT NULL,
	response TEXT NOT NULL,
	PRIMARY KEY (tenant, key)
);
CREATE INDEX idempotency_expiry ON idempotency (expiresAt);

CREATE TABLE capabilities (
	tenant TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	revision BIGINT NOT NULL,
	title TEXT,
	description TEXT,
	actions TEXT NOT NULL,
	binding TEXT NOT NULL,
	createdAt BIGINT NOT NULL,
	updatedAt BIGINT NOT NULL,
	PRIMARY KEY (tenant, name)
);

CREATE TABLE destinations (
	id TEXT COLLATE "C" PRIMARY KEY,
	tenant TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	channel TEXT NOT NULL,
	settings TEXT NOT NULL,
	sealed TEXT NOT NULL,
	enabled BOOLEAN NOT NULL,
	disabledReason TEXT,
	rules TEXT,
	revision BIGINT NOT NULL,
	createdAt BIGINT NOT NULL,
	updatedAt BIGINT NOT NULL
);
CREATE UNIQUE INDEX destinations_name ON destinations (tenant, name);
CREATE INDEX destinations_tenant ON destinations (tenant, id);

-- Content-addressed and immutable: runs and schedules point here.
CREATE TABLE specs (
	id TEXT COLLATE "C" PRIMARY KEY,
	spec TEXT NOT NULL
);

CREATE TABLE schedules (
	id TEXT COLLATE "C" PRIMARY KEY,
	tenant TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C",
	capability TEXT COLLATE "C" NOT NULL,
	action TEXT NOT NULL,
	labels TEXT NOT NULL,
	metadata TEXT NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	pauseReason TEXT,
	revision BIGINT NOT NULL,
	specId TEXT COLLATE "C" NOT NULL,
	timing TEXT NOT NULL,
	lastAt BIGINT,
	windowFrom BIGINT,
	nextAt BIGINT,
	dueAt BIGINT,
	overrides TEXT NOT NULL,
	zoneData TEXT COLLATE "C" NOT NULL,
	timedAt BIGINT NOT NULL,
	runsMade BIGINT NOT NULL,
	pauses TEXT NOT NULL,
	failures BIGINT NOT NULL,
	createdAt BIGINT NOT NULL,
	updatedAt BIGINT NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX schedules_tenant ON schedules (tenant, id);
CREATE INDEX schedules_state ON schedules (tenant, state, id);
CREATE INDEX schedules_capability ON schedules (tenant, capability, id);
CREATE INDEX schedules_name ON schedules (tenant, name, id) WHERE name IS NOT NULL;
CREATE INDEX schedules_spec ON schedules (specId);
CREATE INDEX schedules_zone ON schedules (zoneData);
CREATE INDEX schedules_over ON schedules (state, updatedAt) WHERE state = 'deleted' OR state = 'completed';

CREATE TABLE schedule_labels (
	tenant TEXT COLLATE "C" NOT NULL,
	key TEXT COLLATE "C" NOT NULL,
	value TEXT COLLATE "C" NOT NULL,
	scheduleId TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant, key, value, scheduleId)
);
CREATE INDEX schedule_labels_schedule ON schedule_labels (scheduleId);

-- Which destinations a schedule names, by id or by name.
CREATE TABLE schedule_destinations (
	tenant TEXT COLLATE "C" NOT NULL,
	destination TEXT COLLATE "C" NOT NULL,
	scheduleId TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant, destination, scheduleId)
);
CREATE INDEX schedule_destinations_schedule ON schedule_destinations (scheduleId);

-- What is remembered of a schedule's target from run to run.
CREATE TABLE targets (
	scheduleId TEXT COLLATE "C" NOT NULL,
	targetKey TEXT COLLATE "C" NOT NULL,
	tenant TEXT COLLATE "C" NOT NULL,
	-- the result that was delivered last
	deliveredSha256 TEXT,
	disabledReason TEXT,
	disabledAt BIGINT,
	PRIMARY KEY (scheduleId, targetKey)
);

-- Here the name and the version in force. A deleted one stays: what it decided can be explained.
CREATE TABLE calendars (
	id TEXT COLLATE "C" PRIMARY KEY,
	tenant TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	version BIGINT NOT NULL,
	-- the last day that is known, 2037-12-31
	knownUntil TEXT COLLATE "C" NOT NULL,
	deletedAt BIGINT
);
CREATE UNIQUE INDEX calendars_name ON calendars (tenant, name) WHERE deletedAt IS NULL;
CREATE INDEX calendars_listed ON calendars (tenant, id);

-- Written once, never changed.
CREATE TABLE calendar_versions (
	id TEXT COLLATE "C" NOT NULL,
	version BIGINT NOT NULL,
	tenant TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	title TEXT,
	weekend TEXT NOT NULL,
	days TEXT NOT NULL,
	knownFrom TEXT NOT NULL,
	knownUntil TEXT NOT NULL,
	source TEXT NOT NULL,
	createdAt BIGINT NOT NULL,
	PRIMARY KEY (id, version)
);

-- The version with which the schedule's next instant was worked out; 0: not known.
CREATE TABLE schedule_calendars (
	calendarId TEXT COLLATE "C" NOT NULL,
	version BIGINT NOT NULL,
	scheduleId TEXT COLLATE "C" NOT NULL,
	tenant TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (scheduleId, calendarId)
);
CREATE INDEX schedule_calendars_version ON schedule_calendars (calendarId, version);

-- One row per commit and tenant (several when it is large): items is a JSON array of events. A commit's
-- position follows from its transaction id, see events.ts.
CREATE TABLE event_batches (
	tenant TEXT COLLATE "C" NOT NULL,
	position BIGINT NOT NULL,
	-- how many events of the commit and tenant lie in rows before this one
	first INTEGER NOT NULL,
	xid BIGINT NOT NULL,
	at BIGINT NOT NULL,
	count INTEGER NOT NULL,
	items TEXT NOT NULL,
	PRIMARY KEY (tenant, position, first)
);
CREATE INDEX event_batches_position ON event_batches (position);

-- Small documents that engines share, see shared-state.port.ts.
CREATE TABLE shared_states (
	tenant TEXT COLLATE "C" NOT NULL,
	key TEXT COLLATE "C" NOT NULL,
	value TEXT NOT NULL,
	revision BIGINT NOT NULL,
	-- when somebody should look at it again
	dueAt BIGINT,
	-- from when on it may be forgotten
	keepUntil BIGINT NOT NULL,
	PRIMARY KEY (tenant, key)
);
CREATE INDEX shared_states_due ON shared_states (dueAt) WHERE dueAt IS NOT NULL;
CREATE INDEX shared_states_old ON shared_states (keepUntil);

-- What the store remembers about itself: until when runs and ledger were pruned, when it was checked.
CREATE TABLE marks (
	name TEXT COLLATE "C" PRIMARY KEY,
	value BIGINT NOT NULL
);

-- How many rows of each kind are in each state, kept by the commits themselves. The count is the sum over
-- the shards: engines write to different ones, so that none waits for another's commit.
CREATE TABLE tallies (
	tenant TEXT COLLATE "C" NOT NULL,
	kind TEXT COLLATE "C" NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	shard INTEGER NOT NULL,
	count BIGINT NOT NULL,
	PRIMARY KEY (tenant, kind, state, shard)
) WITH (fillfactor = 50);
`;

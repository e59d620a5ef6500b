/** Version 1: what schedules make: the ledger, runs, and what follows from them. */
export const WORK = `
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
CREATE INDEX runs_failed ON runs (tenant, state, id) WHERE lookAt IS NULL AND state <> 'succeeded';
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
	WHERE concurrencyKey IS NOT NULL AND (state = 'running' OR state = 'waiting');

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
	WHERE state <> 'delivered';
CREATE INDEX deliveries_schedule ON deliveries (scheduleId, id) WHERE scheduleId IS NOT NULL;
CREATE INDEX deliveries_due ON deliveries (dueAt) WHERE state = 'pending' OR state = 'failed';
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
CREATE INDEX notifications_due ON notifications (dueAt) WHERE state = 'pending' OR state = 'failed';
CREATE INDEX notifications_leased ON notifications (leaseUntil) WHERE state = 'sending';
`;

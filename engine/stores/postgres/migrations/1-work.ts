import { RANKED } from '../../shared/look-at.ts';

/** Version 1: what schedules make: the ledger, runs, and what follows from them. */
export const WORK = `
-- The ledger. Rows are written once and never changed.
CREATE TABLE occurrences (
	scheduleId TEXT COLLATE "C" NOT NULL,
	nominalAt BIGINT NOT NULL,
	tenant TEXT COLLATE "C" NOT NULL,
	dueAt BIGINT NOT NULL,
	outcome TEXT NOT NULL,
	decidedAt BIGINT NOT NULL,
	trigger TEXT NOT NULL,
	runId TEXT COLLATE "C",
	reason TEXT,
	movedFrom BIGINT,
	PRIMARY KEY (scheduleId, nominalAt)
);
CREATE INDEX occurrences_decided ON occurrences (decidedAt);
CREATE INDEX occurrences_moved ON occurrences (scheduleId, movedFrom) WHERE movedFrom IS NOT NULL;

CREATE TABLE runs (
	-- the order of insertion
	seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id TEXT COLLATE "C" NOT NULL,
	tenant TEXT COLLATE "C" NOT NULL,
	scheduleId TEXT COLLATE "C",
	specId TEXT COLLATE "C" NOT NULL,
	capability TEXT COLLATE "C" NOT NULL,
	action TEXT NOT NULL,
	trigger TEXT NOT NULL,
	nominalAt BIGINT,
	movedFrom BIGINT,
	windowStart BIGINT,
	backfillId TEXT COLLATE "C",
	createdAt BIGINT NOT NULL,
	readyAt BIGINT NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	-- when the run is to be looked at next: to be claimed, taken over, requeued or given up; far in the future
	-- while it waits for something else (see look-at.ts), null when it is over
	lookAt BIGINT,
	epoch BIGINT NOT NULL,
	attempt BIGINT NOT NULL,
	owner TEXT COLLATE "C",
	leaseUntil BIGINT,
	deadlineAt BIGINT,
	beatBy BIGINT,
	priority BIGINT NOT NULL,
	serialKey TEXT COLLATE "C",
	concurrencyKey TEXT COLLATE "C",
	concurrencyLimit BIGINT NOT NULL,
	slaDueAt BIGINT,
	slaState TEXT,
	slaSettledAt BIGINT,
	held BOOLEAN NOT NULL,
	startedAt BIGINT,
	endedAt BIGINT,
	resultId TEXT COLLATE "C",
	error TEXT,
	progress TEXT
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX runs_id ON runs (id);
CREATE INDEX runs_tenant ON runs (tenant, id);
CREATE INDEX runs_capability ON runs (tenant, capability, id);
CREATE INDEX runs_schedule ON runs (scheduleId, id) WHERE scheduleId IS NOT NULL;
CREATE INDEX runs_failed ON runs (tenant, state, id) WHERE lookAt IS NULL AND state <> 'succeeded';
CREATE INDEX runs_spec ON runs (specId) WHERE scheduleId IS NULL;
-- Also finds those that no backfill made without reading past thousands that one did.
CREATE INDEX runs_unfinished ON runs (scheduleId, (backfillId IS NULL), seq)
	WHERE scheduleId IS NOT NULL AND lookAt IS NOT NULL;
CREATE INDEX runs_due ON runs (state, lookAt, seq) WHERE lookAt IS NOT NULL;
-- Queued runs with a priority other than 0 that wait for nothing but their turn (RANKED in look-at.ts). All
-- others pay nothing for it.
CREATE INDEX runs_ranked ON runs (priority DESC, readyAt, seq) WHERE lookAt = ${RANKED};
CREATE INDEX runs_sla ON runs (slaDueAt) WHERE slaState = 'pending';
CREATE INDEX runs_backfill ON runs (backfillId, state, seq) WHERE backfillId IS NOT NULL;
CREATE INDEX runs_backfilled ON runs (scheduleId, nominalAt) WHERE backfillId IS NOT NULL;

-- Unfinished runs that have a key, so that all others pay nothing for it; see run-gates.ts.
CREATE TABLE keyed_runs (
	-- of the run
	seq BIGINT PRIMARY KEY,
	tenant TEXT COLLATE "C" NOT NULL,
	serialKey TEXT COLLATE "C",
	concurrencyKey TEXT COLLATE "C",
	concurrencyLimit BIGINT NOT NULL,
	-- the priority, negated: the lower goes first
	rank BIGINT NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	readyAt BIGINT NOT NULL,
	-- queued behind another run with the same serialKey
	blocked BOOLEAN NOT NULL
);
CREATE INDEX keyed_runs_serial ON keyed_runs (tenant, serialKey, blocked, seq) WHERE serialKey IS NOT NULL;
CREATE INDEX keyed_runs_queued ON keyed_runs (tenant, concurrencyKey, concurrencyLimit, rank, readyAt, seq)
	WHERE concurrencyKey IS NOT NULL AND state = 'queued' AND NOT blocked;
CREATE INDEX keyed_runs_holding ON keyed_runs (tenant, concurrencyKey)
	WHERE concurrencyKey IS NOT NULL AND (state = 'running' OR state = 'waiting');

-- A tier is what waits for one concurrency key with one limit and one rank. Here are those whose limit is
-- above the number of runs that hold the key, by when the first run of the tier may be claimed.
CREATE TABLE open_tiers (
	tenant TEXT COLLATE "C" NOT NULL,
	concurrencyKey TEXT COLLATE "C" NOT NULL,
	concurrencyLimit BIGINT NOT NULL,
	rank BIGINT NOT NULL,
	readyAt BIGINT NOT NULL,
	PRIMARY KEY (tenant, concurrencyKey, concurrencyLimit, rank)
);
CREATE INDEX open_tiers_ready ON open_tiers (rank, readyAt);
CREATE INDEX open_tiers_soonest ON open_tiers (readyAt);

CREATE TABLE run_attempts (
	runId TEXT COLLATE "C" NOT NULL,
	epoch BIGINT NOT NULL,
	attempt BIGINT NOT NULL,
	owner TEXT,
	startedAt BIGINT NOT NULL,
	endedAt BIGINT NOT NULL,
	outcome TEXT NOT NULL,
	error TEXT,
	PRIMARY KEY (runId, epoch)
);

CREATE TABLE backfills (
	id TEXT COLLATE "C" PRIMARY KEY,
	tenant TEXT COLLATE "C" NOT NULL,
	scheduleId TEXT COLLATE "C" NOT NULL,
	capability TEXT NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	fromAt BIGINT NOT NULL,
	toAt BIGINT NOT NULL,
	concurrency BIGINT NOT NULL,
	ordering TEXT NOT NULL,
	which TEXT NOT NULL,
	total BIGINT NOT NULL,
	counts TEXT,
	createdBy TEXT NOT NULL,
	createdAt BIGINT NOT NULL,
	endedAt BIGINT
);
CREATE INDEX backfills_schedule ON backfills (scheduleId, id);
CREATE INDEX backfills_cancelling ON backfills (id) WHERE state = 'cancelling';
CREATE INDEX backfills_ended ON backfills (endedAt) WHERE endedAt IS NOT NULL;

-- Every blob that a record refers to, or that was staged for one. Who refers is found by index, never counted:
-- a count would be a row that every commit of every engine waits for.
CREATE TABLE blobs (
	sha256 TEXT COLLATE "C" PRIMARY KEY,
	size BIGINT NOT NULL,
	-- null when they are in pieces, or in a file
	bytes BYTEA,
	-- of the pieces
	dataId UUID,
	-- when it was staged; null once something was found to refer to it
	stagedAt BIGINT
);
ALTER TABLE blobs ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE INDEX blobs_staged ON blobs (stagedAt) WHERE stagedAt IS NOT NULL;

CREATE TABLE blob_pieces (
	dataId UUID NOT NULL,
	n INTEGER NOT NULL,
	bytes BYTEA NOT NULL,
	PRIMARY KEY (dataId, n)
);
-- Results are packed well, or packing them again is not worth its time; and a range is read without the rest.
ALTER TABLE blob_pieces ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Pieces that are being written; what a crash leaves is found here.
CREATE TABLE blob_uploads (
	dataId UUID PRIMARY KEY,
	startedAt BIGINT NOT NULL
);

CREATE TABLE results (
	id TEXT COLLATE "C" PRIMARY KEY,
	tenant TEXT COLLATE "C" NOT NULL,
	runId TEXT COLLATE "C" NOT NULL,
	encoding TEXT NOT NULL,
	contentType TEXT NOT NULL,
	filename TEXT,
	sha256 TEXT COLLATE "C" NOT NULL,
	size BIGINT NOT NULL,
	rows BIGINT,
	columns TEXT,
	createdAt BIGINT NOT NULL
);
CREATE INDEX results_blob ON results (sha256);

CREATE TABLE artifacts (
	resultId TEXT COLLATE "C" NOT NULL,
	rendering TEXT COLLATE "C" NOT NULL,
	tenant TEXT COLLATE "C" NOT NULL,
	format TEXT NOT NULL,
	contentType TEXT NOT NULL,
	extension TEXT NOT NULL,
	sha256 TEXT COLLATE "C" NOT NULL,
	size BIGINT NOT NULL,
	-- what a rendered file does not show of its result; null: it shows all
	notices TEXT,
	createdAt BIGINT NOT NULL,
	PRIMARY KEY (resultId, rendering)
);
CREATE INDEX artifacts_blob ON artifacts (sha256);

CREATE TABLE links (
	id TEXT COLLATE "C" PRIMARY KEY,
	tenant TEXT COLLATE "C" NOT NULL,
	runId TEXT COLLATE "C" NOT NULL,
	resultId TEXT COLLATE "C" NOT NULL,
	secretHash TEXT NOT NULL,
	format TEXT NOT NULL,
	options TEXT NOT NULL,
	anyFormat BOOLEAN NOT NULL,
	expiresAt BIGINT NOT NULL,
	maxUses BIGINT,
	uses BIGINT NOT NULL,
	revokedAt BIGINT,
	createdAt BIGINT NOT NULL
);
CREATE INDEX links_run ON links (runId);
CREATE INDEX links_unused ON links (expiresAt) WHERE uses = 0 AND revokedAt IS NULL;

CREATE TABLE deliveries (
	seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id TEXT COLLATE "C" NOT NULL,
	tenant TEXT COLLATE "C" NOT NULL,
	runId TEXT COLLATE "C" NOT NULL,
	scheduleId TEXT COLLATE "C",
	targetKey TEXT COLLATE "C" NOT NULL,
	target TEXT NOT NULL,
	fallbacks TEXT NOT NULL,
	sealedFor TEXT NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	epoch BIGINT NOT NULL,
	attempt BIGINT NOT NULL,
	owner TEXT COLLATE "C",
	leaseUntil BIGINT,
	dueAt BIGINT NOT NULL,
	createdAt BIGINT NOT NULL,
	endedAt BIGINT,
	priority BIGINT NOT NULL,
	deadlineAt BIGINT,
	artifact TEXT,
	-- of the artifact, to find who refers to a blob
	artifactSha256 TEXT COLLATE "C",
	receipt TEXT,
	error TEXT
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX deliveries_id ON deliveries (id);
CREATE UNIQUE INDEX deliveries_target ON deliveries (runId, targetKey);
CREATE INDEX deliveries_tenant ON deliveries (tenant, id);
CREATE INDEX deliveries_state ON deliveries (tenant, state, id) WHERE state <> 'delivered';
CREATE INDEX deliveries_schedule ON deliveries (scheduleId, id) WHERE scheduleId IS NOT NULL;
CREATE INDEX deliveries_due ON deliveries (priority DESC, dueAt, seq)
	WHERE state = 'pending' OR state = 'failed';
CREATE INDEX deliveries_leased ON deliveries (leaseUntil) WHERE state = 'sending';
CREATE INDEX deliveries_blob ON deliveries (artifactSha256) WHERE artifactSha256 IS NOT NULL;

CREATE TABLE delivery_attempts (
	deliveryId TEXT COLLATE "C" NOT NULL,
	epoch BIGINT NOT NULL,
	attempt BIGINT NOT NULL,
	startedAt BIGINT NOT NULL,
	endedAt BIGINT NOT NULL,
	outcome TEXT NOT NULL,
	error TEXT,
	PRIMARY KEY (deliveryId, epoch)
);

CREATE TABLE notifications (
	seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id TEXT COLLATE "C" NOT NULL,
	tenant TEXT COLLATE "C" NOT NULL,
	runId TEXT COLLATE "C" NOT NULL,
	scheduleId TEXT COLLATE "C",
	notifyKey TEXT COLLATE "C" NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	epoch BIGINT NOT NULL,
	attempt BIGINT NOT NULL,
	owner TEXT COLLATE "C",
	leaseUntil BIGINT,
	dueAt BIGINT NOT NULL,
	createdAt BIGINT NOT NULL,
	endedAt BIGINT,
	sealedUrl TEXT,
	sealedBody TEXT,
	status BIGINT,
	error TEXT
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX notifications_id ON notifications (id);
CREATE UNIQUE INDEX notifications_target ON notifications (runId, notifyKey);
CREATE INDEX notifications_due ON notifications (dueAt, seq) WHERE state = 'pending' OR state = 'failed';
CREATE INDEX notifications_leased ON notifications (leaseUntil) WHERE state = 'sending';
`;

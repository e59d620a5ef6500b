/** Version 2: heartbeats, priorities, concurrency keys with limits, service levels. */
export const POLICIES = `
ALTER TABLE runs ADD COLUMN beatBy INTEGER;
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN concurrencyLimit INTEGER NOT NULL DEFAULT 1;
ALTER TABLE runs ADD COLUMN slaDueAt INTEGER;
ALTER TABLE runs ADD COLUMN slaState TEXT;
ALTER TABLE runs ADD COLUMN slaSettledAt INTEGER;
-- Queued runs with a priority other than 0 that wait for nothing but their turn (RANKED in look-at.ts). All
-- others pay nothing for it.
CREATE INDEX runs_ranked ON runs (priority, readyAt) WHERE lookAt = 9007199254740990;
CREATE INDEX runs_sla ON runs (slaDueAt) WHERE slaState = 'pending';

ALTER TABLE keyed_runs ADD COLUMN concurrencyLimit INTEGER NOT NULL DEFAULT 1;
-- the priority, negated: the lower goes first
ALTER TABLE keyed_runs ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
DROP INDEX keyed_runs_queued;
CREATE INDEX keyed_runs_queued ON keyed_runs (tenant, concurrencyKey, concurrencyLimit, rank, readyAt)
	WHERE concurrencyKey IS NOT NULL AND state = 'queued' AND blocked = 0;

-- A tier is what waits for one concurrency key with one limit and one rank. Here are those whose limit is
-- above the number of runs that hold the key, by when the first run of the tier may be claimed.
CREATE TABLE open_tiers (
	tenant TEXT NOT NULL,
	concurrencyKey TEXT NOT NULL,
	concurrencyLimit INTEGER NOT NULL,
	rank INTEGER NOT NULL,
	readyAt INTEGER NOT NULL,
	PRIMARY KEY (tenant, concurrencyKey, concurrencyLimit, rank)
) STRICT, WITHOUT ROWID;
INSERT INTO open_tiers (tenant, concurrencyKey, concurrencyLimit, rank, readyAt)
	SELECT tenant, concurrencyKey, 1, 0, readyAt FROM run_gates;
DROP TABLE run_gates;
CREATE INDEX open_tiers_ready ON open_tiers (rank, readyAt);
`;

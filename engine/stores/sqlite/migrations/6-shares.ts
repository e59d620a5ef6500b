/** Version 6: what a claim looks for is found by tenant, so that tenants get their shares of it. */
export const SHARES = `
-- A run is in one of these two, as it was in the one that they replace.
CREATE INDEX runs_queued ON runs (tenant, lookAt) WHERE state = 'queued';
CREATE INDEX runs_watched ON runs (state, lookAt) WHERE lookAt IS NOT NULL AND state <> 'queued';
DROP INDEX runs_due;
CREATE INDEX runs_urgent ON runs (tenant, priority, readyAt) WHERE lookAt = 9007199254740990;
DROP INDEX runs_ranked;
CREATE INDEX open_tiers_tenant ON open_tiers (tenant, rank, readyAt);
DROP INDEX open_tiers_ready;
`;

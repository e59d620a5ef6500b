/**
 * Deliveries have a priority and a deadline, destinations rules; and engines share small documents.
 * `rank` is the negated priority, so that one ascending index serves a claim.
 */
export const DELIVERY = `
ALTER TABLE destinations ADD COLUMN rules TEXT;

ALTER TABLE deliveries ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN deadlineAt INTEGER;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (priority DESC, dueAt) WHERE state = 'pending' OR state = 'failed';

CREATE INDEX links_unused ON links (expiresAt) WHERE uses = 0 AND revokedAt IS NULL;

CREATE TABLE shared_states (
	tenant TEXT NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	revision INTEGER NOT NULL,
	-- when somebody should look at it again
	dueAt INTEGER,
	-- from when on it may be forgotten
	keepUntil INTEGER NOT NULL,
	PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX shared_states_due ON shared_states (dueAt) WHERE dueAt IS NOT NULL;
CREATE INDEX shared_states_old ON shared_states (keepUntil);
`;

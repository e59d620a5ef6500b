/** Version 3: moved occurrences, backfills, when a timing was accepted. */
export const ACTS = `
ALTER TABLE schedules ADD COLUMN timedAt INTEGER NOT NULL DEFAULT 0;
UPDATE schedules SET timedAt = createdAt;
ALTER TABLE occurrences ADD COLUMN movedFrom INTEGER;
CREATE INDEX occurrences_moved ON occurrences (scheduleId, movedFrom) WHERE movedFrom IS NOT NULL;
ALTER TABLE runs ADD COLUMN movedFrom INTEGER;
ALTER TABLE runs ADD COLUMN backfillId TEXT;

-- Also finds those that no backfill made without reading past thousands that one did.
DROP INDEX runs_unfinished;
CREATE INDEX runs_unfinished ON runs (scheduleId, backfillId)
	WHERE scheduleId IS NOT NULL AND lookAt IS NOT NULL;
CREATE INDEX runs_backfill ON runs (backfillId, state) WHERE backfillId IS NOT NULL;
CREATE INDEX runs_backfilled ON runs (scheduleId, nominalAt) WHERE backfillId IS NOT NULL;

CREATE TABLE backfills (
	id TEXT PRIMARY KEY,
	tenant TEXT NOT NULL,
	scheduleId TEXT NOT NULL,
	capability TEXT NOT NULL,
	state TEXT NOT NULL,
	fromAt INTEGER NOT NULL,
	toAt INTEGER NOT NULL,
	concurrency INTEGER NOT NULL,
	ordering TEXT NOT NULL,
	which TEXT NOT NULL,
	total INTEGER NOT NULL,
	counts TEXT,
	createdBy TEXT NOT NULL,
	createdAt INTEGER NOT NULL,
	endedAt INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX backfills_schedule ON backfills (scheduleId, id);
CREATE INDEX backfills_cancelling ON backfills (id) WHERE state = 'cancelling';
CREATE INDEX backfills_ended ON backfills (endedAt) WHERE endedAt IS NOT NULL;
`;

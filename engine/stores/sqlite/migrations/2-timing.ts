/** Version 2: jitter, acts on single occurrences, the time zone data behind what is due next. */
export const TIMING = `
ALTER TABLE schedules ADD COLUMN dueAt INTEGER;
ALTER TABLE schedules ADD COLUMN overrides TEXT NOT NULL DEFAULT '{"skipped":[],"moved":[]}';
ALTER TABLE schedules ADD COLUMN zoneData TEXT NOT NULL DEFAULT '';
UPDATE schedules SET dueAt = nextAt;
ALTER TABLE occurrences ADD COLUMN dueAt INTEGER NOT NULL DEFAULT 0;
UPDATE occurrences SET dueAt = nominalAt;
`;

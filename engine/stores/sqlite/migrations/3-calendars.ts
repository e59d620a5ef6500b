/** Version 3: calendars with their versions, and which schedules name which. */
export const CALENDARS = `
-- Here the name and the version in force. A deleted one stays: what it decided can be explained.
CREATE TABLE calendars (
	id TEXT PRIMARY KEY,
	tenant TEXT NOT NULL,
	name TEXT NOT NULL,
	version INTEGER NOT NULL,
	-- the last day that is known, 2037-12-31
	knownUntil TEXT NOT NULL,
	deletedAt INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX calendars_name ON calendars (tenant, name) WHERE deletedAt IS NULL;
CREATE INDEX calendars_listed ON calendars (tenant, id);

-- Written once, never changed.
CREATE TABLE calendar_versions (
	id TEXT NOT NULL,
	version INTEGER NOT NULL,
	tenant TEXT NOT NULL,
	name TEXT NOT NULL,
	title TEXT,
	weekend TEXT NOT NULL,
	days TEXT NOT NULL,
	knownFrom TEXT NOT NULL,
	knownUntil TEXT NOT NULL,
	source TEXT NOT NULL,
	createdAt INTEGER NOT NULL,
	PRIMARY KEY (id, version)
) STRICT;

-- The version with which the schedule's next instant was worked out; 0: not known.
CREATE TABLE schedule_calendars (
	calendarId TEXT NOT NULL,
	version INTEGER NOT NULL,
	scheduleId TEXT NOT NULL,
	tenant TEXT NOT NULL,
	PRIMARY KEY (scheduleId, calendarId)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_calendars_version ON schedule_calendars (calendarId, version);

CREATE INDEX schedules_zone ON schedules (zoneData);
`;

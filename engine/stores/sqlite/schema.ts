import { CapError } from '../../contract/errors.ts';
import type { Database } from './database.ts';
import { CONTROL } from './migrations/1-control.ts';
import { WORK } from './migrations/1-work.ts';
import { CALENDARS } from './migrations/3-calendars.ts';
import { POLICIES } from './migrations/2-policies.ts';
import { TIMING } from './migrations/2-timing.ts';
import { ACTS } from './migrations/3-acts.ts';
import { NOTICES } from './migrations/4-notices.ts';
import { DELIVERY } from './migrations/5-delivery.ts';
import { SHARES } from './migrations/6-shares.ts';
import { ACCESS } from './migrations/7-access.ts';

/**
 * The tables, as migrations: the position in the list is the version that `PRAGMA user_version` names.
 * A migration that was released is never changed; another is added.
 *
 * Conditions of partial indexes have no IN: SQLite builds a table for it at every write, which doubled the
 * cost of an update.
 *
 * Instants are integers (milliseconds since 1970), booleans 0 or 1, structured values JSON text. There are
 * no foreign keys: on the hot path each would cost a look-up, and everything that belongs together is
 * written and deleted in one commit; `doctor` looks for orphans.
 */
const MIGRATIONS: readonly string[] = [
	CONTROL + WORK,
	TIMING + POLICIES,
	ACTS + CALENDARS,
	NOTICES,
	DELIVERY,
	SHARES,
	ACCESS,
];

/** The version of the tables that this engine writes; it reads those of all before. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the database to this engine's version. @throws CapError STORAGE_UNAVAILABLE when it is newer */
export function migrate(database: Database): void {
	const row = database.sql('PRAGMA user_version').get() as { user_version: number };
	const version = row.user_version;
	if (version > MIGRATIONS.length) {
		throw new CapError(
			'STORAGE_UNAVAILABLE',
			`${database.file}: expected schema version ${MIGRATIONS.length} or lower, got ${version}: ` +
				'it was written by a newer engine',
		);
	}
	for (let next = version; next < MIGRATIONS.length; next++) {
		database.exec('BEGIN IMMEDIATE');
		try {
			database.exec(MIGRATIONS[next] ?? '');
			database.exec(`PRAGMA user_version = ${next + 1}`);
			database.exec('COMMIT');
		} catch (error) {
			if (database.inTransaction) database.exec('ROLLBACK');
			throw error;
		}
	}
}

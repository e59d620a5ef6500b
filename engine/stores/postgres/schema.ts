import { CapError } from '../../contract/errors.ts';
import type { Database, Session } from './database.ts';
import { getMark, setMark } from './marks.ts';
import { CONTROL } from './migrations/1-control.ts';
import { WORK } from './migrations/1-work.ts';

/**
 * The tables, as migrations: the position in the list is the version that the table `schema_version` names.
 * A migration that was released is never changed; another is added.
 *
 * Instants are `bigint` (milliseconds since 1970), structured values JSON text, as for the other stores. Ids
 * and names sort by bytes (`COLLATE "C"`), whatever the database's own language. There are no foreign keys: on
 * the hot path each would cost a look-up and a lock, and everything that belongs together is written and
 * deleted in one commit; `doctor` looks for orphans.
 */
const MIGRATIONS: readonly string[] = [CONTROL + WORK];

/**
 * Brings the database to this engine's version. Engines that start at the same time wait for each other: the
 * lock is the database's, and ends with the connection.
 * @throws CapError STORAGE_UNAVAILABLE when the schema is newer
 */
export async function migrate(
	db: Pick<Database, 'connect' | 'name'>,
	schema: string,
	migrations: readonly string[] = MIGRATIONS,
): Promise<void> {
	const session = await db.connect({ schema: false });
	try {
		await session.run(`SELECT set_config('lock_timeout', '60s', false)`);
		await session.run('SELECT set_config($1, $2, false)', ['statement_timeout', '10min']);
		await session.run('SELECT pg_advisory_lock(hashtextextended($1, 0))', [
			`capscheduler ${schema}`,
		]);
		await prepare(session, schema, db.name);
		await bring(session, { name: db.name, schema, migrations });
		await liftEvents(session);
	} finally {
		await session.close();
	}
}

async function prepare(session: Session, schema: string, name: string): Promise<void> {
	const [encoding = ''] = (await session.get<[string]>('SHOW server_encoding')) ?? [];
	if (encoding !== 'UTF8') {
		throw new CapError(
			'STORAGE_UNAVAILABLE',
			`${name}: expected a database with the encoding UTF8, got ${encoding}`,
		);
	}
	const there = await session.get('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
	if (there === undefined) {
		try {
			await session.exec(`CREATE SCHEMA ${schema}`);
		} catch (cause) {
			throw new CapError(
				'STORAGE_UNAVAILABLE',
				`${name}: expected a schema ${schema} or the right to create it: ${(cause as Error).message}`,
				{ cause },
			);
		}
	}
	await session.exec(`SET search_path = ${schema}`);
	await session.exec('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)');
}

async function bring(
	session: Session,
	{ name, schema, migrations }: { name: string; schema: string; migrations: readonly string[] },
): Promise<void> {
	const [version = 0] =
		(await session.get<[number]>('SELECT max(version) FROM schema_version')) ?? [];
	if ((version ?? 0) > migrations.length) {
		throw new CapError(
			'STORAGE_UNAVAILABLE',
			`${name}, schema ${schema}: expected version ${migrations.length} or lower, got ${version}: ` +
				'it was written by a newer engine',
		);
	}
	for (let next = version ?? 0; next < migrations.length; next++) {
		// One script is one transaction.
		await session.exec(
			`BEGIN; ${migrations[next] ?? ''}; DELETE FROM schema_version;
			INSERT INTO schema_version (version) VALUES (${next + 1}); COMMIT`,
		);
	}
}

/**
 * Positions of events follow transaction ids (events.ts), which begin anew in a database that was restored from
 * a dump: then they are counted on from where the events end.
 */
async function liftEvents(session: Session): Promise<void> {
	const base = (await getMark(session, 'eventBase')) ?? 0;
	const row = await session.get<[last: number | null, xid: number]>(
		`SELECT (SELECT max(position) FROM event_batches),
			pg_snapshot_xmax(pg_current_snapshot())::text::bigint`,
	);
	if (row?.[0] == null || row[0] < base + row[1]) return;
	await setMark(session, 'eventBase', row[0] - row[1] + 1);
	// All of them are over, whatever their numbers said elsewhere.
	await session.run('UPDATE event_batches SET xid = 0 WHERE xid >= $1', [row[1]]);
}

import { CapError } from '../../contract/errors.ts';
import type { Database, Session } from './database.ts';
import { getMark, setMark } from './marks.ts';
import type { Migration } from './migration.ts';
import { CONTROL } from './migrations/1-control.ts';
import { WORK } from './migrations/1-work.ts';
import { SHARES } from './migrations/2-shares.ts';
import { LISTS } from './migrations/3-lists.ts';
import { COMMITS } from './migrations/4-commits.ts';

/** How long an engine waits for another that brings the tables to its version: milliseconds. */
const PATIENCE = 600_000;
const LOOK_AGAIN = 100;

/**
 * The tables, as migrations: the position in the list is the version that the table `schema_version` names.
 * A migration that was released is never changed; another is added.
 *
 * Engines of the version before go on running beside it, so a migration only adds: tables, columns that may be null or
 * have a default, indexes. What they need is dropped by a later version, when none of them can run any more; an
 * index may go at once where another serves their queries, if more slowly.
 *
 * Instants are `bigint` (milliseconds since 1970), structured values JSON text, as for the other stores. Ids
 * and names sort by bytes (`COLLATE "C"`), whatever the database's own language. There are no foreign keys: on
 * the hot path each would cost a look-up and a lock, and everything that belongs together is written and
 * deleted in one commit; `doctor` looks for orphans.
 */
export const MIGRATIONS: readonly Migration[] = [
	{ script: CONTROL + WORK },
	SHARES,
	LISTS,
	COMMITS,
];

/**
 * Brings the database to this engine's version. Engines that start at the same time wait for each other: the
 * lock is the database's, and ends with the connection.
 * @throws CapError STORAGE_UNAVAILABLE when the schema is newer
 */
export async function migrate(
	db: Pick<Database, 'connect' | 'name'>,
	schema: string,
	migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
	const session = await db.connect({ schema: false });
	try {
		await session.run(`SELECT set_config('lock_timeout', '60s', false)`);
		await session.run('SELECT set_config($1, $2, false)', ['statement_timeout', '10min']);
		await lock(session, `capscheduler ${schema}`);
		await prepare(session, schema, db.name);
		await bring(session, { name: db.name, schema, migrations });
		await liftEvents(session);
		await session.run(`DELETE FROM commit_marks WHERE at < now() - interval '7 days'`);
	} finally {
		await session.close();
	}
}

/**
 * Asks again and again instead of waiting in the server: there, whoever waits would be waited for by the indexes that
 * are built meanwhile, and so each for the other.
 */
async function lock(session: Session, name: string): Promise<void> {
	const asked = performance.now();
	for (;;) {
		const got = await session.get<[boolean]>(
			'SELECT pg_try_advisory_lock(hashtextextended($1, 0))',
			[name],
		);
		if (got?.[0] === true) return;
		if (performance.now() - asked > PATIENCE) {
			throw new CapError(
				'STORAGE_UNAVAILABLE',
				`expected the tables to be ready within ${PATIENCE / 60_000} minutes; another engine is still at them`,
			);
		}
		await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
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
	{ name, schema, migrations }: { name: string; schema: string; migrations: readonly Migration[] },
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
	for (const [next, { indexes = [], script }] of migrations.entries()) {
		if (next < (version ?? 0)) continue;
		const beside = (version ?? 0) > 0;
		if (beside) for (const index of indexes) await build(session, schema, index);
		const inside = beside ? [] : indexes.map(({ name, on }) => `CREATE INDEX ${name} ON ${on};`);
		await session.exec(
			`BEGIN; ${inside.join(' ')} ${script}; DELETE FROM schema_version;
			INSERT INTO schema_version (version) VALUES (${next + 1}); COMMIT`,
		);
	}
}

/** While writers go on. One that was begun and not finished is there, is of no use, and is dropped. */
async function build(
	session: Session,
	schema: string,
	{ name, on }: { name: string; on: string },
): Promise<void> {
	const broken = await session.get(
		`SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname = $2 AND NOT i.indisvalid`,
		[schema, name],
	);
	if (broken !== undefined) await session.exec(`DROP INDEX ${name}`);
	await session.exec(`CREATE INDEX CONCURRENTLY IF NOT EXISTS ${name} ON ${on}`);
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

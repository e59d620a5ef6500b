import type { Archive, ArchiveRecords, EventBatch, Section } from '../archive.port.ts';
import { destinationsOf } from '../../contract/destinations-of.ts';
import { createArchiveReader } from './archive-reader.ts';
import { tableOf } from './archive-tables.ts';
import type { Database, Queryable, SqlValue } from './database.ts';
import { INTO } from './inserts.ts';
import { rebuild } from './rebuild.ts';
import { insertOf } from './transaction.ts';

/** All of a database, to be carried elsewhere or to be filled. */
export function createArchive({ db }: { db: Database }): Archive {
	return {
		reader: async () => createArchiveReader(db),

		writeRecords: (section, records) =>
			db.transaction(async (on) => {
				if (records.length > 0) await insert(on, section, records);
			}),

		replaceRecord: async <S extends Section>(
			section: S,
			before: ArchiveRecords[S],
			after: ArchiveRecords[S],
		) => replace(db, section, { before, after }),

		async lackingBlobs(refs) {
			const there = await db.rows<[string]>(
				'SELECT sha256 FROM blobs WHERE sha256 = ANY($1::text[])',
				[refs.map(({ sha256 }) => sha256)],
			);
			const known = new Set(there.map(([sha256]) => sha256));
			return refs.filter(({ sha256 }) => !known.has(sha256));
		},

		async writeSmallBlobs(blobs) {
			await db.run(
				`INSERT INTO blobs (sha256, size, bytes)
				SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[]) ON CONFLICT (sha256) DO NOTHING`,
				[
					blobs.map(({ ref }) => ref.sha256),
					blobs.map(({ ref }) => ref.size),
					blobs.map(({ bytes }) => bytes),
				],
			);
		},

		/** It is in the table since it was staged. */
		keepStaged: () => Promise.resolve(),

		async clear() {
			await db.run('DELETE FROM event_batches');
		},

		rebuild: async () => rebuild(db),
	};
}

async function insert<S extends Section>(
	on: Queryable,
	section: S,
	records: readonly ArchiveRecords[S][],
): Promise<void> {
	if (section === 'events') {
		await insertEvents(on, records as readonly EventBatch[]);
		return;
	}
	const table = tableOf(section);
	const { name, columns } = table;
	const rows = records.map(table.toRow);
	const arrays = columns.map(([, type], at) => `$${at + 1}::${type}[]`).join(', ');
	// Numbers that the table gives otherwise are given here.
	await on.run(
		`INSERT INTO ${name} (${columns.map(([column]) => column).join(', ')}) OVERRIDING SYSTEM VALUE
		SELECT * FROM unnest(${arrays}) ON CONFLICT DO NOTHING`,
		columns.map((_, at) => rows.map((row) => row[at] ?? null)) as SqlValue[],
	);
	await insertRest(on, section, records);
}

/** Rows elsewhere that belong to records. */
async function insertRest<S extends Section>(
	on: Queryable,
	section: S,
	records: readonly ArchiveRecords[S][],
): Promise<void> {
	const add = async <T>(into: Parameters<typeof insertOf<T>>[0], list: T[]): Promise<void> => {
		if (list.length === 0) return;
		const { sql, values } = insertOf(into, list);
		await on.run(sql, values);
	};
	if (section === 'runs') {
		const runs = records as readonly ArchiveRecords['runs'][];
		await add(
			INTO.attempts,
			runs.flatMap(({ attempts }) => attempts),
		);
	} else if (section === 'deliveries') {
		const deliveries = records as readonly ArchiveRecords['deliveries'][];
		await add(
			INTO.deliveryAttempts,
			deliveries.flatMap(({ attempts }) => attempts),
		);
	} else if (section === 'schedules') {
		await insertNamed(on, records as readonly ArchiveRecords['schedules'][]);
	}
}

/** What schedules are found by. Their specs are there already. */
async function insertNamed(
	on: Queryable,
	schedules: readonly ArchiveRecords['schedules'][],
): Promise<void> {
	const put = async (into: string, rows: readonly (readonly (string | number)[])[]) => {
		const [table = '', columns = ''] = into.split(':');
		const types = columns.split(', ').map((name) => (name === 'version' ? 'bigint' : 'text'));
		await on.run(
			`INSERT INTO ${table} (${columns})
			SELECT * FROM unnest(${types.map((type, at) => `$${at + 1}::${type}[]`).join(', ')})
			ON CONFLICT DO NOTHING`,
			types.map((_, at) => rows.map((row) => row[at] ?? null)),
		);
	};
	const rows = await on.rows<[string, string]>(
		'SELECT id, spec FROM specs WHERE id = ANY($1::text[])',
		[schedules.map(({ specId }) => specId)],
	);
	const specs = new Map(rows);
	await put(
		'schedule_labels:tenant, key, value, scheduleId',
		schedules.flatMap(({ id, tenant, labels }) =>
			Object.entries(labels).map(([key, value]) => [tenant, key, value, id]),
		),
	);
	await put(
		'schedule_destinations:tenant, destination, scheduleId',
		schedules.flatMap(({ id, tenant, specId }) => {
			const text = specs.get(specId);
			if (text === undefined) return [];
			const spec = JSON.parse(text) as ArchiveRecords['specs']['spec'];
			return [...destinationsOf(spec)].map((name) => [tenant, name, id]);
		}),
	);
	await put(
		'schedule_calendars:calendarId, version, scheduleId, tenant',
		schedules.flatMap(({ id, tenant, calendars }) =>
			Object.entries(calendars).map(([calendar, version]) => [calendar, version, id, tenant]),
		),
	);
}

/** Of transactions that are long over, whatever their numbers said elsewhere; see `liftEvents` in schema.ts. */
async function insertEvents(on: Queryable, batches: readonly EventBatch[]): Promise<void> {
	await on.run(
		`INSERT INTO event_batches (tenant, position, first, xid, at, count, items)
		SELECT tenant, position, 0, 0, at, count, items
		FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::integer[], $5::text[])
			AS u (tenant, position, at, count, items) ON CONFLICT DO NOTHING`,
		[
			batches.map(({ tenant }) => tenant),
			batches.map(({ seq }) => seq),
			batches.map(({ at }) => at),
			batches.map(({ items }) => items.length),
			batches.map(({ items }) => JSON.stringify(items)),
		],
	);
}

async function replace<S extends Section>(
	on: Queryable,
	section: S,
	{ before, after }: { before: ArchiveRecords[S]; after: ArchiveRecords[S] },
): Promise<boolean> {
	const table = tableOf(section);
	type Field = keyof ArchiveRecords[S];
	const changed = Object.keys(after).filter(
		(field) => JSON.stringify(after[field as Field]) !== JSON.stringify(before[field as Field]),
	);
	if (changed.length === 0) return true;
	const values: SqlValue[] = [];
	const bind = (value: SqlValue): string => `$${values.push(value)}`;
	const set = changed.map(
		(field) => `${field} = ${bind(table.encode(field, after[field as Field]))}`,
	);
	const where = [...table.key, ...changed].map(
		(field) => `${field} IS NOT DISTINCT FROM ${bind(table.encode(field, before[field as Field]))}`,
	);
	const sql = `UPDATE ${table.name} SET ${set.join(', ')} WHERE ${where.join(' AND ')}`;
	return (await on.run(sql, values)) === 1;
}

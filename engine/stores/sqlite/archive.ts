import type { EventDraft } from '../../contract/event.ts';
import type { BlobRef } from '../../contract/result.ts';
import type { Archive, ArchiveRecords, EventBatch, Section } from '../archive.port.ts';
import { destinationsOf } from '../../contract/destinations-of.ts';
import { createArchiveReader } from './archive-reader.ts';
import { tableOf } from './archive-tables.ts';
import type { Context } from './context.ts';
import type { Database } from './database.ts';
import { rebuild } from './rebuild.ts';
import { attemptRows, deliveryAttemptRows } from './rows.ts';

type Insert<S extends Section> = (record: ArchiveRecords[S]) => void;

/** All of a data folder, to be carried elsewhere or to be filled. */
export function createArchive(
	{ db, write }: Pick<Context, 'db' | 'write'>,
	folder: string,
): Archive {
	/** Rows elsewhere that belong to a record. */
	const rest: { [S in Section]?: Insert<S> } = {
		runs: ({ attempts }) => {
			const insert = db.sql(attemptRows.insertOrIgnore);
			for (const attempt of attempts) insert.run(...attemptRows.toRow(attempt));
		},
		deliveries: ({ attempts }) => {
			const insert = db.sql(deliveryAttemptRows.insertOrIgnore);
			for (const attempt of attempts) insert.run(...deliveryAttemptRows.toRow(attempt));
		},
		schedules: (schedule) => {
			insertNamed(db, schedule);
		},
	};

	function insert<S extends Section>(section: S, records: readonly ArchiveRecords[S][]): void {
		if (section === 'events') {
			for (const batch of records as readonly EventBatch[]) insertBatch(db, batch);
			return;
		}
		const table = tableOf(section);
		const statement = db.sql(table.insert);
		const more = rest[section];
		for (const record of records) {
			statement.run(...table.toRow(record));
			more?.(record);
		}
	}

	return {
		reader: () => Promise.resolve(createArchiveReader(folder)),

		writeRecords: (section, records) =>
			write(() => {
				insert(section, records);
			}),

		replaceRecord: <S extends Section>(
			section: S,
			before: ArchiveRecords[S],
			after: ArchiveRecords[S],
		) => write(() => replace(db, section, { before, after })),

		lackingBlobs: (refs) => {
			const there = db.rows('SELECT 1 FROM blobs WHERE sha256 = ?');
			return Promise.resolve(refs.filter(({ sha256 }) => there.get(sha256) === undefined));
		},

		writeSmallBlobs: (blobs) =>
			write(() => {
				for (const { ref, bytes } of blobs) insertBlob(db, ref, bytes);
			}),

		keepStaged: (ref) =>
			write(() => {
				insertBlob(db, ref, null);
			}),

		clear: () =>
			write(() => {
				db.exec('DELETE FROM event_batches');
			}),

		rebuild: () =>
			write(() => {
				rebuild(db);
			}),
	};
}

/** References are counted when all is there. */
function insertBlob(db: Database, { sha256, size }: BlobRef, bytes: Uint8Array | null): void {
	db.sql('INSERT OR IGNORE INTO blobs (sha256, size, refs, bytes) VALUES (?, ?, 0, ?)').run(
		sha256,
		size,
		bytes,
	);
}

/** What a schedule is found by. Its spec is there already. */
function insertNamed(db: Database, schedule: ArchiveRecords['schedules']): void {
	const { id, tenant, labels, specId, calendars } = schedule;
	const label = db.sql(
		'INSERT OR IGNORE INTO schedule_labels (tenant, key, value, scheduleId) VALUES (?, ?, ?, ?)',
	);
	for (const [key, value] of Object.entries(labels)) label.run(tenant, key, value, id);
	const row = db.rows<[string]>('SELECT spec FROM specs WHERE id = ?').get(specId);
	const destination = db.sql(
		'INSERT OR IGNORE INTO schedule_destinations (tenant, destination, scheduleId) VALUES (?, ?, ?)',
	);
	const spec = row === undefined ? null : (JSON.parse(row[0]) as ArchiveRecords['specs']['spec']);
	for (const name of spec === null ? [] : destinationsOf(spec)) destination.run(tenant, name, id);
	const calendar = db.sql(
		`INSERT OR IGNORE INTO schedule_calendars (calendarId, version, scheduleId, tenant)
		VALUES (?, ?, ?, ?)`,
	);
	for (const [name, version] of Object.entries(calendars)) calendar.run(name, version, id, tenant);
}

/**
 * One order for all tenants here, where elsewhere each may have its own: then a batch is moved up, never down, so that
 * a reader who goes on from where he was misses nothing.
 */
function insertBatch(db: Database, { tenant, seq, at, items }: EventBatch): void {
	db.sql(
		`INSERT INTO event_batches (seq, tenant, at, count, items)
		VALUES (max(?, coalesce((SELECT max(seq) FROM event_batches), 0) + 1), ?, ?, ?, ?)`,
	).run(seq, tenant, at, items.length, JSON.stringify(items satisfies EventDraft[]));
}

function replace<S extends Section>(
	db: Database,
	section: S,
	{ before, after }: { before: ArchiveRecords[S]; after: ArchiveRecords[S] },
): boolean {
	const table = tableOf(section);
	const changed = Object.keys(after).filter((field) => {
		const key = field as keyof ArchiveRecords[S];
		return JSON.stringify(after[key]) !== JSON.stringify(before[key]);
	});
	if (changed.length === 0) return true;
	const of = (record: ArchiveRecords[S], field: string) =>
		table.encode(field, record[field as keyof ArchiveRecords[S]]);
	const { changes } = db
		.sql(
			`UPDATE ${table.name} SET ${changed.map((field) => `${field} = ?`).join(', ')}
			WHERE ${[...table.key, ...changed].map((field) => `${field} IS ?`).join(' AND ')}`,
		)
		.run(
			...changed.map((field) => of(after, field)),
			...table.key.map((field) => before[field as keyof ArchiveRecords[S]] as string | number),
			...changed.map((field) => of(before, field)),
		);
	return changes === 1;
}

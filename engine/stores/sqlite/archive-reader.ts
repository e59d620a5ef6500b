import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SQLInputValue } from 'node:sqlite';

import { CapError } from '../../contract/errors.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { BlobRef } from '../../contract/result.ts';
import type { ArchivePage, ArchiveReader, ArchiveRecords, Section } from '../archive.port.ts';
import { tableOf } from './archive-tables.ts';
import type { Database } from './database.ts';
import { createDatabase } from './database.ts';
import { attemptRows, deliveryAttemptRows } from './rows.ts';
import { SCHEMA_VERSION } from './schema.ts';

/**
 * Reads a data folder as it was at one moment, whether an engine works on it or not: one read transaction on a
 * connection of its own, which holds nobody up (the log grows meanwhile).
 * @throws CapError STORAGE_UNAVAILABLE when there is no database, or one of another version
 */
export function createArchiveReader(folder: string): ArchiveReader {
	const file = join(folder, 'capscheduler.db');
	if (!existsSync(file)) {
		throw new CapError('STORAGE_UNAVAILABLE', `${folder}: expected a data folder, got none`);
	}
	const db = createDatabase(file);
	db.open();
	try {
		db.exec('PRAGMA query_only = ON; BEGIN');
		checkVersion(db);
	} catch (error) {
		db.close();
		throw error;
	}
	return {
		ofOneMoment: true,
		read: <S extends Section>(section: S, page: { after: string | null; limit: number }) =>
			Promise.resolve(readPage(db, section, page)),
		smallBlobs: (refs) => Promise.resolve(smallBlobs(db, refs)),
		openBlob: (ref) => openBlob(db, folder, ref),
		close() {
			db.close();
			return Promise.resolve();
		},
	};
}

/** The first read, which is what begins the moment. */
function checkVersion(db: Database): void {
	const row = db.sql('PRAGMA user_version').get() as { user_version: number };
	db.sql('SELECT 1 FROM marks LIMIT 1').get();
	if (row.user_version === SCHEMA_VERSION) return;
	const older = row.user_version < SCHEMA_VERSION;
	throw new CapError(
		'STORAGE_UNAVAILABLE',
		`${db.file}: expected schema version ${SCHEMA_VERSION}, got ${row.user_version}: ` +
			(older ? 'start this engine on it once' : 'it was written by a newer engine'),
	);
}

function readPage<S extends Section>(
	db: Database,
	section: S,
	{ after, limit }: { after: string | null; limit: number },
): ArchivePage<S> {
	if (section === 'events') return readEvents(db, after, limit) as ArchivePage<S>;
	const table = tableOf(section);
	const position = after === null ? [] : (JSON.parse(after) as SQLInputValue[]);
	const keys = table.key.join(', ');
	const where = after === null ? '' : `WHERE (${keys}) > (${table.key.map(() => '?').join(', ')})`;
	const rows = db
		.rows(`SELECT ${keys}, ${table.columns} FROM ${table.name} ${where} ORDER BY ${keys} LIMIT ?`)
		.all(...position, limit);
	const width = table.key.length;
	const items = rows.map((row) => table.fromRow(row.slice(width)));
	complete(db, section, items);
	const last = rows.length < limit ? undefined : rows.at(-1);
	return { items, next: last === undefined ? null : JSON.stringify(last.slice(0, width)) };
}

/** What records have of rows elsewhere. */
function complete(db: Database, section: Section, items: unknown[]): void {
	if (section === 'runs') {
		const attempts = db.rows(
			`SELECT ${attemptRows.columns} FROM run_attempts WHERE runId = ? ORDER BY epoch`,
		);
		for (const run of items as ArchiveRecords['runs'][]) {
			run.attempts = attempts.all(run.id).map(attemptRows.fromRow);
		}
	} else if (section === 'deliveries') {
		const attempts = db.rows(
			`SELECT ${deliveryAttemptRows.columns} FROM delivery_attempts WHERE deliveryId = ? ORDER BY epoch`,
		);
		for (const delivery of items as ArchiveRecords['deliveries'][]) {
			delivery.attempts = attempts.all(delivery.id).map(deliveryAttemptRows.fromRow);
		}
	} else if (section === 'schedules') {
		const named = db.rows<[string, number]>(
			'SELECT calendarId, version FROM schedule_calendars WHERE scheduleId = ? ORDER BY calendarId',
		);
		for (const schedule of items as ArchiveRecords['schedules'][]) {
			schedule.calendars = Object.fromEntries(named.all(schedule.id));
		}
	}
}

function readEvents(db: Database, after: string | null, limit: number): ArchivePage<'events'> {
	const rows = db
		.rows<[number, string, number, string]>(
			'SELECT seq, tenant, at, items FROM event_batches WHERE seq > ? ORDER BY seq LIMIT ?',
		)
		.all(Number(after ?? 0), limit);
	const items = rows.map(([seq, tenant, at, text]) => ({
		tenant,
		seq,
		at,
		items: JSON.parse(text) as EventDraft[],
	}));
	const last = rows.length < limit ? undefined : rows.at(-1);
	return { items, next: last === undefined ? null : String(last[0]) };
}

function smallBlobs(db: Database, refs: readonly BlobRef[]): Map<string, Uint8Array> {
	const statement = db.rows<[Uint8Array | null]>('SELECT bytes FROM blobs WHERE sha256 = ?');
	const found = new Map<string, Uint8Array>();
	for (const { sha256 } of refs) {
		const bytes = statement.get(sha256)?.[0] ?? null;
		if (bytes !== null) found.set(sha256, bytes);
	}
	return found;
}

async function* openBlob(db: Database, folder: string, ref: BlobRef): AsyncIterable<Uint8Array> {
	const { sha256 } = ref;
	const small = smallBlobs(db, [ref]).get(sha256);
	if (small !== undefined) {
		yield small;
		return;
	}
	const path = join(folder, 'blobs', sha256.slice(0, 2), sha256.slice(2));
	try {
		yield* createReadStream(path, { highWaterMark: 262_144 }) as AsyncIterable<Uint8Array>;
	} catch (cause) {
		if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
		throw new CapError('NOT_FOUND', `no bytes with sha256 ${sha256} any more`, { cause });
	}
}

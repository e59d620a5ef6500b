import { CapError } from '../../contract/errors.ts';
import type { EventDraft } from '../../contract/event.ts';
import type { BlobRef } from '../../contract/result.ts';
import type { ArchivePage, ArchiveReader, ArchiveRecords, Section } from '../archive.port.ts';
import { tableOf } from './archive-tables.ts';
import type { Database, Session, SqlValue } from './database.ts';
import { attemptRows, deliveryAttemptRows } from './rows.ts';

/** Reads the database as it was at one moment, whether engines work on it or not: one transaction that reads only. */
export async function createArchiveReader(db: Pick<Database, 'connect'>): Promise<ArchiveReader> {
	const session = await db.connect();
	// who writes elsewhere what is read here may take his time
	await session.exec('SET idle_in_transaction_session_timeout = 0');
	await session.exec('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
	return {
		ofOneMoment: true,
		read: async <S extends Section>(section: S, page: { after: string | null; limit: number }) =>
			readPage(session, section, page),
		smallBlobs: async (refs) => smallBlobs(session, refs),
		openBlob: (ref) => openBlob(session, ref),
		close: async () => session.close(),
	};
}

async function readPage<S extends Section>(
	on: Session,
	section: S,
	{ after, limit }: { after: string | null; limit: number },
): Promise<ArchivePage<S>> {
	if (section === 'events') return (await readEvents(on, after, limit)) as ArchivePage<S>;
	const table = tableOf(section);
	const position = after === null ? [] : (JSON.parse(after) as SqlValue[]);
	const keys = table.key.join(', ');
	const marks = table.key.map((_, at) => `$${at + 2}`).join(', ');
	const where = after === null ? '' : `WHERE (${keys}) > (${marks})`;
	const columns = table.columns.map(([name]) => name).join(', ');
	const rows = await on.rows(
		`SELECT ${keys}, ${columns} FROM ${table.name} ${where} ORDER BY ${keys} LIMIT $1`,
		[limit, ...position],
	);
	const width = table.key.length;
	const items = rows.map((row) => table.fromRow(row.slice(width)));
	await complete(on, section, items);
	const last = rows.length < limit ? undefined : rows.at(-1);
	return { items, next: last === undefined ? null : JSON.stringify(last.slice(0, width)) };
}

/** What records have of rows elsewhere. */
async function complete(on: Session, section: Section, items: unknown[]): Promise<void> {
	if (section === 'runs') {
		const runs = items as ArchiveRecords['runs'][];
		const rows = await on.rows(
			`SELECT ${attemptRows.columns} FROM run_attempts WHERE runId = ANY($1::text[]) ORDER BY runId, epoch`,
			[runs.map(({ id }) => id)],
		);
		const byRun = Map.groupBy(rows.map(attemptRows.fromRow), ({ runId }) => runId);
		for (const run of runs) run.attempts = byRun.get(run.id) ?? [];
	} else if (section === 'deliveries') {
		const deliveries = items as ArchiveRecords['deliveries'][];
		const rows = await on.rows(
			`SELECT ${deliveryAttemptRows.columns} FROM delivery_attempts
			WHERE deliveryId = ANY($1::text[]) ORDER BY deliveryId, epoch`,
			[deliveries.map(({ id }) => id)],
		);
		const attempts = rows.map(deliveryAttemptRows.fromRow);
		const byDelivery = Map.groupBy(attempts, ({ deliveryId }) => deliveryId);
		for (const delivery of deliveries) delivery.attempts = byDelivery.get(delivery.id) ?? [];
	} else if (section === 'schedules') {
		const schedules = items as ArchiveRecords['schedules'][];
		const rows = await on.rows<[string, string, number]>(
			`SELECT scheduleId, calendarId, version FROM schedule_calendars
			WHERE scheduleId = ANY($1::text[]) ORDER BY calendarId`,
			[schedules.map(({ id }) => id)],
		);
		const bySchedule = Map.groupBy(rows, ([scheduleId]) => scheduleId);
		for (const schedule of schedules) {
			const named = bySchedule.get(schedule.id) ?? [];
			schedule.calendars = Object.fromEntries(named.map(([, id, version]) => [id, version]));
		}
	}
}

/** A commit's events may lie in several rows. */
async function readEvents(
	on: Session,
	after: string | null,
	limit: number,
): Promise<ArchivePage<'events'>> {
	const [position, tenant] = after === null ? [-1, ''] : (JSON.parse(after) as [number, string]);
	const rows = await on.rows<[number, string, number, string]>(
		`SELECT position, tenant, max(at)::bigint, '[' || string_agg(items, ',' ORDER BY first) || ']'
		FROM event_batches WHERE position >= $1 AND (position, tenant) > ($1, $2)
		GROUP BY position, tenant ORDER BY position, tenant LIMIT $3`,
		[position, tenant, limit],
	);
	const items = rows.map(([seq, of, at, text]) => {
		return { tenant: of, seq, at, items: (JSON.parse(text) as EventDraft[][]).flat() };
	});
	const last = rows.length < limit ? undefined : rows.at(-1);
	return { items, next: last === undefined ? null : JSON.stringify([last[0], last[1]]) };
}

async function smallBlobs(on: Session, refs: readonly BlobRef[]): Promise<Map<string, Uint8Array>> {
	const rows = await on.rows<[string, Uint8Array]>(
		'SELECT sha256, bytes FROM blobs WHERE sha256 = ANY($1::text[]) AND bytes IS NOT NULL',
		[refs.map(({ sha256 }) => sha256)],
	);
	return new Map(rows);
}

async function* openBlob(on: Session, { sha256 }: BlobRef): AsyncIterable<Uint8Array> {
	const row = await on.get<[Uint8Array | null, string | null]>(
		'SELECT bytes, dataId FROM blobs WHERE sha256 = $1',
		[sha256],
	);
	const [bytes = null, dataId = null] = row ?? [];
	if (bytes !== null) {
		yield bytes;
		return;
	}
	if (dataId === null) throw new CapError('NOT_FOUND', `no bytes with sha256 ${sha256} any more`);
	for (let n = 0; ; n++) {
		const piece = await on.get<[Uint8Array]>(
			'SELECT bytes FROM blob_pieces WHERE dataId = $1 AND n = $2',
			[dataId, n],
		);
		if (piece === undefined) return;
		yield piece[0];
	}
}

import type { ArchiveRecords, Section } from '../archive.port.ts';
import { holdsKey, isOver, runDoc } from './look-at.ts';
import type { CollectionName } from './database.ts';
import type { Doc, Fields } from './documents.ts';
import {
	artifactRows,
	backfillRows,
	calendarHeadRows,
	calendarRows,
	capabilityRows,
	deliveryRows,
	destinationRows,
	idempotencyRows,
	keyRows,
	ledgerRows,
	linkRows,
	markRows,
	notificationRows,
	resultRows,
	runRows,
	scheduleRows,
	sharedStateRows,
	specRows,
	targetRows,
} from './rows.ts';
import type { Codec } from './codec.ts';
import { tagsOf } from './schedule-doc.ts';
import { deliveryDoc, dueOf } from './sendable-doc.ts';

/** How a section lies in its collection. */
export interface Documents<S extends Section> {
	in: CollectionName;
	fromDoc: (doc: Doc) => ArchiveRecords[S];
	toDoc: (record: ArchiveRecords[S]) => Doc;
	/** Of some fields. */
	encode: (fields: Partial<ArchiveRecords[S]>) => Fields;
}

/** What a document whose changes are conditional has beside its record. */
const ROOT = { v: 1, w: [] };

function plain<S extends Section>(
	name: CollectionName,
	codec: Codec<ArchiveRecords[S]>,
	more: Fields | ((record: ArchiveRecords[S]) => Fields) = {},
): Documents<S> {
	return {
		in: name,
		fromDoc: codec.fromDoc,
		toDoc: (record) => ({
			...codec.toDoc(record),
			...(typeof more === 'function' ? more(record) : more),
		}),
		encode: (fields) => codec.encode(fields),
	};
}

/** Some sections have fields that lie elsewhere in the document. */
function widened<S extends Section, T extends object>(
	base: { in: CollectionName; codec: Codec<T> },
	more: {
		toDoc: (record: ArchiveRecords[S]) => Doc;
		read: (record: T, doc: Doc) => ArchiveRecords[S];
	},
): Documents<S> {
	const { codec } = base;
	return {
		in: base.in,
		fromDoc: (doc) => more.read(codec.fromDoc(doc), doc),
		toDoc: more.toDoc,
		encode: (fields) => codec.encode(fields as unknown as Partial<T>),
	};
}

const packAttempts = (attempts: readonly { epoch: number }[]): Fields[] =>
	attempts.map((attempt) => ({ epoch: attempt.epoch, text: JSON.stringify(attempt) }));

function unpackAttempts<A extends { epoch: number }>(doc: Doc): A[] {
	const kept = (doc['attempts'] ?? []) as { epoch: number; text: string }[];
	return kept.map(({ text }) => JSON.parse(text) as A).sort((a, b) => a.epoch - b.epoch);
}

/** All but events. A schedule's `uses` follow from its spec, and are set by whoever writes it. */
const DOCUMENTS: { [S in Exclude<Section, 'events'>]: Documents<S> } = {
	marks: plain('marks', markRows),
	keys: plain('keys', keyRows, ROOT),
	idempotency: plain('idempotency', idempotencyRows, ROOT),
	capabilities: plain('capabilities', capabilityRows, ROOT),
	calendars: plain('calendars', calendarHeadRows, ROOT),
	calendarVersions: plain('calendarVersions', calendarRows),
	destinations: plain('destinations', destinationRows, ROOT),
	specs: plain('specs', specRows, { usedAt: 0 }),
	schedules: widened(
		{ in: 'schedules', codec: scheduleRows },
		{
			toDoc: (schedule) => ({
				...scheduleRows.toDoc(schedule),
				tags: tagsOf(schedule),
				uses: [],
				named: Object.entries(schedule.calendars).map(([c, n]) => ({ c, n })),
				...ROOT,
			}),
			read: (schedule, doc) => ({ ...schedule, calendars: namedIn(doc) }),
		},
	),
	targets: plain('targets', targetRows),
	occurrences: plain('occurrences', ledgerRows),
	// its runs are there before anybody asks
	backfills: plain('backfills', backfillRows, { ...ROOT, made: 0 }),
	results: plain('results', resultRows, ({ blob }) => ({ sha256: blob.sha256 })),
	artifacts: plain('artifacts', artifactRows, ({ blob }) => ({ sha256: blob.sha256, ...ROOT })),
	runs: widened(
		{ in: 'runs', codec: runRows },
		{
			toDoc: (run) => ({ ...runDoc(run, run.seq), attempts: packAttempts(run.attempts) }),
			read: (run, doc) => ({ ...run, seq: Number(doc['seq']), attempts: unpackAttempts(doc) }),
		},
	),
	links: plain('links', linkRows, ROOT),
	deliveries: widened(
		{ in: 'deliveries', codec: deliveryRows },
		{
			toDoc: (delivery) => ({
				...deliveryDoc(delivery, delivery.seq),
				attempts: packAttempts(delivery.attempts),
				...ROOT,
			}),
			read: (delivery, doc) => ({
				...delivery,
				seq: Number(doc['seq']),
				attempts: unpackAttempts(doc),
			}),
		},
	),
	notifications: widened(
		{ in: 'notifications', codec: notificationRows },
		{
			toDoc: (notification) => ({
				...notificationRows.toDoc(notification),
				...dueOf(notification),
				seq: notification.seq,
				...ROOT,
			}),
			read: (notification, doc) => ({ ...notification, seq: Number(doc['seq']) }),
		},
	),
	shared: plain('shared', sharedStateRows, ROOT),
};

function namedIn(doc: Doc): Record<string, number> {
	const named = (doc['named'] ?? []) as { c: string; n: number }[];
	return Object.fromEntries(
		named.map(({ c, n }): [string, number] => [c, n]).sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}

/** Whether a run that is open has a concurrency key, or a serial key, of which something must be known elsewhere. */
export function keysOf(run: ArchiveRecords['runs']): { holds: boolean; serial: boolean } {
	return {
		holds: run.concurrencyKey !== null && holdsKey(run),
		serial: run.serialKey !== null && !isOver(run),
	};
}

export function documentsOf<S extends Section>(section: S): Documents<S> {
	return (DOCUMENTS as unknown as Record<S, Documents<S>>)[section];
}

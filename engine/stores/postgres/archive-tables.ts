import type { ArchiveRecords, Section } from '../archive.port.ts';
import { flatten, unflatten } from '../shared/flat-blob.ts';
import { lookAtOf } from '../shared/look-at.ts';
import type { SqlValue } from './database.ts';
import type { Codec } from './rows.ts';
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

/** How a section lies in its table. */
export interface Table<S extends Section> {
	name: string;
	/** Columns that are unique together, and in whose order it is read. */
	key: readonly string[];
	/** Columns with their types, and the values of a record. */
	columns: readonly (readonly [name: string, type: string])[];
	/** Of a row of `columns`. */
	fromRow: (row: readonly unknown[]) => ArchiveRecords[S];
	toRow: (record: ArchiveRecords[S]) => SqlValue[];
	encode: (field: string, value: unknown) => SqlValue;
}

const columnsOf = <T>({ fields, types }: Codec<T>): [string, string][] =>
	fields.map((field, at) => [field, types[at] ?? 'text']);

function table<S extends Section>(
	key: readonly string[],
	codec: Codec<ArchiveRecords[S]>,
): Table<S> {
	return {
		name: codec.table,
		key,
		columns: columnsOf(codec),
		fromRow: codec.fromRow,
		toRow: (record) => codec.toRow(record),
		encode: (field, value) => codec.encode(field as keyof ArchiveRecords[S] & string, value),
	};
}

/** With columns of the store's own behind those of the codec. */
function widened<S extends Section, T extends object>(
	base: { key: readonly string[]; codec: Codec<T> },
	more: {
		columns: readonly (readonly [string, string])[];
		toRow: (record: ArchiveRecords[S]) => SqlValue[];
		/** What a record has of them, and of rows elsewhere. */
		read: (record: T, row: readonly unknown[]) => ArchiveRecords[S];
	},
): Table<S> {
	const { key, codec } = base;
	return {
		name: codec.table,
		key,
		columns: [...columnsOf(codec), ...more.columns],
		fromRow: (row) => more.read(codec.fromRow(row), row.slice(codec.fields.length)),
		toRow: more.toRow,
		encode: (field, value) => codec.encode(field as keyof T & string, value),
	};
}

/** All but events, which are packed in their own way. */
const TABLES: { [S in Exclude<Section, 'events'>]: Table<S> } = {
	marks: table(['name'], markRows),
	keys: table(['id'], keyRows),
	idempotency: table(['tenant', 'key'], idempotencyRows),
	capabilities: table(['tenant', 'name'], capabilityRows),
	calendars: table(['id'], calendarHeadRows),
	calendarVersions: table(['id', 'version'], calendarRows),
	destinations: table(['id'], destinationRows),
	specs: table(['id'], specRows),
	schedules: widened(
		{ key: ['id'], codec: scheduleRows },
		{
			columns: [],
			toRow: (schedule) => scheduleRows.toRow(schedule),
			read: (schedule) => ({ ...schedule, calendars: {} }),
		},
	),
	targets: table(['scheduleId', 'targetKey'], targetRows),
	occurrences: table(['scheduleId', 'nominalAt'], ledgerRows),
	backfills: table(['id'], backfillRows),
	results: widened(
		{ key: ['id'], codec: resultRows },
		{
			columns: [],
			toRow: (record) => resultRows.toRow(flatten(record)),
			read: (flat) => unflatten(flat),
		},
	),
	artifacts: widened(
		{ key: ['resultId', 'rendering'], codec: artifactRows },
		{
			columns: [],
			toRow: (record) => artifactRows.toRow(flatten(record)),
			read: (flat) => unflatten(flat),
		},
	),
	runs: widened(
		{ key: ['seq'], codec: runRows },
		{
			columns: [
				['seq', 'bigint'],
				['lookAt', 'bigint'],
			],
			toRow: (run) => [...runRows.toRow(run), run.seq, lookAtOf(run, false)],
			read: (run, [seq]) => ({ ...run, seq: seq as number, attempts: [] }),
		},
	),
	links: table(['id'], linkRows),
	deliveries: widened(
		{ key: ['seq'], codec: deliveryRows },
		{
			columns: [
				['seq', 'bigint'],
				['artifactSha256', 'text'],
			],
			toRow: (delivery) => [
				...deliveryRows.toRow(delivery),
				delivery.seq,
				delivery.artifact?.sha256 ?? null,
			],
			read: (delivery, [seq]) => ({ ...delivery, seq: seq as number, attempts: [] }),
		},
	),
	notifications: widened(
		{ key: ['seq'], codec: notificationRows },
		{
			columns: [['seq', 'bigint']],
			toRow: (notification) => [...notificationRows.toRow(notification), notification.seq],
			read: (notification, [seq]) => ({ ...notification, seq: seq as number }),
		},
	),
	shared: table(['tenant', 'key'], sharedStateRows),
};

export function tableOf<S extends Section>(section: S): Table<S> {
	return (TABLES as unknown as Record<S, Table<S>>)[section];
}

import type { SQLInputValue } from 'node:sqlite';

import type { ArchiveRecords, Section } from '../archive.port.ts';
import { flatten, unflatten } from '../shared/flat-blob.ts';
import { lookAtOf } from '../shared/look-at.ts';
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
	columns: string;
	/** Of a row of `columns`. */
	fromRow: (row: readonly unknown[]) => ArchiveRecords[S];
	insert: string;
	toRow: (record: ArchiveRecords[S]) => SQLInputValue[];
	encode: (field: string, value: unknown) => SQLInputValue;
}

function table<S extends Section>(
	name: string,
	key: readonly string[],
	codec: Codec<ArchiveRecords[S]>,
): Table<S> {
	return {
		name,
		key,
		columns: codec.columns,
		fromRow: codec.fromRow,
		insert: codec.insertOrIgnore,
		toRow: (record) => codec.toRow(record),
		encode: (field, value) => codec.encode(field as keyof ArchiveRecords[S], value),
	};
}

/** With columns of the store's own behind those of the codec. */
function widened<S extends Section, T extends object>(
	base: { name: string; key: readonly string[]; codec: Codec<T> },
	more: {
		columns: readonly string[];
		toRow: (record: ArchiveRecords[S]) => SQLInputValue[];
		/** What a record has of them, and of rows elsewhere. */
		read: (record: T, row: readonly unknown[]) => ArchiveRecords[S];
	},
): Table<S> {
	const { name, key, codec } = base;
	const width = codec.columns.split(', ').length;
	const columns = [codec.columns, ...more.columns].join(', ');
	const marks = new Array<string>(width + more.columns.length).fill('?').join(', ');
	return {
		name,
		key,
		columns,
		fromRow: (row) => more.read(codec.fromRow(row), row.slice(width)),
		insert: `INSERT OR IGNORE INTO ${name} (${columns}) VALUES (${marks})`,
		toRow: more.toRow,
		encode: (field, value) => codec.encode(field as keyof T, value),
	};
}

/** All but events, which are packed in their own way. */
const TABLES: { [S in Exclude<Section, 'events'>]: Table<S> } = {
	marks: table('marks', ['name'], markRows),
	keys: table('api_keys', ['id'], keyRows),
	idempotency: table('idempotency', ['tenant', 'key'], idempotencyRows),
	capabilities: table('capabilities', ['tenant', 'name'], capabilityRows),
	calendars: table('calendars', ['id'], calendarHeadRows),
	calendarVersions: table('calendar_versions', ['id', 'version'], calendarRows),
	destinations: table('destinations', ['id'], destinationRows),
	specs: table('specs', ['id'], specRows),
	schedules: widened(
		{ name: 'schedules', key: ['id'], codec: scheduleRows },
		{
			columns: [],
			toRow: (schedule) => scheduleRows.toRow(schedule),
			read: (schedule) => ({ ...schedule, calendars: {} }),
		},
	),
	targets: table('targets', ['scheduleId', 'targetKey'], targetRows),
	occurrences: table('occurrences', ['scheduleId', 'nominalAt'], ledgerRows),
	backfills: table('backfills', ['id'], backfillRows),
	results: widened(
		{ name: 'results', key: ['id'], codec: resultRows },
		{
			columns: [],
			toRow: (record) => resultRows.toRow(flatten(record)),
			read: (flat) => unflatten(flat),
		},
	),
	artifacts: widened(
		{ name: 'artifacts', key: ['resultId', 'rendering'], codec: artifactRows },
		{
			columns: [],
			toRow: (record) => artifactRows.toRow(flatten(record)),
			read: (flat) => unflatten(flat),
		},
	),
	runs: widened(
		{ name: 'runs', key: ['seq'], codec: runRows },
		{
			columns: ['seq', 'lookAt'],
			toRow: (run) => [...runRows.toRow(run), run.seq, lookAtOf(run, false)],
			read: (run, [seq]) => ({ ...run, seq: seq as number, attempts: [] }),
		},
	),
	links: table('links', ['id'], linkRows),
	deliveries: widened(
		{ name: 'deliveries', key: ['seq'], codec: deliveryRows },
		{
			columns: ['seq'],
			toRow: (delivery) => [...deliveryRows.toRow(delivery), delivery.seq],
			read: (delivery, [seq]) => ({ ...delivery, seq: seq as number, attempts: [] }),
		},
	),
	notifications: widened(
		{ name: 'notifications', key: ['seq'], codec: notificationRows },
		{
			columns: ['seq'],
			toRow: (notification) => [...notificationRows.toRow(notification), notification.seq],
			read: (notification, [seq]) => ({ ...notification, seq: seq as number }),
		},
	),
	shared: table('shared_states', ['tenant', 'key'], sharedStateRows),
};

export function tableOf<S extends Section>(section: S): Table<S> {
	return (TABLES as unknown as Record<S, Table<S>>)[section];
}

import type { Index } from '../index-spec.ts';

const THERE = { $exists: true } as const;

/** Version 1: what schedules make: the ledger, runs, and what follows from them. */
export const WORK: readonly Index[] = [
	{ on: 'occurrences', name: 'nominal', key: { scheduleId: 1, nominalAt: 1 } },
	{ on: 'occurrences', name: 'decided', key: { decidedAt: 1 } },
	{
		on: 'occurrences',
		name: 'moved',
		key: { scheduleId: 1, movedFrom: 1 },
		where: { movedFrom: { $gt: 0 } },
	},

	{ on: 'runs', name: 'tenant', key: { tenant: 1, _id: -1 } },
	{ on: 'runs', name: 'state', key: { tenant: 1, state: 1, _id: -1 } },
	{ on: 'runs', name: 'capability', key: { tenant: 1, capability: 1, _id: -1 } },
	{ on: 'runs', name: 'schedule', key: { scheduleId: 1, _id: -1 } },
	{ on: 'runs', name: 'spec', key: { specId: 1 } },
	{ on: 'runs', name: 'backfill', key: { backfillId: 1, state: 1, seq: -1 } },
	{ on: 'runs', name: 'unfinished', key: { scheduleId: 1, seq: 1 }, where: { open: true } },
	// The fields of these are in few documents at a time; see look-at.ts.
	{ on: 'runs', name: 'ready', key: { priority: -1, ready: 1, seq: 1 }, where: { ready: THERE } },
	{ on: 'runs', name: 'look', key: { state: 1, look: 1 }, where: { look: THERE } },
	{
		on: 'runs',
		name: 'wait',
		key: { wait: 1, priority: -1, readyAt: 1, seq: 1 },
		where: { wait: THERE },
	},
	{ on: 'runs', name: 'sla', key: { sla: 1 }, where: { sla: THERE } },
	{ on: 'runs', name: 'serial', key: { serial: 1, seq: 1 }, where: { open: true } },
	{ on: 'runs', name: 'blocked', key: { serial: 1, blocked: 1 }, where: { blocked: true } },

	{ on: 'backfills', name: 'schedule', key: { scheduleId: 1, _id: -1 } },
	{ on: 'backfills', name: 'state', key: { state: 1, endedAt: 1 } },

	{ on: 'results', name: 'blob', key: { sha256: 1 } },
	{ on: 'artifacts', name: 'result', key: { resultId: 1 } },
	{ on: 'artifacts', name: 'blob', key: { sha256: 1 } },
	{ on: 'blobs', name: 'file', key: { file: 1 }, where: { file: THERE } },
	{ on: 'links', name: 'run', key: { runId: 1 } },
	{ on: 'links', name: 'unused', key: { expiresAt: 1 }, where: { uses: 0 } },

	{ on: 'deliveries', name: 'id', key: { id: 1 } },
	{ on: 'deliveries', name: 'run', key: { runId: 1, targetKey: 1 } },
	{ on: 'deliveries', name: 'tenant', key: { tenant: 1, id: -1 } },
	{ on: 'deliveries', name: 'state', key: { tenant: 1, state: 1, id: -1 } },
	{ on: 'deliveries', name: 'schedule', key: { scheduleId: 1, id: -1 } },
	{ on: 'deliveries', name: 'blob', key: { sha256: 1 }, where: { sha256: THERE } },
	{ on: 'notifications', name: 'id', key: { id: 1 } },
	{ on: 'notifications', name: 'run', key: { runId: 1, notifyKey: 1 } },
	// Of the highest priority first; notifications have none.
	{
		on: 'deliveries',
		name: 'due',
		key: { priority: -1, due: 1, seq: 1 },
		where: { due: THERE },
	},
	{ on: 'notifications', name: 'due', key: { due: 1, seq: 1 }, where: { due: THERE } },
	...(['deliveries', 'notifications'] as const).flatMap((on): Index[] => [
		{ on, name: 'leased', key: { leased: 1 }, where: { leased: THERE } },
	]),
	...(['runs', 'deliveries', 'notifications', 'backfills', 'links', 'artifacts'] as const).map(
		(on): Index => ({
			on,
			name: 'outbox',
			key: { 'outbox.at': 1 },
			where: { 'outbox.at': THERE },
		}),
	),
];

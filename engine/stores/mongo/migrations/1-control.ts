import type { Index } from '../index-spec.ts';

const THERE = { $exists: true } as const;

/** Version 1: timers, access, what is registered and scheduled, events. */
export const CONTROL: readonly Index[] = [
	// The one that Agenda makes, under its name.
	{
		on: 'agendaJobs',
		name: 'findAndLockNextJobIndex',
		key: { name: 1, nextRunAt: 1, priority: -1, lockedAt: 1, disabled: 1 },
	},
	{ on: 'keys', name: 'tenant', key: { tenant: 1, _id: -1 } },
	{ on: 'idempotency', name: 'expiry', key: { expiresAt: 1 } },
	{ on: 'capabilities', name: 'tenant', key: { tenant: 1, name: 1 } },
	{ on: 'destinations', name: 'tenant', key: { tenant: 1, _id: -1 } },
	{ on: 'destinations', name: 'name', key: { tenant: 1, name: 1 } },
	{ on: 'calendars', name: 'tenant', key: { tenant: 1, _id: -1 } },
	{ on: 'calendars', name: 'name', key: { tenant: 1, name: 1 } },
	{ on: 'calendarVersions', name: 'version', key: { id: 1, version: -1 } },
	{ on: 'schedules', name: 'tenant', key: { tenant: 1, _id: -1 } },
	{ on: 'schedules', name: 'state', key: { tenant: 1, state: 1, _id: -1 } },
	{ on: 'schedules', name: 'capability', key: { tenant: 1, capability: 1, _id: -1 } },
	// finds the few that are paused without reading all of a capability
	{ on: 'schedules', name: 'of', key: { tenant: 1, capability: 1, state: 1, _id: -1 } },
	{ on: 'schedules', name: 'name', key: { tenant: 1, name: 1, _id: -1 } },
	{ on: 'schedules', name: 'tags', key: { tenant: 1, tags: 1, _id: -1 } },
	{ on: 'schedules', name: 'uses', key: { tenant: 1, uses: 1 } },
	{ on: 'schedules', name: 'named', key: { 'named.c': 1, 'named.n': 1 } },
	{ on: 'schedules', name: 'zone', key: { zoneData: 1 } },
	{ on: 'schedules', name: 'spec', key: { specId: 1 } },
	{ on: 'schedules', name: 'over', key: { state: 1, updatedAt: 1 } },
	{ on: 'targets', name: 'schedule', key: { scheduleId: 1, targetKey: 1 } },
	{ on: 'shared', name: 'key', key: { tenant: 1, key: 1 } },
	{ on: 'shared', name: 'due', key: { dueAt: 1 }, where: { dueAt: { $gt: 0 } } },
	{ on: 'shared', name: 'old', key: { keepUntil: 1 } },
	{ on: 'events', name: 'tenant', key: { tenant: 1, seq: 1 } },
	{ on: 'events', name: 'at', key: { at: 1 } },
	...(
		[
			'keys',
			'idempotency',
			'capabilities',
			'destinations',
			'calendars',
			'schedules',
			'journal',
			'shared',
		] as const
	).map((on): Index => ({
		on,
		name: 'outbox',
		key: { 'outbox.at': 1 },
		where: { 'outbox.at': THERE },
	})),
];

import { createHash } from 'node:crypto';

import type { Instant } from '../../contract/time.ts';
import type { TimerName } from '../store.port.ts';
import type { Queryable, SqlValue } from './database.ts';

/** Sets the timer, or with null removes it if it is there. */
export interface TimerChange {
	name: TimerName;
	key: string;
	at: Instant | null;
}

export const TIMER_NAMES = [
	'schedule.due',
	'run.retry',
	'run.deadline',
	'run.sla',
	'delivery.due',
	'notification.due',
] as const satisfies readonly TimerName[];

/**
 * Agenda's table wants a UUID: the first half of a SHA-256 over name and key, so that setting a timer twice is
 * one row. The SQL function `timer_id` (migrations) works out the same.
 */
export function timerId(name: TimerName, key: string): string {
	const hex = createHash('sha256').update(`${name}:${key}`).digest('hex');
	return [
		[0, 8],
		[8, 12],
		[12, 16],
		[16, 20],
		[20, 32],
	]
		.map(([from, to]) => hex.slice(from, to))
		.join('-');
}

/** An instant of ours as PostgreSQL's, and back. */
export const toTimestamp = (sql: string): string => `to_timestamp((${sql}) / 1000.0)`;
export const toInstant = (sql: string): string => `(extract(epoch from ${sql}) * 1000)::bigint`;

const SET = `INSERT INTO agenda_jobs (id, name, next_run_at, data)
	SELECT id, name, ${toTimestamp('at')}, jsonb_build_object('key', key)
	FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) AS timer (id, name, key, at)
	ON CONFLICT (id) DO UPDATE SET next_run_at = excluded.next_run_at, locked_at = NULL`;

/** Inside a write, in the order of their ids, as every write does it, so that none waits in a circle. */
export function setTimers(
	tx: { later(sql: string, values: readonly SqlValue[]): void },
	changes: readonly TimerChange[],
): void {
	const known = changes
		.map((change) => ({ ...change, id: timerId(change.name, change.key) }))
		.sort((a, b) => (a.id < b.id ? -1 : 1));
	const gone = known.filter(({ at }) => at === null);
	const set = known.filter(({ at }) => at !== null);
	if (gone.length > 0) {
		tx.later('DELETE FROM agenda_jobs WHERE id = ANY($1::uuid[])', [gone.map(({ id }) => id)]);
	}
	if (set.length > 0) {
		tx.later(SET, [
			set.map(({ id }) => id),
			set.map(({ name }) => name),
			set.map(({ key }) => key),
			set.map(({ at }) => at),
		]);
	}
}

/** When the earliest timer is due: one look into the index for each name. */
export async function earliestTimer(
	db: Queryable,
	names: readonly TimerName[] = TIMER_NAMES,
): Promise<Instant | null> {
	const row = await db.get<[Instant | null]>(
		`SELECT min(${toInstant('found.next_run_at')}) FROM unnest($1::text[]) AS timer (name),
		LATERAL (SELECT next_run_at FROM agenda_jobs j
			WHERE j.name = timer.name AND disabled = FALSE AND next_run_at IS NOT NULL
			ORDER BY next_run_at LIMIT 1) found`,
		[[...names]],
	);
	return row?.[0] ?? null;
}

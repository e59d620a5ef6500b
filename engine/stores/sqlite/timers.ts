import type { Instant } from '../../contract/time.ts';
import type { TimerName } from '../store.port.ts';
import type { Database } from './database.ts';

/** Our timers among Agenda's jobs. All of it runs inside a write, but for `nextAt`. */
export interface Timers {
	set(name: TimerName, key: string, at: Instant): void;
	/** Removes those that are there. */
	remove(key: string, ...names: TimerName[]): void;
	/** When the earliest is due, of all or of those names. */
	nextAt(names?: readonly TimerName[]): Instant | null;
}

export const TIMER_NAMES = [
	'schedule.due',
	'run.retry',
	'run.deadline',
	'run.sla',
	'delivery.due',
	'notification.due',
] as const satisfies readonly TimerName[];

export function timerId(name: TimerName, key: string): string {
	return `${name}:${key}`;
}

const MOVE = 'UPDATE agenda_jobs SET next_run_at = ?, locked_at = NULL WHERE id = ?';
const INSERT = 'INSERT INTO agenda_jobs (id, name, next_run_at, data) VALUES (?, ?, ?, ?)';

export function createTimers(db: Database): Timers {
	return {
		set(name, key, at) {
			const id = timerId(name, key);
			// Mostly it is there; an upsert would look into every index first.
			if (db.sql(MOVE).run(at, id).changes === 1) return;
			db.sql(INSERT).run(id, name, at, JSON.stringify({ key }));
		},
		remove(key, ...names) {
			const statement = db.sql('DELETE FROM agenda_jobs WHERE id = ?');
			for (const name of names) statement.run(timerId(name, key));
		},
		nextAt(names = TIMER_NAMES) {
			const statement = db.rows<[Instant]>(
				`SELECT next_run_at FROM agenda_jobs WHERE name = ? AND next_run_at IS NOT NULL
				ORDER BY next_run_at LIMIT 1`,
			);
			let earliest: Instant | null = null;
			for (const name of names) {
				const row = statement.get(name);
				if (row !== undefined && (earliest === null || row[0] < earliest)) earliest = row[0];
			}
			return earliest;
		},
	};
}

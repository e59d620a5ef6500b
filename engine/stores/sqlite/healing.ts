import type { Instant } from '../../contract/time.ts';
import type { Store, TimerName } from '../store.port.ts';
import type { Context } from './context.ts';

/** How many schedules one call looks at; the first call after opening looks at all. */
const WINDOW = 20_000;
/** A timer may be this much later than its schedule: one whose decision failed is put off by that. */
const SLACK = 60_000;

/** Rows that ask for a timer and have none, by the timer's name: `id, at`. */
const MISSING: Partial<Record<TimerName, string>> = {
	'run.retry': `SELECT id, readyAt FROM runs AS r INDEXED BY runs_watched
		WHERE state = 'retrying' AND lookAt IS NOT NULL AND state <> 'queued'
		AND NOT EXISTS (SELECT 1 FROM agenda_jobs j WHERE j.id = 'run.retry:' || r.id) LIMIT ?`,
	'run.deadline': `SELECT id, lookAt FROM runs AS r INDEXED BY runs_watched
		WHERE state = 'waiting' AND lookAt IS NOT NULL AND state <> 'queued'
		AND held = 0 AND deadlineAt IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM agenda_jobs j WHERE j.id = 'run.deadline:' || r.id) LIMIT ?`,
	'run.sla': `SELECT id, slaDueAt FROM runs AS r INDEXED BY runs_sla WHERE slaState = 'pending'
		AND NOT EXISTS (SELECT 1 FROM agenda_jobs j WHERE j.id = 'run.sla:' || r.id) LIMIT ?`,
	'delivery.due': `SELECT id, dueAt FROM deliveries AS d INDEXED BY deliveries_due
		WHERE (state = 'pending' OR state = 'failed') AND dueAt > :now
		AND NOT EXISTS (SELECT 1 FROM agenda_jobs j WHERE j.id = 'delivery.due:' || d.id) LIMIT ?`,
	'notification.due': `SELECT id, dueAt FROM notifications AS n INDEXED BY notifications_due
		WHERE (state = 'pending' OR state = 'failed') AND dueAt > :now
		AND NOT EXISTS (SELECT 1 FROM agenda_jobs j WHERE j.id = 'notification.due:' || n.id) LIMIT ?`,
};

/** What a timer's row must be like for the timer to make sense, by the timer's name. */
const WANTED: Record<TimerName, string> = {
	'schedule.due': `schedules x WHERE x.state = 'active'`,
	'run.retry': `runs x WHERE x.state = 'retrying'`,
	'run.deadline': `runs x WHERE x.state = 'waiting' AND x.held = 0`,
	'run.sla': `runs x WHERE x.slaState = 'pending'`,
	'delivery.due': `deliveries x WHERE x.state IN ('pending', 'failed')`,
	'notification.due': `notifications x WHERE x.state IN ('pending', 'failed')`,
};

/** Which jobs `j` are timers for nothing, due or not. */
export const ORPHANED_TIMERS: readonly string[] = Object.entries(WANTED).map(
	([name, wanted]) => `name = '${name}' AND NOT EXISTS
		(SELECT 1 FROM ${wanted} AND x.id = substr(j.id, ${name.length + 2}))`,
);

export function createHealing({ db, write, clock, timers }: Context): Pick<Store, 'healTimers'> {
	/** The schedule that was looked at last; null at the beginning. */
	let position: string | null = null;
	let first = true;

	function healSchedules(limit: number): number {
		const missing = db.rows<[id: string, dueAt: Instant]>(
			`SELECT id, dueAt FROM
				(SELECT id, dueAt, state FROM schedules WHERE id > ? ORDER BY id LIMIT ?) s
			WHERE state = 'active' AND dueAt IS NOT NULL AND NOT EXISTS (
				SELECT 1 FROM agenda_jobs j WHERE j.id = 'schedule.due:' || s.id
				AND j.next_run_at <= max(s.dueAt, ?) + ${SLACK})
			LIMIT ?`,
		);
		const found = missing.all(position ?? '', first ? -1 : WINDOW, clock.now(), limit);
		for (const [id, dueAt] of found) timers.set('schedule.due', id, dueAt);
		position = found.length === limit ? (found.at(-1)?.[0] ?? null) : first ? null : windowEnd();
		if (found.length < limit) first = false;
		return found.length;
	}

	/** Null when that was the last window: the next call begins again. */
	function windowEnd(): string | null {
		const row = db
			.rows<[string]>('SELECT id FROM schedules WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?')
			.get(position ?? '', WINDOW - 1);
		return row?.[0] ?? null;
	}

	function healOthers(limit: number): number {
		let healed = 0;
		for (const [name, sql] of Object.entries(MISSING) as [TimerName, string][]) {
			const statement = db.rows<[string, Instant]>(sql.replace(':now', '?'));
			const values = sql.includes(':now') ? [clock.now()] : [];
			for (const [id, at] of statement.all(...values, Math.max(0, limit - healed))) {
				timers.set(name, id, at);
				healed++;
			}
		}
		return healed;
	}

	/** Only those that are due do harm: they would be due for ever. */
	function removeOrphans(limit: number): number {
		let removed = 0;
		for (const [name, wanted] of Object.entries(WANTED)) {
			const { changes } = db
				.sql(
					`DELETE FROM agenda_jobs WHERE id IN (
						SELECT id FROM agenda_jobs j WHERE name = '${name}' AND next_run_at <= ?
						AND NOT EXISTS (SELECT 1 FROM ${wanted} AND x.id = substr(j.id, ${name.length + 2}))
						LIMIT ?)`,
				)
				.run(clock.now(), Math.max(0, limit - removed));
			removed += Number(changes);
		}
		return removed;
	}

	return {
		healTimers: (limit) =>
			write(() => {
				const healed = healSchedules(limit);
				const more = healOthers(limit - healed);
				return healed + more + removeOrphans(limit - healed - more);
			}),
	};
}

import type { Calendar } from '../../contract/calendar.ts';
import type { Retimed, RetimingDecision } from '../../contract/change.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Store } from '../store.port.ts';
import type { createCalendars } from './calendars.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import { scheduleRows } from './rows.ts';
import { assignments } from './updates.ts';

export function createRetime(
	context: Context,
	{ calendars }: { calendars: ReturnType<typeof createCalendars> },
): Pick<Store, 'retime'> {
	const { db, write, timers, onFault } = context;

	/** Ids of schedules that are behind: a seek on each side of what is in force. */
	function behind(limit: number, zoneData: string | undefined): string[] {
		const found = new Set<string>();
		const add = (rows: [string][]): void => {
			for (const [id] of rows) if (found.size < limit) found.add(id);
		};
		for (const side of ['<', '>']) {
			add(
				db
					.rows<[string]>(
						`SELECT n.scheduleId FROM calendars c JOIN schedule_calendars n
							ON n.calendarId = c.id AND n.version ${side} c.version LIMIT ?`,
					)
					.all(limit),
			);
			if (zoneData === undefined) continue;
			add(
				db
					.rows<[string]>(`SELECT id FROM schedules WHERE zoneData ${side} ? LIMIT ?`)
					.all(zoneData, limit),
			);
		}
		return [...found];
	}

	function changedOf(schedule: Schedule, named: ReadonlyMap<string, Calendar>): Calendar[] {
		return db
			.rows<[string, number]>(
				'SELECT calendarId, version FROM schedule_calendars WHERE scheduleId = ?',
			)
			.all(schedule.id)
			.flatMap(([id, version]) => {
				const calendar = named.get(id);
				return calendar === undefined || calendar.version === version ? [] : [calendar];
			});
	}

	function retimeOne(
		tx: Transaction,
		schedule: Schedule,
		decide: (found: Retimed) => RetimingDecision,
	): void {
		const { id, state } = schedule;
		const named = calendars.inForce(schedule.timing);
		if (state === 'active' || state === 'paused') {
			const changed = changedOf(schedule, named);
			const { set, events } = decide({ schedule, calendars: named, changed });
			const { sql, values } = assignments(scheduleRows, set);
			db.sql(`UPDATE schedules SET ${sql} WHERE id = ?`).run(...values, id);
			if (set.state === 'active' && set.dueAt !== null) {
				timers.set('schedule.due', id, set.dueAt);
			} else timers.remove(id, 'schedule.due');
			tx.tally('schedule', schedule.tenant, state, set.state);
			tx.events(events);
		}
		calendars.record(schedule, named);
	}

	return {
		retime({ limit, zoneData }, decide) {
			if (behind(1, zoneData).length === 0) return Promise.resolve(0);
			return write((tx) => {
				const ids = behind(limit, zoneData);
				const read = db.rows(`SELECT ${scheduleRows.columns} FROM schedules WHERE id = ?`);
				for (const id of ids) {
					const row = read.get(id);
					if (row === undefined) {
						db.sql('DELETE FROM schedule_calendars WHERE scheduleId = ?').run(id);
						continue;
					}
					const schedule = scheduleRows.fromRow(row);
					try {
						tx.isolated(() => {
							retimeOne(tx, schedule, decide);
						});
					} catch (error) {
						if (tx.isFatal(error)) throw error;
						// Not again until something changes once more: it would be in the way of the others.
						calendars.record(schedule, calendars.inForce(schedule.timing));
						onFault({ where: 'retime', id, error });
					}
					// Of those that are over, too: they are not to be found again.
					if (zoneData !== undefined) {
						db.sql('UPDATE schedules SET zoneData = ? WHERE id = ?').run(zoneData, id);
					}
				}
				return ids.length;
			});
		},
	};
}

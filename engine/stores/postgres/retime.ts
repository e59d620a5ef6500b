import type { Calendar } from '../../contract/calendar.ts';
import type { Retimed, RetimingDecision } from '../../contract/change.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Store } from '../store.port.ts';
import type { createCalendars } from './calendars.ts';
import type { Context } from './context.ts';
import type { Queryable } from './database.ts';
import { scheduleRows } from './rows.ts';
import type { Transaction } from './transaction.ts';
import { assignments } from './updates.ts';

export function createRetime(
	context: Context,
	{ calendars }: { calendars: ReturnType<typeof createCalendars> },
): Pick<Store, 'retime'> {
	const { db, write, onFault } = context;

	/** Ids of schedules that are behind: a seek on each side of what is in force. */
	async function behind(
		on: Queryable,
		limit: number,
		zoneData: string | undefined,
	): Promise<string[]> {
		const found = new Set<string>();
		const add = (rows: readonly [string][]): void => {
			for (const [id] of rows) if (found.size < limit) found.add(id);
		};
		for (const side of ['<', '>']) {
			add(
				await on.rows<[string]>(
					`SELECT n.scheduleId FROM calendars c JOIN schedule_calendars n
						ON n.calendarId = c.id AND n.version ${side} c.version LIMIT $1`,
					[limit],
				),
			);
			if (zoneData === undefined) continue;
			add(
				await on.rows<[string]>(`SELECT id FROM schedules WHERE zoneData ${side} $1 LIMIT $2`, [
					zoneData,
					limit,
				]),
			);
		}
		return [...found];
	}

	async function changedOf(
		tx: Transaction,
		schedule: Schedule,
		named: ReadonlyMap<string, Calendar>,
	): Promise<Calendar[]> {
		const rows = await tx.rows<[string, number]>(
			'SELECT calendarId, version FROM schedule_calendars WHERE scheduleId = $1',
			[schedule.id],
		);
		return rows.flatMap(([id, version]) => {
			const calendar = named.get(id);
			return calendar === undefined || calendar.version === version ? [] : [calendar];
		});
	}

	async function retimeOne(
		tx: Transaction,
		schedule: Schedule,
		{ decide, zoneData }: { decide: (found: Retimed) => RetimingDecision; zoneData?: string },
	): Promise<void> {
		const { id, state } = schedule;
		const named = await calendars.inForce(tx, schedule.timing);
		if (state === 'active' || state === 'paused') {
			const changed = await changedOf(tx, schedule, named);
			const { set, events } = decide({ schedule, calendars: named, changed });
			const { sql, values } = assignments(scheduleRows, set, 2);
			tx.later(`UPDATE schedules SET ${sql} WHERE id = $1`, [id, ...values]);
			if (set.state === 'active' && set.dueAt !== null) {
				tx.setTimer('schedule.due', id, set.dueAt);
			} else tx.removeTimers(id, 'schedule.due');
			tx.tally('schedule', schedule.tenant, state, set.state);
			tx.events(events);
		}
		calendars.record(tx, schedule, named);
		await keepZone(tx, id, zoneData);
	}

	/** Of those that are over, too: they are not to be found again. */
	async function keepZone(
		tx: Transaction,
		id: string,
		zoneData: string | undefined,
	): Promise<void> {
		if (zoneData !== undefined) {
			tx.later('UPDATE schedules SET zoneData = $1 WHERE id = $2', [zoneData, id]);
		}
		await tx.flush();
	}

	return {
		async retime({ limit, zoneData }, decide) {
			if ((await behind(db, 1, zoneData)).length === 0) return 0;
			return write(async (tx) => {
				const ids = await behind(tx, limit, zoneData);
				const rows = await tx.rows(
					`SELECT ${scheduleRows.columns} FROM schedules WHERE id = ANY($1::text[])
					ORDER BY id FOR UPDATE`,
					[ids],
				);
				const found = new Map(rows.map(scheduleRows.fromRow).map((one) => [one.id as string, one]));
				const schedules = ids.flatMap((id) => found.get(id) ?? []);
				const gone = ids.filter((id) => !found.has(id));
				if (gone.length > 0) {
					tx.later('DELETE FROM schedule_calendars WHERE scheduleId = ANY($1::text[])', [gone]);
				}
				const failures: { schedule: Schedule; error: unknown }[] = [];
				await tx.each<Schedule, null>(
					schedules,
					async (items) => {
						for (const schedule of items) {
							await retimeOne(tx, schedule, {
								decide,
								...(zoneData === undefined ? {} : { zoneData }),
							});
						}
						return items.map(() => null);
					},
					(schedule, error) => {
						failures.push({ schedule, error });
						return null;
					},
				);
				for (const { schedule, error } of failures) {
					// Not again until something changes once more: it would be in the way of the others.
					calendars.record(tx, schedule, await calendars.inForce(tx, schedule.timing));
					await keepZone(tx, schedule.id, zoneData);
					onFault({ where: 'retime', id: schedule.id, error });
				}
				return ids.length;
			});
		},
	};
}

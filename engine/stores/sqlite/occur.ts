import type { Calendars } from '../../contract/calendar.ts';
import type { DueSchedule, OccurrenceDecision } from '../../contract/change.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import type { Store } from '../store.port.ts';
import type { createCalendars } from './calendars.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import { ledgerRows, scheduleRows } from './rows.ts';
import type { createRuns } from './runs.ts';
import type { SettleRun } from './settle-run.ts';
import type { createSpecs } from './specs.ts';
import { assignments } from './updates.ts';

/** When a decision failed, its schedule is looked at again after this time. */
const LATER = 60_000;

type Decide = (due: DueSchedule) => OccurrenceDecision;

/** How many unfinished runs a decision needs to know, unless it cancels them. */
const ENOUGH = 2;

export function createOccur(
	context: Context,
	parts: {
		specs: ReturnType<typeof createSpecs>;
		runs: Pick<ReturnType<typeof createRuns>, 'insertRun' | 'unfinishedOf'>;
		settle: SettleRun;
		calendars: ReturnType<typeof createCalendars>;
	},
): Pick<Store, 'occur' | 'occurOne'> {
	const { db, write, timers, onFault } = context;
	const { specs, runs, settle, calendars } = parts;

	/** @returns how many runs were made, or null when nothing was due */
	function occurOne(
		tx: Transaction,
		schedule: Schedule,
		{ now, decide }: { now: Instant; decide: Decide },
	): number | null {
		const { id, dueAt } = schedule;
		// The timer only says when to look.
		if (schedule.state !== 'active' || dueAt === null) {
			timers.remove(id, 'schedule.due');
			return null;
		}
		if (dueAt > now) {
			timers.set('schedule.due', id, dueAt);
			return null;
		}
		return decideOn(tx, schedule, decide);
	}

	function decideOn(tx: Transaction, schedule: Schedule, decide: Decide): number {
		const { id } = schedule;
		const spec = specs.find(schedule.specId);
		if (spec === null) throw new Error(`spec ${schedule.specId} is missing`);
		const all = spec.policies.overlap === 'cancel_other';
		const active = runs.unfinishedOf(id, all ? undefined : ENOUGH);
		const named = calendars.inForce(schedule.timing);
		return apply(tx, schedule, {
			decision: decide({ schedule, spec, active, calendars: named }),
			calendars: named,
		});
	}

	function apply(
		tx: Transaction,
		schedule: Schedule,
		{ decision, calendars: named }: { decision: OccurrenceDecision; calendars: Calendars },
	): number {
		const { id, state, revision, nextAt } = schedule;
		const { sql, values } = assignments(scheduleRows, decision.set);
		const { changes } = db
			.sql(
				`UPDATE schedules SET ${sql}
				WHERE id = ? AND state = ? AND revision = ? AND nextAt = ?`,
			)
			.run(...values, id, state, revision, nextAt);
		if (changes !== 1) return 0;
		if (named.size > 0) calendars.record(schedule, named);
		const insert = db.sql(ledgerRows.insert);
		for (const row of decision.ledger) insert.run(...ledgerRows.toRow(row));
		for (const settlement of decision.settle) settle(tx, settlement);
		for (const run of decision.runs) runs.insertRun(tx, run);
		if (decision.timerAt === null) timers.remove(id, 'schedule.due');
		else timers.set('schedule.due', id, decision.timerAt);
		tx.tally('schedule', schedule.tenant, state, decision.set.state);
		tx.events(decision.events);
		return decision.runs.length;
	}

	return {
		occurOne: ({ tenant, id, now }, decide) =>
			write((tx) => {
				const row = db
					.rows(`SELECT ${scheduleRows.columns} FROM schedules WHERE id = ? AND tenant = ?`)
					.get(id, tenant);
				const schedule = row === undefined ? null : scheduleRows.fromRow(row);
				if (schedule === null || (schedule.dueAt ?? Infinity) > now) return false;
				if (schedule.state !== 'active' && schedule.state !== 'paused') return false;
				decideOn(tx, schedule, decide);
				return true;
			}),

		occur(now, limit, decide) {
			// Most looks find nothing; those take no part in a commit.
			if (db.rows(`${DUE} LIMIT 1`).get(now) === undefined) {
				return Promise.resolve({ schedules: 0, runs: 0 });
			}
			return write((tx) => {
				const due = db.rows<[key: string]>(`${DUE} ORDER BY next_run_at LIMIT ?`).all(now, limit);
				const read = db.rows(`SELECT ${scheduleRows.columns} FROM schedules WHERE id = ?`);
				let schedules = 0;
				let made = 0;
				for (const [key] of due) {
					const row = read.get(key);
					if (row === undefined) {
						timers.remove(key, 'schedule.due');
						continue;
					}
					try {
						const count = tx.isolated(() =>
							occurOne(tx, scheduleRows.fromRow(row), { now, decide }),
						);
						if (count === null) continue;
						schedules++;
						made += count;
					} catch (error) {
						if (tx.isFatal(error)) throw error;
						timers.set('schedule.due', key, now + LATER);
						onFault({ where: 'occur', id: key, error });
					}
				}
				return { schedules, runs: made };
			});
		},
	};
}

const DUE = `SELECT substr(id, length(name) + 2) FROM agenda_jobs
	WHERE name = 'schedule.due' AND next_run_at <= ?`;

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

/** A schedule that is due, and what becomes of it. */
interface Decided {
	schedule: Schedule;
	decision: OccurrenceDecision;
	/** Those that its timing names. */
	calendars: Calendars;
}

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

	/** Looks at a schedule whose timer is due. @returns null when it is not due itself */
	function look(key: string, { now, decide }: { now: Instant; decide: Decide }): Decided | null {
		const row = db.rows(BY_ID).get(key);
		if (row === undefined) {
			timers.remove(key, 'schedule.due');
			return null;
		}
		const schedule = scheduleRows.fromRow(row);
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
		return decideOn(schedule, decide);
	}

	function decideOn(schedule: Schedule, decide: Decide): Decided {
		const { id } = schedule;
		const spec = specs.find(schedule.specId);
		if (spec === null) throw new Error(`spec ${schedule.specId} is missing`);
		const all = spec.policies.overlap === 'cancel_other';
		const active = runs.unfinishedOf(id, all ? undefined : ENOUGH);
		const named = calendars.inForce(schedule.timing);
		const decision = decide({ schedule, spec, active, calendars: named });
		return { schedule, decision, calendars: named };
	}

	/** @returns how many runs were made */
	function apply(tx: Transaction, { schedule, decision, calendars: named }: Decided): number {
		const { id, state, revision, nextAt } = schedule;
		const { sql, values } = assignments(scheduleRows, changed(schedule, decision.set));
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

	/** One whose decision or writing fails is put off, and the others go on. */
	function putOff(
		tx: Transaction,
		key: string,
		{ now, error }: { now: Instant; error: unknown },
	): void {
		if (tx.isFatal(error)) throw error;
		timers.set('schedule.due', key, now + LATER);
		onFault({ where: 'occur', id: key, error });
	}

	/**
	 * Decides on each, then writes them all under one savepoint: under a savepoint SQLite copies each page that it
	 * changes, and one for each schedule was a twelfth of the processor time of a fire. Only when that fails, which is
	 * a fault of ours, each is written under its own.
	 */
	function decideAndApply(
		tx: Transaction,
		keys: readonly string[],
		{ now, decide }: { now: Instant; decide: Decide },
	): { schedules: number; runs: number } {
		const decided: Decided[] = [];
		for (const key of keys) {
			try {
				const one = look(key, { now, decide });
				if (one !== null) decided.push(one);
			} catch (error) {
				putOff(tx, key, { now, error });
			}
		}
		try {
			const made = tx.isolated(() => decided.map((one) => apply(tx, one)));
			return { schedules: made.length, runs: sum(made) };
		} catch (error) {
			if (tx.isFatal(error)) throw error;
		}
		const made: number[] = [];
		for (const one of decided) {
			try {
				made.push(tx.isolated(() => apply(tx, one)));
			} catch (error) {
				putOff(tx, one.schedule.id, { now, error });
			}
		}
		return { schedules: made.length, runs: sum(made) };
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
				apply(tx, decideOn(schedule, decide));
				return true;
			}),

		occur(now, limit, decide) {
			// Most looks find nothing; those take no part in a commit.
			if (db.rows(`${DUE} LIMIT 1`).get(now) === undefined) {
				return Promise.resolve({ schedules: 0, runs: 0 });
			}
			return write((tx) => {
				const due = db.rows<[key: string]>(`${DUE} ORDER BY next_run_at LIMIT ?`).all(now, limit);
				const keys = due.map(([key]) => key);
				return decideAndApply(tx, keys, { now, decide });
			});
		},
	};
}

const BY_ID = `SELECT ${scheduleRows.columns} FROM schedules WHERE id = ?`;

/**
 * Without what stays as it is: SQLite writes anew all indexes of a column that is set, whatever it is set to, and the
 * state is in two of those of schedules (a tenth of what a fire wrote).
 */
function changed(schedule: Schedule, set: OccurrenceDecision['set']): Partial<Schedule> {
	const entries = Object.entries(set) as [keyof typeof set, unknown][];
	return Object.fromEntries(
		entries.filter(([field, value]) => field === 'nextAt' || schedule[field] !== value),
	);
}

const DUE = `SELECT substr(id, length(name) + 2) FROM agenda_jobs
	WHERE name = 'schedule.due' AND next_run_at <= ?`;

function sum(numbers: readonly number[]): number {
	return numbers.reduce((total, number) => total + number, 0);
}

import type { Calendars } from '../../contract/calendar.ts';
import type { DueSchedule, OccurrenceDecision } from '../../contract/change.ts';
import type { RunSpec, Schedule } from '../../contract/schedule.ts';
import type { Instant } from '../../contract/time.ts';
import type { Store } from '../store.port.ts';
import type { createCalendars } from './calendars.ts';
import type { Context } from './context.ts';
import { INTO } from './inserts.ts';
import { scheduleRows } from './rows.ts';
import type { createRuns } from './runs.ts';
import type { SettleRuns } from './settle-run.ts';
import type { createSpecs } from './specs.ts';
import { toTimestamp } from './timers.ts';
import type { Transaction } from './transaction.ts';
import { updateMany } from './updates.ts';

/** When a decision failed, its schedule is looked at again after this time. */
const LATER = 60_000;
/** How many unfinished runs a decision needs to know, unless it cancels them. */
const ENOUGH = 2;

type Decide = (due: DueSchedule) => OccurrenceDecision;

interface Decided {
	schedule: Schedule;
	decision: OccurrenceDecision;
	calendars: Calendars;
}

const SELECT = `SELECT ${scheduleRows.columns} FROM schedules`;
const DUE = `name = 'schedule.due' AND disabled = FALSE AND next_run_at <= ${toTimestamp('$1::bigint')}`;
/**
 * Timers and schedules that another engine has in its hands just now are left to it: nobody waits, and each
 * is decided once.
 */
const TAKE = `SELECT data ->> 'key' FROM agenda_jobs WHERE ${DUE}
	ORDER BY next_run_at LIMIT $2 FOR UPDATE SKIP LOCKED`;

export function createOccur(
	context: Context,
	parts: {
		specs: ReturnType<typeof createSpecs>;
		runs: Pick<ReturnType<typeof createRuns>, 'insertRuns' | 'unfinishedOf'>;
		settle: SettleRuns;
		calendars: ReturnType<typeof createCalendars>;
	},
): Pick<Store, 'occur' | 'occurOne'> {
	const { db, write, onFault } = context;
	const { specs, runs, settle, calendars } = parts;

	/** The schedules whose timers are due, locked, the longest overdue first; what makes no sense is put right. */
	async function take(tx: Transaction, now: Instant, limit: number): Promise<Schedule[]> {
		const keys = (await tx.rows<[string]>(TAKE, [now, limit])).map(([key]) => key);
		if (keys.length === 0) return [];
		const rows = await tx.rows(`${SELECT} WHERE id = ANY($1::text[]) FOR UPDATE SKIP LOCKED`, [
			keys,
		]);
		const found = new Map(rows.map(scheduleRows.fromRow).map((one) => [one.id as string, one]));
		const missing = keys.filter((key) => !found.has(key));
		if (missing.length > 0) await removeOrphans(tx, missing);
		return keys.flatMap((key) => {
			const schedule = found.get(key);
			return schedule !== undefined && isDue(tx, schedule, now) ? [schedule] : [];
		});
	}

	/** Those that are not there at all; others are only locked. */
	async function removeOrphans(tx: Transaction, keys: readonly string[]): Promise<void> {
		const rows = await tx.rows<[string]>('SELECT id FROM schedules WHERE id = ANY($1::text[])', [
			keys,
		]);
		const there = new Set(rows.map(([id]) => id));
		for (const key of keys) if (!there.has(key)) tx.removeTimers(key, 'schedule.due');
	}

	/** The timer only says when to look. */
	function isDue(tx: Transaction, { id, state, dueAt }: Schedule, now: Instant): boolean {
		if (state !== 'active' || dueAt === null) tx.removeTimers(id, 'schedule.due');
		else if (dueAt > now) tx.setTimer('schedule.due', id, dueAt);
		else return true;
		return false;
	}

	/** Everything that the decisions need is read at once. @param failed a decision threw */
	async function decideAll(
		tx: Transaction,
		schedules: readonly Schedule[],
		{ decide, failed }: { decide: Decide; failed: (id: string, error: unknown) => void },
	): Promise<Decided[]> {
		const found = await specs.find(
			tx,
			schedules.map(({ specId }) => specId),
		);
		const active = await runs.unfinishedOf(
			tx,
			schedules.map(({ id, specId }) => ({
				scheduleId: id,
				most: found.get(specId)?.policies.overlap === 'cancel_other' ? 1e9 : ENOUGH,
			})),
		);
		const decided: Decided[] = [];
		for (const schedule of schedules) {
			const named = await calendars.inForce(tx, schedule.timing);
			try {
				const spec: RunSpec | undefined = found.get(schedule.specId);
				if (spec === undefined) throw new Error(`spec ${schedule.specId} is missing`);
				const due = { schedule, spec, active: active.get(schedule.id) ?? [], calendars: named };
				decided.push({ schedule, decision: decide(due), calendars: named });
			} catch (error) {
				failed(schedule.id, error);
			}
		}
		return decided;
	}

	/** The schedules are locked, so what was read of them still holds. @returns how many runs each made */
	async function apply(tx: Transaction, decided: readonly Decided[]): Promise<number[]> {
		updateMany(
			tx,
			{ codec: scheduleRows, key: 'id', type: 'text' },
			decided.map(({ schedule, decision }) => ({ key: schedule.id, set: decision.set })),
		);
		for (const { schedule, decision, calendars: named } of decided) {
			const { id, tenant, state } = schedule;
			if (named.size > 0) calendars.record(tx, schedule, named);
			for (const row of decision.ledger) tx.insert(INTO.ledger, row);
			if (decision.timerAt === null) tx.removeTimers(id, 'schedule.due');
			else tx.setTimer('schedule.due', id, decision.timerAt);
			tx.tally('schedule', tenant, state, decision.set.state);
			tx.events(decision.events);
		}
		const settlements = decided.flatMap(({ decision }) => decision.settle);
		if (settlements.length > 0) await settle(tx, settlements);
		await runs.insertRuns(
			tx,
			decided.flatMap(({ decision }) => decision.runs),
		);
		return decided.map(({ decision }) => decision.runs.length);
	}

	return {
		occurOne: ({ tenant, id, now }, decide) =>
			write(async (tx) => {
				const row = await tx.get(`${SELECT} WHERE id = $1 AND tenant = $2 FOR UPDATE`, [
					id,
					tenant,
				]);
				const schedule = row === undefined ? null : scheduleRows.fromRow(row);
				if (schedule === null || (schedule.dueAt ?? Infinity) > now) return false;
				if (schedule.state !== 'active' && schedule.state !== 'paused') return false;
				const decided = await decideAll(tx, [schedule], {
					decide,
					failed(_, error) {
						throw error;
					},
				});
				await apply(tx, decided);
				await tx.flush();
				return true;
			}),

		async occur(now, limit, decide) {
			// Most looks find nothing; those take no part in a commit.
			const any = await db.get(`SELECT 1 FROM agenda_jobs WHERE ${DUE} LIMIT 1`, [now]);
			if (any === undefined) return { schedules: 0, runs: 0 };
			return write(async (tx) => {
				const later = (id: string, error: unknown): void => {
					tx.setTimer('schedule.due', id, now + LATER);
					onFault({ where: 'occur', id, error });
				};
				const schedules = await take(tx, now, limit);
				const decided = await decideAll(tx, schedules, { decide, failed: later });
				const made = await tx.each<Decided, number | null>(
					decided,
					(items) => apply(tx, items),
					({ schedule }, error) => {
						later(schedule.id, error);
						return null;
					},
				);
				const counts = made.filter((count) => count !== null);
				return { schedules: counts.length, runs: counts.reduce((sum, count) => sum + count, 0) };
			});
		},
	};
}

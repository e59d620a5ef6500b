import type { Instant } from '../../contract/time.ts';
import type { Store, TimerName } from '../store.port.ts';
import type { Context } from './context.ts';
import { toTimestamp } from './timers.ts';
import type { Transaction } from './transaction.ts';

/** How many schedules one call looks at; the first call after opening looks at all. */
const WINDOW = 20_000;
/** A timer may be this much later than its schedule: one whose decision failed is put off by that. */
const SLACK = 60_000;

const lacks = (name: TimerName): string =>
	`NOT EXISTS (SELECT 1 FROM agenda_jobs j WHERE j.id = timer_id('${name}', x.id))`;

/** Rows that ask for a timer and have none, by the timer's name: `id, at`. $1 is now, $2 the limit. */
const MISSING: Partial<Record<TimerName, string>> = {
	'run.retry': `SELECT id, readyAt FROM runs x WHERE state = 'retrying' AND lookAt IS NOT NULL
		AND $1::bigint IS NOT NULL AND ${lacks('run.retry')} LIMIT $2`,
	'run.deadline': `SELECT id, lookAt FROM runs x WHERE state = 'waiting' AND lookAt IS NOT NULL
		AND NOT held AND deadlineAt IS NOT NULL
		AND $1::bigint IS NOT NULL AND ${lacks('run.deadline')} LIMIT $2`,
	'run.sla': `SELECT id, slaDueAt FROM runs x WHERE slaState = 'pending'
		AND $1::bigint IS NOT NULL AND ${lacks('run.sla')} LIMIT $2`,
	'delivery.due': `SELECT id, dueAt FROM deliveries x
		WHERE (state = 'pending' OR state = 'failed') AND dueAt > $1
		AND ${lacks('delivery.due')} LIMIT $2`,
	'notification.due': `SELECT id, dueAt FROM notifications x
		WHERE (state = 'pending' OR state = 'failed') AND dueAt > $1
		AND ${lacks('notification.due')} LIMIT $2`,
};

/** What a timer's row must be like for the timer to make sense, by the timer's name. */
const WANTED: Record<TimerName, string> = {
	'schedule.due': `schedules x WHERE x.state = 'active'`,
	'run.retry': `runs x WHERE x.state = 'retrying'`,
	'run.deadline': `runs x WHERE x.state = 'waiting' AND NOT x.held`,
	'run.sla': `runs x WHERE x.slaState = 'pending'`,
	'delivery.due': `deliveries x WHERE x.state IN ('pending', 'failed')`,
	'notification.due': `notifications x WHERE x.state IN ('pending', 'failed')`,
};

/** Which jobs `j` are timers for nothing, due or not. */
export const ORPHANED_TIMERS: readonly string[] = Object.entries(WANTED).map(
	([name, wanted]) => `j.name = '${name}' AND j.disabled = FALSE AND NOT EXISTS
		(SELECT 1 FROM ${wanted} AND x.id = j.data ->> 'key')`,
);

export function createHealing({ write, clock }: Context): Pick<Store, 'healTimers'> {
	/** The schedule that was looked at last; null at the beginning. */
	let position: string | null = null;
	let first = true;

	/** Rows are locked where they are found, so that a timer is set for what they still ask for at the commit. */
	async function healSchedules(tx: Transaction, limit: number): Promise<number> {
		const from = position ?? '';
		const found = await tx.rows<[id: string, dueAt: Instant]>(
			`SELECT s.id, s.dueAt FROM schedules s
			WHERE s.id IN (SELECT id FROM schedules WHERE id > $1 ORDER BY id LIMIT $2)
			AND s.state = 'active' AND s.dueAt IS NOT NULL AND NOT EXISTS (
				SELECT 1 FROM agenda_jobs j WHERE j.id = timer_id('schedule.due', s.id)
				AND j.next_run_at <= ${toTimestamp(`greatest(s.dueAt, $3::bigint) + ${SLACK}`)})
			ORDER BY s.id LIMIT $4 FOR UPDATE SKIP LOCKED`,
			[from, first ? null : WINDOW, clock.now(), limit],
		);
		for (const [id, dueAt] of found) tx.setTimer('schedule.due', id, dueAt);
		position =
			found.length === limit
				? (found.at(-1)?.[0] ?? null)
				: first
					? null
					: await windowEnd(tx, from);
		if (found.length < limit) first = false;
		return found.length;
	}

	/** Null when that was the last window: the next call begins again. */
	async function windowEnd(tx: Transaction, from: string): Promise<string | null> {
		const row = await tx.get<[string]>(
			'SELECT id FROM schedules WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2',
			[from, WINDOW - 1],
		);
		return row?.[0] ?? null;
	}

	async function healOthers(tx: Transaction, limit: number): Promise<number> {
		let healed = 0;
		for (const [name, sql] of Object.entries(MISSING) as [TimerName, string][]) {
			const found = await tx.rows<[string, Instant]>(`${sql} FOR UPDATE OF x SKIP LOCKED`, [
				clock.now(),
				Math.max(0, limit - healed),
			]);
			for (const [id, at] of found) tx.setTimer(name, id, at);
			healed += found.length;
		}
		return healed;
	}

	/** Only those that are due do harm: they would be due for ever. */
	async function removeOrphans(tx: Transaction, limit: number): Promise<number> {
		let removed = 0;
		for (const [name, wanted] of Object.entries(WANTED)) {
			removed += await tx.run(
				`DELETE FROM agenda_jobs WHERE id IN (
					SELECT id FROM agenda_jobs j WHERE name = '${name}' AND disabled = FALSE
					AND next_run_at <= ${toTimestamp('$1::bigint')}
					AND NOT EXISTS (SELECT 1 FROM ${wanted} AND x.id = j.data ->> 'key')
					ORDER BY next_run_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
				[clock.now(), Math.max(0, limit - removed)],
			);
		}
		return removed;
	}

	return {
		healTimers: (limit) =>
			write(async (tx) => {
				const healed = await healSchedules(tx, limit);
				const more = await healOthers(tx, limit - healed);
				return healed + more + (await removeOrphans(tx, limit - healed - more));
			}),
	};
}

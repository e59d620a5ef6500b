import type { RunSettlement } from '../../contract/change.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Transaction } from './committer.ts';
import type { Context } from './context.ts';
import { scheduleRows } from './rows.ts';

/** Inside a write: counts failed runs in a row, and pauses an active schedule at `pauseAt`. */
export function countFailure(
	{ db, timers }: Pick<Context, 'db' | 'timers'>,
	tx: Transaction,
	effect: { tenant: string } & NonNullable<RunSettlement['schedule']>,
): void {
	const { tenant, id, failed, pauseAt, at, reason = 'on_failure', message } = effect;
	if (!failed) {
		db.sql('UPDATE schedules SET failures = 0 WHERE id = ? AND tenant = ? AND failures > 0').run(
			id,
			tenant,
		);
		return;
	}
	const row = db
		.rows<[state: string, failures: number, pauses: string]>(
			`UPDATE schedules SET failures = failures + 1 WHERE id = ? AND tenant = ?
			RETURNING state, failures, pauses`,
		)
		.get(id, tenant);
	if (row?.[0] !== 'active' || pauseAt === null || row[1] < pauseAt) return;
	const failures = row[1];
	const pauses = [...(JSON.parse(row[2]) as Schedule['pauses']), { from: at, to: null }];
	db.sql(
		`UPDATE schedules SET state = 'paused', pauseReason = ?, pauses = ?, updatedAt = ?,
			revision = revision + 1
		WHERE id = ? AND state = 'active'`,
	).run(reason, scheduleRows.encode('pauses', pauses), at, id);
	timers.remove(id, 'schedule.due');
	tx.tally('schedule', tenant, 'active', 'paused');
	tx.events([
		{
			type: 'schedule.paused',
			tenant,
			at,
			subject: { scheduleId: id },
			data: { reason, failures, ...(message === undefined ? {} : { message }) },
		},
	]);
}

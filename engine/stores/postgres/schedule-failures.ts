import type { RunSettlement } from '../../contract/change.ts';
import type { Schedule } from '../../contract/schedule.ts';
import { scheduleRows } from './rows.ts';
import type { Transaction } from './transaction.ts';

type Effect = { tenant: string } & NonNullable<RunSettlement['schedule']>;

/** Inside a write: counts failed runs in a row, and pauses an active schedule at `pauseAt`. */
export async function countFailures(tx: Transaction, effects: readonly Effect[]): Promise<void> {
	const sorted = [...effects].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
	const ended = sorted.filter(({ failed }) => !failed);
	if (ended.length > 0) {
		tx.later(
			`UPDATE schedules s SET failures = 0
			FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS u (id, tenant)) u
			WHERE s.id = u.id AND s.tenant = u.tenant AND s.failures > 0`,
			[ended.map(({ id }) => id), ended.map(({ tenant }) => tenant)],
		);
	}
	for (const effect of sorted) if (effect.failed) await countFailure(tx, effect);
}

async function countFailure(tx: Transaction, effect: Effect): Promise<void> {
	const { tenant, id, pauseAt, at, reason = 'on_failure', message } = effect;
	const row = await tx.get<[state: string, failures: number, pauses: string]>(
		`UPDATE schedules SET failures = failures + 1 WHERE id = $1 AND tenant = $2
		RETURNING state, failures, pauses`,
		[id, tenant],
	);
	if (row?.[0] !== 'active' || pauseAt === null || row[1] < pauseAt) return;
	const failures = row[1];
	const pauses = [...(JSON.parse(row[2]) as Schedule['pauses']), { from: at, to: null }];
	tx.later(
		`UPDATE schedules SET state = 'paused', pauseReason = $1, pauses = $2, updatedAt = $3,
			revision = revision + 1
		WHERE id = $4 AND state = 'active'`,
		[reason, scheduleRows.encode('pauses', pauses), at, id],
	);
	tx.removeTimers(id, 'schedule.due');
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

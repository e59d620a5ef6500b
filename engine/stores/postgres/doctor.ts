import type { Instant } from '../../contract/time.ts';
import { problem, TOLERANCE } from '../shared/finding.ts';
import { COUNT_ORPHANS } from '../shared/orphans.ts';
import { RANKED } from '../shared/look-at.ts';
import type { Finding, Store } from '../store.port.ts';
import { UNREFERENCED } from './blobs.ts';
import type { Context } from './context.ts';
import type { Queryable } from './database.ts';
import { ORPHANED_TIMERS } from './healing.ts';
import { getMark } from './marks.ts';

/** Something that should not be: `sql` counts it, and `$1` is an instant from which on it is too late. */
type Check = Pick<Finding, 'severity' | 'code' | 'message'> & { sql: string };

const TERMINAL = `('succeeded', 'failed', 'cancelled', 'expired')`;

const CHECKS: readonly Check[] = [
	{
		severity: 'problem',
		code: 'SCHEDULE_WITHOUT_TIMER',
		message: 'active schedules have no timer; the sweeper sets it',
		sql: `SELECT count(*) FROM schedules s WHERE state = 'active' AND dueAt IS NOT NULL AND NOT EXISTS
			(SELECT 1 FROM agenda_jobs j WHERE j.id = timer_id('schedule.due', s.id) AND j.next_run_at IS NOT NULL)`,
	},
	{
		severity: 'notice',
		code: 'TIMER_WITHOUT_WORK',
		message: 'timers of what does not ask for one; they are removed once they are due',
		sql: `SELECT count(*) FROM agenda_jobs j WHERE (${ORPHANED_TIMERS.join(') OR (')})`,
	},
	{
		severity: 'notice',
		code: 'SCHEDULE_OVERDUE',
		message: 'active schedules are more than a minute late; expected while no engine runs',
		sql: `SELECT count(*) FROM schedules WHERE state = 'active' AND dueAt < $1::bigint`,
	},
	{
		severity: 'problem',
		code: 'SCHEDULE_IMPOSSIBLE',
		message: 'schedules are in a state that does not exist, or are active without a next instant',
		sql: `SELECT count(*) FROM schedules WHERE state NOT IN ('active', 'paused', 'completed', 'deleted')
			OR (state = 'active' AND (nextAt IS NULL OR dueAt IS NULL)) OR NOT EXISTS
				(SELECT 1 FROM specs WHERE specs.id = schedules.specId)`,
	},
	{
		severity: 'notice',
		code: 'RUN_BACKLOG',
		message: 'queued runs could have begun more than a minute ago',
		sql: `SELECT count(*) FROM runs WHERE state = 'queued'
			AND (lookAt < $1::bigint OR (lookAt = ${RANKED} AND readyAt < $1::bigint))`,
	},
	{
		severity: 'problem',
		code: 'RUN_STUCK',
		message: 'running runs whose lease ended long ago; the sweeper takes them over',
		sql: `SELECT count(*) FROM runs WHERE state = 'running' AND (leaseUntil IS NULL OR leaseUntil < $1::bigint)`,
	},
	{
		severity: 'problem',
		code: 'RUN_WAITS_FOR_EVER',
		message: 'waiting runs without a deadline, or with one that passed long ago',
		sql: `SELECT count(*) FROM runs WHERE state = 'waiting' AND NOT held
			AND (deadlineAt IS NULL OR deadlineAt < $1::bigint)`,
	},
	{
		severity: 'notice',
		code: 'RUN_HELD',
		message: 'runs are held for an operator after an unknown outcome',
		sql: `SELECT count(*) FROM runs WHERE state = 'waiting' AND held`,
	},
	{
		severity: 'problem',
		code: 'RUN_IMPOSSIBLE',
		message: 'runs contradict themselves: an unknown state, an end without an ended state, no spec',
		sql: `SELECT count(*) FROM runs WHERE
			state NOT IN ('queued', 'running', 'waiting', 'retrying', 'succeeded', 'failed', 'cancelled', 'expired')
			OR (state IN ${TERMINAL}) <> (endedAt IS NOT NULL)
			OR (state IN ${TERMINAL}) <> (lookAt IS NULL)
			OR (state = 'running') <> (owner IS NOT NULL)
			OR (state = 'succeeded') <> (resultId IS NOT NULL)
			OR NOT EXISTS (SELECT 1 FROM specs WHERE specs.id = runs.specId)`,
	},
	{
		severity: 'problem',
		code: 'RUN_GATE_SHUT',
		message: 'queued runs wait for a key that they could have, or could have one that is taken',
		sql: `SELECT
			(SELECT count(*) FROM keyed_runs k WHERE state = 'queued' AND NOT blocked
				AND concurrencyKey IS NOT NULL
				AND ((SELECT count(*) FROM keyed_runs h WHERE h.tenant = k.tenant
					AND h.concurrencyKey = k.concurrencyKey AND h.state IN ('running', 'waiting'))
						< k.concurrencyLimit)
				<> EXISTS (SELECT 1 FROM open_tiers t WHERE t.tenant = k.tenant
					AND t.concurrencyKey = k.concurrencyKey AND t.rank = k.rank
					AND t.concurrencyLimit = k.concurrencyLimit AND t.readyAt <= k.readyAt))
			+ (SELECT count(*) FROM open_tiers t WHERE NOT EXISTS
				(SELECT 1 FROM keyed_runs k WHERE k.tenant = t.tenant AND k.state = 'queued'
					AND NOT k.blocked AND k.concurrencyKey = t.concurrencyKey AND k.rank = t.rank
					AND k.concurrencyLimit = t.concurrencyLimit AND k.readyAt = t.readyAt))
			+ (SELECT count(*) FROM keyed_runs k WHERE blocked
				AND NOT EXISTS (SELECT 1 FROM keyed_runs h WHERE h.tenant = k.tenant
					AND h.serialKey = k.serialKey AND NOT h.blocked))
			+ (SELECT count(*) FROM runs r WHERE lookAt IS NOT NULL
				AND (serialKey IS NOT NULL OR concurrencyKey IS NOT NULL) AND NOT EXISTS
					(SELECT 1 FROM keyed_runs k WHERE k.seq = r.seq AND k.state = r.state))
			+ (SELECT count(*) FROM keyed_runs k WHERE NOT EXISTS
				(SELECT 1 FROM runs r WHERE k.seq = r.seq AND r.lookAt IS NOT NULL))`,
	},
	{
		severity: 'notice',
		code: 'SLA_OVERDUE',
		message: 'runs whose SLA ended more than a minute ago and is not settled yet',
		sql: `SELECT count(*) FROM runs WHERE slaState = 'pending' AND slaDueAt < $1::bigint`,
	},
	{
		severity: 'problem',
		code: 'BACKFILL_STUCK',
		message: 'backfills are not over although all of their runs are',
		sql: `SELECT count(*) FROM backfills b WHERE state IN ('running', 'cancelling') AND NOT EXISTS
			(SELECT 1 FROM runs r WHERE r.backfillId = b.id AND r.lookAt IS NOT NULL)`,
	},
	{
		severity: 'problem',
		code: 'RESULT_WITHOUT_BYTES',
		message: 'results or artifacts whose bytes are missing',
		sql: `SELECT count(*) FROM (SELECT sha256 FROM results UNION ALL SELECT sha256 FROM artifacts) r
			WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = r.sha256)`,
	},
	{
		severity: 'problem',
		code: 'BLOB_PIECES_MISSING',
		message: 'results or artifacts whose bytes are there only in part',
		sql: `SELECT count(*) FROM blobs b WHERE dataId IS NOT NULL AND size <>
			(SELECT coalesce(sum(length(p.bytes)), 0) FROM blob_pieces p WHERE p.dataId = b.dataId)`,
	},
	{
		severity: 'notice',
		code: 'BLOB_UNREFERENCED',
		message: 'bytes that nothing refers to any more; retention removes them',
		sql: `SELECT count(*) FROM blobs b WHERE stagedAt IS NULL AND ${UNREFERENCED}`,
	},
	{
		severity: 'problem',
		code: 'DELIVERY_STUCK',
		message: 'deliveries are being sent under a lease that ended long ago',
		sql: `SELECT count(*) FROM deliveries WHERE state = 'sending'
			AND (leaseUntil IS NULL OR leaseUntil < $1::bigint)`,
	},
	{
		severity: 'notice',
		code: 'DELIVERY_DEAD',
		message: 'deliveries are dead letters; they can be replayed',
		sql: `SELECT count(*) FROM deliveries WHERE state = 'dead'`,
	},
	{
		severity: 'problem',
		code: 'NOTIFICATION_STUCK',
		message: 'notifications are being sent under a lease that ended long ago',
		sql: `SELECT count(*) FROM notifications WHERE state = 'sending'
			AND (leaseUntil IS NULL OR leaseUntil < $1::bigint)`,
	},
	{
		severity: 'notice',
		code: 'FOLLOW_UP_OVERDUE',
		message: 'deliveries or notifications are more than a minute late',
		sql: `SELECT (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'failed') AND dueAt < $1::bigint)
			+ (SELECT count(*) FROM notifications WHERE state IN ('pending', 'failed') AND dueAt < $1::bigint)`,
	},
	{
		severity: 'problem',
		code: 'ORPHAN',
		message: 'attempts, deliveries, notifications or links of runs that do not exist',
		sql: COUNT_ORPHANS,
	},
	{
		severity: 'problem',
		code: 'COUNT_WRONG',
		message: 'kept counts differ from the rows',
		sql: `SELECT count(*) FROM (
			SELECT tenant, kind, state, sum(count) AS n FROM (
				SELECT tenant, kind, state, count FROM tallies
				UNION ALL SELECT tenant, 'run', state, -count(*) FROM runs GROUP BY tenant, state
				UNION ALL SELECT tenant, 'schedule', state, -count(*) FROM schedules GROUP BY tenant, state
				UNION ALL SELECT tenant, 'delivery', state, -count(*) FROM deliveries GROUP BY tenant, state
			) counted GROUP BY tenant, kind, state) summed WHERE n <> 0`,
	},
];

/** Looks at every row, in one snapshot, for as long as that takes: for an engine that is not busy. */
export function createDoctor({ db }: Pick<Context, 'db'>): Pick<Store, 'doctor'> {
	/** Ledger and runs must agree on what fired, as far back as neither was pruned. */
	async function ledger(on: Queryable): Promise<Finding[]> {
		const fired = await on.get<[number]>(
			`SELECT count(*) FROM occurrences o WHERE outcome = 'fired' AND decidedAt >= $1
			AND (runId IS NULL OR NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = o.runId))`,
			[(await getMark(on, 'runsPrunedUntil')) ?? 0],
		);
		const unlisted = await on.get<[number]>(
			`SELECT count(*) FROM runs r WHERE trigger IN ('schedule', 'catch_up') AND createdAt >= $1
			AND nominalAt IS NOT NULL AND NOT EXISTS
				(SELECT 1 FROM occurrences o WHERE o.scheduleId = r.scheduleId
				AND o.nominalAt = r.nominalAt AND o.runId = r.id)`,
			[(await getMark(on, 'ledgerPrunedUntil')) ?? 0],
		);
		return [
			problem('OCCURRENCE_WITHOUT_RUN', 'the ledger says fired, but there is no run', fired?.[0]),
			problem(
				'RUN_WITHOUT_OCCURRENCE',
				'runs of an occurrence that the ledger lacks',
				unlisted?.[0],
			),
		];
	}

	return {
		doctor: (now: Instant) =>
			db.patiently(async (on) => {
				const findings: Finding[] = [];
				for (const { severity, code, message, sql } of CHECKS) {
					const values = sql.includes('$1') ? [now - TOLERANCE] : [];
					const row = await on.get<[number]>(sql, values);
					findings.push({ severity, code, message, count: row?.[0] ?? 0 });
				}
				return [...findings, ...(await ledger(on))].filter(({ count }) => count > 0);
			}),
	};
}

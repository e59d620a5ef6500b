import { runSql } from './postgres-store.ts';

/** Instants of the rows lie around it. */
export const AT = Date.UTC(2027, 0, 1);
export const ROWS = 20_000;

/** Ids that sort as those that the engine makes: by number. */
const id = (prefix: string, n = 'n'): string => `'${prefix}_' || lpad((${n})::text, 8, '0')`;

/** So many rows in every table that reading one from end to end would be a mistake. */
export async function fillSchema(port: number, schema: string): Promise<void> {
	const from = `FROM generate_series(1, ${ROWS}) AS n`;
	const statements = [
		`INSERT INTO specs (id, spec) SELECT ${id('spec')}, '{"policies":{"overlap":"skip"}}' ${from}`,
		`INSERT INTO schedules (id, tenant, name, capability, action, labels, metadata, state, revision, specId,
			timing, nextAt, dueAt, overrides, zoneData, timedAt, runsMade, pauses, failures, createdAt, updatedAt)
			SELECT ${id('sch')}, 't' || n % 10, 'name' || n % 100, 'cap' || n % 20, 'a', '{}', '{}',
			(ARRAY['active', 'active', 'paused', 'completed', 'deleted'])[n % 5 + 1], 1, ${id('spec')},
			'{"kind":"every","every":60000,"anchor":0,"timeZone":"UTC"}', ${AT} + n, ${AT} + n,
			'{"skipped":[],"moved":[]}', '2026a', 0, 0, '[]', 0, 0, ${AT} ${from}`,
		`INSERT INTO schedule_labels SELECT 't' || n % 10, 'team', 'v' || n % 50, ${id('sch')} ${from}`,
		`INSERT INTO schedule_destinations SELECT 't' || n % 10, 'd' || n % 50, ${id('sch')} ${from}`,
		`INSERT INTO targets SELECT ${id('sch')}, '0', 't0' ${from}`,
		`INSERT INTO agenda_jobs (id, name, next_run_at, data) SELECT timer_id('schedule.due', ${id('sch')}),
			'schedule.due', to_timestamp((${AT} + n) / 1000.0), jsonb_build_object('key', ${id('sch')}) ${from}`,
		`INSERT INTO occurrences SELECT ${id('sch', 'n % 100')}, n, 't0', n, 'fired', ${AT} + n, 'schedule', ${id('run')} ${from}`,
		`INSERT INTO runs (id, tenant, scheduleId, specId, capability, action, trigger, createdAt, readyAt, state,
			lookAt, epoch, attempt, priority, concurrencyLimit, held, endedAt, nominalAt, backfillId)
			SELECT ${id('run')}, 't' || n % 10, ${id('sch', 'n % 100')}, ${id('spec')}, 'cap' || n % 20, 'a', 'schedule',
			0, ${AT} + n, CASE WHEN n % 50 = 0 THEN 'queued' WHEN n % 50 = 1 THEN 'failed' ELSE 'succeeded' END,
			CASE WHEN n % 50 = 0 THEN ${AT} + n END, 0, 0, 0, 1, FALSE, ${AT}, n,
			CASE WHEN n % 7 = 0 THEN 'bkf_' || n % 70 END ${from}`,
		`INSERT INTO run_attempts SELECT ${id('run')}, 1, 1, NULL, 0, 0, 'succeeded' ${from}`,
		`INSERT INTO blobs SELECT md5(n::text), 1, 'x' ${from}`,
		`INSERT INTO results SELECT ${id('res')}, 't0', ${id('run')}, 'json', 'a/b', NULL, md5(n::text), 1, 1, NULL, 0 ${from}`,
		`INSERT INTO artifacts SELECT ${id('res')}, 'csv', 't0', 'csv', 'a/b', 'csv', md5(n::text), 1, NULL, 0 ${from}`,
		`INSERT INTO links SELECT ${id('lnk')}, 't0', ${id('run')}, ${id('res')}, 'h', 'csv', '{}', TRUE, ${AT} + n, NULL, n % 2, NULL, 0 ${from}`,
		`INSERT INTO deliveries (id, tenant, runId, scheduleId, targetKey, target, fallbacks, sealedFor, state, epoch,
			attempt, dueAt, createdAt, priority, leaseUntil)
			SELECT ${id('dlv')}, 't' || n % 10, ${id('run')}, ${id('sch', 'n % 100')}, '0', '{}', '[]', 'x',
			(ARRAY['delivered', 'delivered', 'failed', 'dead', 'sending'])[n % 5 + 1], 0, 0, ${AT} + n, 0, 0, ${AT} + n ${from}`,
		`INSERT INTO delivery_attempts SELECT ${id('dlv')}, 1, 1, 0, 0, 'delivered' ${from}`,
		`INSERT INTO notifications (id, tenant, runId, notifyKey, state, epoch, attempt, dueAt, createdAt, leaseUntil)
			SELECT ${id('ntf')}, 't0', ${id('run')}, '0', (ARRAY['delivered', 'pending', 'sending'])[n % 3 + 1], 0, 0,
			${AT} + n, 0, ${AT} + n ${from}`,
		`INSERT INTO event_batches SELECT 't' || n % 10, n, 0, 0, ${AT} + n, 1, '[{"type":"run.queued"}]' ${from}`,
		`INSERT INTO idempotency SELECT 't0', 'k' || n, 'f', ${AT} + n, 'r' ${from}`,
		`INSERT INTO shared_states SELECT 't0', 'circuit:' || n, '{}', 1, ${AT} + n, ${AT} + n ${from}`,
		`INSERT INTO destinations SELECT ${id('dst')}, 't' || n % 10, 'd' || n, 'webhook', '{}', '{}', TRUE, NULL, NULL, 1, 0, 0 ${from}`,
		`INSERT INTO calendars SELECT ${id('cal')}, 't' || n % 10, 'c' || n, 1, '2037-12-31' ${from}`,
		`INSERT INTO calendar_versions SELECT ${id('cal')}, 1, 't' || n % 10, 'c' || n, NULL, '[]', '[]', '2020-01-01', '2037-12-31', '{}', 0 ${from}`,
		`INSERT INTO schedule_calendars SELECT ${id('cal')}, 1, ${id('sch')}, 't0' ${from}`,
		`INSERT INTO backfills SELECT 'bkf_' || n, 't0', ${id('sch', 'n % 100')}, 'c', 'completed', 0, 1, 1, 'asc', 'all', 1, '{}', 'k', 0, ${AT} + n ${from}`,
		`INSERT INTO keyed_runs SELECT -n, 't0', 's' || n % 100, 'c' || n % 100, 1, 0, 'queued', ${AT} + n, FALSE ${from}`,
		`INSERT INTO open_tiers SELECT 't0', 'x' || n, 1, 0, ${AT} + n ${from}`,
		`INSERT INTO api_keys SELECT ${id('key')}, 't' || n % 10, 'k', 'h', '[]', NULL, 0 ${from}`,
		'ANALYZE',
	];
	for (const statement of statements) {
		await runSql(port, `SET search_path = ${schema}; ${statement}`);
	}
}

/** How often each table was read from end to end, so far. */
export async function wholeReads(port: number, schema: string): Promise<Map<string, number>> {
	const rows = (await runSql(
		port,
		`SELECT relname, seq_scan::int AS reads FROM pg_stat_user_tables
		WHERE schemaname = $1 AND n_live_tup > 1000`,
		[schema],
	)) as { relname: string; reads: number }[];
	return new Map(rows.map(({ relname, reads }) => [relname, reads]));
}

import { FAR, RANKED } from '../shared/look-at.ts';
import type { Database } from './database.ts';

const COUNTED = [
	['schedule', 'schedules'],
	['run', 'runs'],
	['delivery', 'deliveries'],
] as const;

const KEYED = 'lookAt IS NOT NULL AND (serialKey IS NOT NULL OR concurrencyKey IS NOT NULL)';

/** One after another; each works out anew what the rows before it say. */
const STEPS: readonly string[] = [
	...['runs', 'deliveries', 'notifications'].map(
		(table) => `SELECT setval(pg_get_serial_sequence('${table}', 'seq'),
			(SELECT greatest(coalesce(max(seq), 0), nextval(pg_get_serial_sequence('${table}', 'seq')))
			FROM ${table}))`,
	),
	'DELETE FROM tallies',
	...COUNTED.map(
		([kind, table]) => `INSERT INTO tallies (tenant, kind, state, shard, count)
		SELECT tenant, '${kind}', state, 0, count(*) FROM ${table} GROUP BY tenant, state`,
	),
	'DELETE FROM keyed_runs',
	'DELETE FROM open_tiers',
	`INSERT INTO keyed_runs
		(seq, tenant, serialKey, concurrencyKey, concurrencyLimit, rank, state, readyAt, blocked)
		SELECT seq, tenant, serialKey, concurrencyKey, concurrencyLimit, -priority, state, readyAt,
			serialKey IS NOT NULL AND row_number() OVER (PARTITION BY tenant, serialKey ORDER BY seq) > 1
		FROM runs WHERE ${KEYED}`,
	`UPDATE runs SET lookAt = CASE WHEN runs.concurrencyKey IS NOT NULL OR k.blocked THEN ${FAR}
			WHEN runs.priority = 0 THEN runs.readyAt ELSE ${RANKED} END
		FROM keyed_runs k WHERE k.seq = runs.seq AND runs.state = 'queued'`,
	`INSERT INTO open_tiers (tenant, concurrencyKey, concurrencyLimit, rank, readyAt)
		SELECT k.tenant, k.concurrencyKey, k.concurrencyLimit, k.rank, min(k.readyAt) FROM keyed_runs k
		WHERE k.concurrencyKey IS NOT NULL AND k.state = 'queued' AND NOT k.blocked
			AND k.concurrencyLimit > (SELECT count(*) FROM keyed_runs h WHERE h.tenant = k.tenant
				AND h.concurrencyKey = k.concurrencyKey AND h.state IN ('running', 'waiting'))
		GROUP BY k.tenant, k.concurrencyKey, k.concurrencyLimit, k.rank`,
];

/** Works out anew what is kept beside the rows, all of it in one transaction that takes as long as it takes. */
export async function rebuild(db: Pick<Database, 'connect'>): Promise<void> {
	const session = await db.connect();
	try {
		await session.exec("BEGIN; SET LOCAL statement_timeout = '1h'");
		for (const step of STEPS) await session.exec(step);
		await session.exec('COMMIT');
	} finally {
		await session.close();
	}
}

import { FAR, RANKED } from '../shared/look-at.ts';
import type { Database } from './database.ts';
import { createTiers } from './run-tiers.ts';

const COUNTED = [
	['schedule', 'schedules'],
	['run', 'runs'],
	['delivery', 'deliveries'],
] as const;

const KEYED = 'lookAt IS NOT NULL AND (serialKey IS NOT NULL OR concurrencyKey IS NOT NULL)';

/** One after another; each works out anew what the rows before it say. */
const STEPS: readonly string[] = [
	'DELETE FROM tallies',
	...COUNTED.map(
		([kind, table]) => `INSERT INTO tallies (tenant, kind, state, count)
		SELECT tenant, '${kind}', state, count(*) FROM ${table} GROUP BY tenant, state`,
	),
	'UPDATE blobs SET refs = 0',
	`UPDATE blobs SET refs = c.refs FROM (SELECT sha256, count(*) AS refs FROM
			(SELECT sha256 FROM results UNION ALL SELECT sha256 FROM artifacts
			UNION ALL SELECT artifact ->> 'sha256' FROM deliveries WHERE artifact IS NOT NULL)
		GROUP BY sha256) c WHERE c.sha256 = blobs.sha256`,
	'DELETE FROM blobs WHERE refs = 0',
	'DELETE FROM keyed_runs',
	'DELETE FROM open_tiers',
	`INSERT INTO keyed_runs
		(seq, tenant, serialKey, concurrencyKey, concurrencyLimit, rank, state, readyAt, blocked)
		SELECT seq, tenant, serialKey, concurrencyKey, concurrencyLimit, -priority, state, readyAt,
			serialKey IS NOT NULL AND row_number() OVER (PARTITION BY tenant, serialKey ORDER BY seq) > 1
		FROM runs WHERE ${KEYED}`,
	`UPDATE runs SET lookAt = CASE
			WHEN concurrencyKey IS NOT NULL
				OR (SELECT blocked FROM keyed_runs k WHERE k.seq = runs.seq) = 1 THEN ${FAR}
			WHEN priority = 0 THEN readyAt ELSE ${RANKED} END
		WHERE state = 'queued' AND ${KEYED}`,
];

/** Works out anew what is kept beside the rows; inside a write. */
export function rebuild(db: Database): void {
	for (const step of STEPS) db.exec(step);
	const tiers = createTiers(db);
	const keys = db
		.rows<[tenant: string, key: string]>(
			'SELECT DISTINCT tenant, concurrencyKey FROM keyed_runs WHERE concurrencyKey IS NOT NULL',
		)
		.all();
	for (const [tenant, key] of keys) tiers.refresh(tenant, key);
}

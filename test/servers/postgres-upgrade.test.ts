import { expect, it } from '@jest/globals';

import { systemClock } from '../../engine/clock.ts';
import type { Migration } from '../../engine/stores/postgres/migration.ts';
import { MIGRATIONS } from '../../engine/stores/postgres/schema.ts';
import { createClient, EngineDied, startEngineProcess } from '../support/engine-process.ts';
import { usePostgresBed } from '../support/postgres-bed.ts';
import { newSchema, openPostgresStore, runSql } from '../support/postgres-store.ts';
import { claimEvents, createRecords } from '../support/store-records.ts';

/** What the next versions might bring: made up, and of every kind that may come while engines of this one run. */
const NEXT: readonly Migration[] = [
	...MIGRATIONS,
	{ script: 'ALTER TABLE runs ADD COLUMN hue TEXT, ADD COLUMN depth BIGINT NOT NULL DEFAULT 0' },
	{
		indexes: [{ name: 'runs_hue', on: 'runs (hue, seq) WHERE hue IS NOT NULL' }],
		script: 'CREATE TABLE hues (name TEXT PRIMARY KEY)',
	},
];

const bed = usePostgresBed({ durable: false });

it('an engine of the next version works beside one of this, which goes on to the end, and is not started again', async () => {
	const schema = newSchema();
	const settings = { ...bed.settings(schema), CAPSCHEDULER_LEASE: '30s' };
	const engine = await startEngineProcess(settings);
	const client = createClient(engine.url, engine.firstKey ?? '');
	const job = await bed.oracle.schedule(client, { schedules: 4, limit: 6 });

	// Two of the next version at once, in the middle of it: one brings the tables to its version.
	const next = await Promise.all(
		[1, 2].map(async () =>
			openPostgresStore(bed.server.port, systemClock, { schema, migrations: NEXT }),
		),
	);
	const [version] = (await runSql(
		bed.server.port,
		`SELECT version FROM ${schema}.schema_version`,
	)) as {
		version: number;
	}[];
	expect(version?.version).toBe(NEXT.length);
	const indexes = await runSql(
		bed.server.port,
		`SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE c.relname = 'runs_hue' AND c.relnamespace = $1::regnamespace AND i.indisvalid`,
		[schema],
	);
	expect(indexes).toHaveLength(1);

	// Both carry out runs that one of them added; the older one has nobody but itself to ask what they are.
	const records = createRecords(systemClock);
	const runs = Array.from({ length: 40 }, () =>
		records.run({ concurrencyKey: 'k', concurrencyLimit: 3 }),
	);
	const [one] = next as [(typeof next)[0]];
	await one.store.addRuns({ runs, specs: [records.spec()], settle: [], events: [] });
	const open = new Set<string>(runs.map(({ id }) => id));
	while (open.size > 0) {
		const now = systemClock.now();
		const taken = await one.store.claimRuns(
			{ now, limit: 5, owner: 'eng_next', leaseUntil: now + 30_000 },
			claimEvents,
		);
		// What it took of the older one's, it gives back.
		await one.store.settleRuns(
			taken.map((run) =>
				open.has(run.id)
					? records.success(run)
					: records.change(run, 'queued', {
							set: { state: 'queued', owner: null, leaseUntil: null, attempt: run.attempt - 1 },
						}),
			),
		);
		for (const { id } of runs) {
			const state = (await one.store.getRunById(id))?.state;
			if (state === 'succeeded' || state === 'failed') open.delete(id);
		}
	}

	await bed.oracle.untilQuiet(bed.server.port, schema);
	await bed.oracle.check(client, job);
	expect(engine.log()).not.toContain('"level":50');

	// Another of the older version would write what the next one may not read: it is refused, and says why.
	const refused = await startEngineProcess(settings).then(
		() => null,
		(error: unknown) => error,
	);
	expect(refused).toBeInstanceOf(EngineDied);
	expect(String(refused)).toContain(
		`expected version ${MIGRATIONS.length} or lower, got ${NEXT.length}`,
	);
	await engine.kill('SIGTERM');
	for (const { close } of next) await close();
}, 180_000);

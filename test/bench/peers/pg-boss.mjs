import pg from 'pg';
import { PgBoss } from 'pg-boss';

import { countdown, createWork, measure, PAYLOAD, readJob, tell, until } from './shared.mjs';

const BATCH = 1000;
const job = await readJob();
const connectionString = job.place;
const QUEUE = 'work';

if (job.role === 'enqueue') {
	const boss = new PgBoss({ connectionString, supervise: false, schedule: false });
	await boss.start();
	await boss.createQueue(QUEUE);
	for (let done = 0; done < job.runs; done += BATCH) {
		const size = Math.min(BATCH, job.runs - done);
		await boss.insert(
			QUEUE,
			Array.from({ length: size }, () => ({ data: PAYLOAD })),
		);
	}
	await boss.stop({ graceful: false });
	// the planner knows the table, and autovacuum does not come in between
	const pool = new pg.Pool({ connectionString, max: 1 });
	await pool.query('VACUUM ANALYZE');
	await pool.end();
	tell({ enqueued: job.runs });
} else if (job.role === 'drain') {
	const work = createWork(job.target);
	const left = countdown(job.runs);
	const pool = new pg.Pool({ connectionString, max: 1 });
	const drained = async () => {
		const { rows } = await pool.query(
			"SELECT EXISTS (SELECT 1 FROM pgboss.job WHERE name = $1 AND state < 'completed') AS left",
			[QUEUE],
		);
		return !rows[0].left;
	};
	const boss = new PgBoss({ connectionString, supervise: false, schedule: false });
	await measure(async () => {
		await boss.start();
		for (let worker = 0; worker < 2; worker++) {
			await boss.work(
				QUEUE,
				{ batchSize: 2000, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true },
				async (jobs) => {
					if (job.target !== null) await Promise.all(jobs.map(({ id, data }) => work(id, data)));
					left.done(jobs.length);
				},
			);
		}
		await left.promise;
		await until(drained);
	});
	await boss.stop({ graceful: false });
	await pool.end();
} else {
	const pool = new pg.Pool({ connectionString, max: 1 });
	const { rows } = await pool.query(
		"SELECT count(*)::int AS runs, count(*) FILTER (WHERE state = 'completed')::int AS succeeded FROM pgboss.job WHERE name = $1",
		[QUEUE],
	);
	await pool.end();
	tell(rows[0]);
}
process.exit(0);

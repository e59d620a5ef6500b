import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';

import { countdown, createWork, measure, PAYLOAD, readJob, tell, until } from './shared.mjs';

const BATCH = 1000;
const job = await readJob();
const connectionString = job.place;
const logger = new Logger(() => () => undefined);

if (job.role === 'enqueue') {
	const utils = await makeWorkerUtils({ connectionString, logger });
	await utils.migrate();
	for (let done = 0; done < job.runs; done += BATCH) {
		const size = Math.min(BATCH, job.runs - done);
		await utils.addJobs(
			Array.from({ length: size }, () => ({ identifier: 'work', payload: PAYLOAD })),
		);
	}
	await utils.release();
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
			'SELECT EXISTS (SELECT 1 FROM graphile_worker._private_jobs) AS left',
		);
		return !rows[0].left;
	};
	let runner;
	await measure(async () => {
		runner = await run({
			connectionString,
			logger,
			noHandleSignals: true,
			preset: {
				worker: {
					concurrentJobs: 50,
					maxPoolSize: 10,
					localQueue: { size: 2000 },
					completeJobBatchDelay: 10,
					failJobBatchDelay: 10,
				},
			},
			taskList: {
				work: async (payload, { job: { id } }) => {
					await work(id, payload);
					left.done();
				},
			},
		});
		await left.promise;
		await until(drained);
	});
	await runner.stop();
	await pool.end();
} else {
	// a job that succeeded is deleted; one that failed stays
	const pool = new pg.Pool({ connectionString, max: 1 });
	const { rows } = await pool.query(
		'SELECT count(*)::int AS left FROM graphile_worker._private_jobs',
	);
	await pool.end();
	tell({ runs: job.runs, succeeded: job.runs - rows[0].left });
}
process.exit(0);

import { Queue, Worker } from 'bullmq';

import { countdown, createWork, measure, PAYLOAD, readJob, tell, until } from './shared.mjs';

const BATCH = 1000;
const job = await readJob();
const { hostname: host, port } = new URL(job.place);
const connection = { host, port: Number(port) };
const QUEUE = 'work';

if (job.role === 'enqueue') {
	const queue = new Queue(QUEUE, { connection });
	for (let done = 0; done < job.runs; done += BATCH) {
		const size = Math.min(BATCH, job.runs - done);
		await queue.addBulk(Array.from({ length: size }, () => ({ name: 'work', data: PAYLOAD })));
	}
	await queue.close();
	tell({ enqueued: job.runs });
} else if (job.role === 'drain') {
	const work = createWork(job.target);
	const left = countdown(job.runs);
	const queue = new Queue(QUEUE, { connection });
	await queue.waitUntilReady();
	let worker;
	await measure(async () => {
		worker = new Worker(QUEUE, ({ id, data }) => work(id, data), {
			connection: { ...connection, maxRetriesPerRequest: null },
			concurrency: 200,
		});
		worker.on('completed', () => left.done());
		worker.on('error', (error) => {
			throw error;
		});
		await left.promise;
		await until(async () => (await queue.getCompletedCount()) >= job.runs);
	});
	await worker.close();
	await queue.close();
} else {
	const queue = new Queue(QUEUE, { connection });
	const counts = await queue.getJobCounts();
	await queue.close();
	const runs = Object.values(counts).reduce((sum, count) => sum + count, 0);
	tell({ runs, succeeded: counts.completed });
}
process.exit(0);

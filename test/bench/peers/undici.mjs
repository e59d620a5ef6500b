import { createWork, measure, PAYLOAD, readJob, tell } from './shared.mjs';

/* No queue at all: the same POSTs by undici alone, which is the most that any of them could reach. */
const job = await readJob();
if (job.role === 'drain') {
	const work = createWork(job.target);
	let next = 0;
	await measure(async () => {
		const loop = async () => {
			while (next < job.runs) await work(`call_${next++}`, PAYLOAD);
		};
		await Promise.all(Array.from({ length: 64 }, loop));
	});
} else {
	tell({ enqueued: job.runs, runs: job.runs, succeeded: job.runs });
}
process.exit(0);

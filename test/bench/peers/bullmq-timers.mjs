import { Queue, Worker } from 'bullmq';

import { beginning, patternOf, Watch } from '../timers/watch.mjs';
import { hear, tell } from './shared.mjs';

/* BullMQ in w2: a job scheduler for each, one worker; the instant of a job is in its id. */
const lines = hear();
const job = JSON.parse((await lines.next()).value);
const { hostname: host, port } = new URL(job.place);
const connection = { host, port: Number(port) };
const queue = new Queue('timers', {
	connection,
	defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
});

async function add(count, prefix, pattern) {
	for (let done = 0; done < count; done += 200) {
		const size = Math.min(200, count - done);
		await Promise.all(
			Array.from({ length: size }, (_, i) =>
				queue.upsertJobScheduler(
					`${prefix}${done + i}`,
					{ pattern: pattern(done + i) },
					{ name: 'work', data: { index: done + i } },
				),
			),
		);
	}
}

await add(job.others, 'other-', () => '0 0 3 1 1 *');
const from = beginning(job.period, 5000 + job.schedules * 6);
const watch = new Watch(job, from);
const worker = new Worker(
	'timers',
	async ({ id, data: { index } }) => watch.fired(index, Number(/:(\d+)$/.exec(id)?.[1])),
	{ connection: { ...connection, maxRetriesPerRequest: null }, concurrency: 200 },
);
worker.on('error', (error) => {
	throw error;
});
await add(job.schedules, '', (index) => patternOf(index, job.period));
tell({ from });
await lines.next();
await watch.over(job.seconds);
tell(watch.report());
await lines.next();
await worker.close();
await queue.close();
tell({ wrong: [] });
process.exit(0);

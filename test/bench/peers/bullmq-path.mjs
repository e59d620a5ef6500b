import { createHmac } from 'node:crypto';
import { Queue, Worker } from 'bullmq';
import { stringify } from 'csv-stringify/sync';
import { Redis } from 'ioredis';
import { Agent, request } from 'undici';

import { hear, tell } from './shared.mjs';

/*
 * BullMQ in w3, as one would build it: a queue for each of the three steps, each with its own retries, the result and
 * the receipts in Redis. A step adds the next before it is done.
 */
const lines = hear();
const job = JSON.parse((await lines.next()).value);
const { hostname: host, port } = new URL(job.place);
const connection = { host, port: Number(port) };
const redis = new Redis(connection);
const key = Buffer.from(job.secret.replace('whsec_', ''), 'base64');
const dispatcher = new Agent({ connections: 64, pipelining: 1 });
const CONCURRENCY = 100;
const EACH = 2;
const defaultJobOptions = { attempts: 3, backoff: { type: 'exponential', delay: 1000 } };
const queues = Object.fromEntries(
	['fetch', 'deliver', 'notify'].map((name) => [
		name,
		new Queue(name, { connection, defaultJobOptions }),
	]),
);

async function post(path, headers, body) {
	const answer = await request(job.receiver + path, { dispatcher, method: 'POST', headers, body });
	const text = await answer.body.text();
	if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}`);
	return text;
}

function signed(id, body) {
	const timestamp = Math.floor(Date.now() / 1000);
	const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
	return {
		'webhook-id': id,
		'webhook-timestamp': String(timestamp),
		'webhook-signature': `v1,${signature}`,
	};
}

const STEPS = {
	async fetch({ id }) {
		const headers = { 'content-type': 'application/json', 'idempotency-key': id };
		const rows = await post('/source', headers, '{"message":"hello"}');
		await redis.set(`result:${id}`, rows);
		await queues.deliver.add('deliver', { runId: id }, { jobId: `d-${id}` });
	},
	async deliver({ data: { runId } }) {
		const rows = JSON.parse(await redis.get(`result:${runId}`));
		const csv = stringify(rows, { header: true });
		const headers = { 'content-type': 'text/csv', ...signed(`d-${runId}`, csv) };
		await post('/deliver', headers, csv);
		await redis.set(`receipt:${runId}`, JSON.stringify({ at: Date.now(), bytes: csv.length }));
		await queues.notify.add('notify', { runId }, { jobId: `n-${runId}` });
	},
	async notify({ data: { runId } }) {
		const body = JSON.stringify({ type: 'run.succeeded', data: { runId, state: 'succeeded' } });
		await post(
			'/notify',
			{ 'content-type': 'application/json', ...signed(`n-${runId}`, body) },
			body,
		);
	},
};

const workers = Object.entries(STEPS).map(
	([name, step]) =>
		new Worker(name, step, {
			connection: { ...connection, maxRetriesPerRequest: null },
			concurrency: CONCURRENCY,
		}),
);
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
const dueAt = Math.ceil((Date.now() + 3000 + job.runs * EACH) / 1000) * 1000;
for (let done = 0; done < job.runs; done += 1000) {
	const size = Math.min(1000, job.runs - done);
	await queues.fetch.addBulk(
		Array.from({ length: size }, (_, i) => ({
			name: 'fetch',
			data: {},
			opts: { jobId: `r-${done + i}`, delay: dueAt - Date.now() },
		})),
	);
}
tell({ dueAt });
while (!(await lines.next()).done) {
	tell({
		succeeded: await queues.fetch.getCompletedCount(),
		delivered: await queues.deliver.getCompletedCount(),
		notified: await queues.notify.getCompletedCount(),
	});
}
process.exit(0);

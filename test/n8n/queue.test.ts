/**
 * n8n in queue mode: a main process, a worker and a webhook processor, with PostgreSQL and Redis between them and a
 * folder for each, as on three machines. The engine reaches the webhook processor only.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import type { DatabaseServer } from '../servers/postgres.ts';
import { startPostgres } from '../servers/postgres.ts';
import { freePort } from '../servers/process.ts';
import { startRedis } from '../servers/redis.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { N8nNode } from './support/n8n-client.ts';
import { outputOf } from './support/n8n-client.ts';
import type { N8nProcess } from './support/n8n-process.ts';
import { startN8n } from './support/n8n-process.ts';
import { until } from './support/until.ts';
import { chain, code, ours, setFields, toCsv, trigger, webhook } from './support/workflows.ts';
import type { ScheduleRow } from './support/world.ts';
import { World } from './support/world.ts';

jest.setTimeout(300_000);

const folder = mkdtempSync(join(tmpdir(), 'capscheduler-n8n-queue-'));
let database: DatabaseServer;
let redis: Awaited<ReturnType<typeof startRedis>>;
let receiver: Receiver;
let world: World;
let others: N8nProcess[] = [];
let processor = '';

beforeAll(async () => {
	[database, redis, receiver] = await Promise.all([startPostgres(), startRedis(), startReceiver()]);
	const port = await freePort();
	processor = `http://127.0.0.1:${port}`;
	const settings = {
		EXECUTIONS_MODE: 'queue',
		QUEUE_BULL_REDIS_HOST: '127.0.0.1',
		QUEUE_BULL_REDIS_PORT: String(redis.port),
		DB_TYPE: 'postgresdb',
		DB_POSTGRESDB_HOST: '127.0.0.1',
		DB_POSTGRESDB_PORT: String(database.port),
		DB_POSTGRESDB_DATABASE: 'postgres',
		DB_POSTGRESDB_USER: 'postgres',
		DB_POSTGRESDB_PASSWORD: 'secret',
		N8N_DEFAULT_BINARY_DATA_MODE: 'database',
		N8N_DISABLE_PRODUCTION_MAIN_PROCESS: 'true',
		WEBHOOK_URL: `${processor}/`,
	};
	world = await World.open({ n8nSettings: settings });
	const workerPort = await freePort();
	const health = {
		QUEUE_HEALTH_CHECK_ACTIVE: 'true',
		QUEUE_HEALTH_CHECK_PORT: String(workerPort),
	};
	others = await Promise.all([
		startN8n({
			command: 'worker',
			userFolder: join(folder, 'worker'),
			port: workerPort,
			settings: { ...settings, ...health },
		}),
		startN8n({ command: 'webhook', userFolder: join(folder, 'webhook'), port, settings }),
	]);
	await world.engine('PUT', '/v1/capabilities/outside', {
		actions: { work: {} },
		binding: { type: 'http', url: receiver.url },
	});
});
afterAll(async () => {
	await Promise.all(others.map((one) => one.stop()));
	await (world as World | undefined)?.close();
	await Promise.all([database?.stop(), redis?.stop(), receiver?.close()]);
	rmSync(folder, { recursive: true, force: true });
});

/** A published workflow that begins with the trigger, and its only schedule. */
async function published(
	name: string,
	nodes: N8nNode[],
	options: object = {},
): Promise<{ id: string; path: string; schedule: ScheduleRow }> {
	const { n8n, credentials } = world;
	const first = trigger({ credentials, options });
	const { id } = await n8n.createWorkflow(chain(name, [first, ...nodes]));
	await n8n.publish(id);
	const schedules = await world.schedulesOf(id);
	expect(schedules).toHaveLength(1);
	return { id, path: `/webhook/${first.webhookId}/occurrence`, schedule: schedules[0]! };
}

describe('in queue mode', () => {
	test('the main process registers, the webhook processor receives, a worker runs, and its data is the result', async () => {
		const { id, path, schedule } = await published('Queued', [setFields('Set', { answer: 42 })]);
		const run = await world.ran(schedule);
		expect(run).toMatchObject({ state: 'succeeded', error: null });
		expect(await world.resultOf(run)).toMatchObject([
			{ answer: 42, runId: run.id, scheduleId: schedule.id },
		]);
		expect(await world.n8n.executed(id)).toMatchObject({ status: 'success', mode: 'webhook' });
		const unsigned = await fetch(processor + path, { method: 'POST', body: '{}' });
		expect(unsigned.status).toBe(401);
		expect(await world.n8n.executions(id)).toHaveLength(1);
		await world.n8n.unpublish(id);
		expect(await world.schedulesOf(id)).toEqual([]);
	});

	test('a file that a worker made is the result, though another process answers with it', async () => {
		const rows = code('Rows', 'return [{ json: { a: 1, b: 2 } }];');
		const made = await published('Queued file', [rows, toCsv], { result: 'firstEntryBinary' });
		const { id } = await world.ran(made.schedule);
		const run = await world.engine('GET', `/v1/runs/${id}`);
		expect(run.result).toMatchObject({ contentType: expect.stringMatching(/^text\/csv/), rows: 1 });
	});

	test('an execution that sleeps is woken by the webhook processor, and goes on in a worker', async () => {
		let finish = () => undefined as unknown;
		receiver.answer = (_request, response) => {
			finish = () => response.setHeader('content-type', 'application/json').end('[{"n":1}]');
		};
		const { n8n, credentials } = world;
		const invoke = ours('Invoke', 'runtimeSession', {
			credentials,
			parameters: {
				...{ operation: 'invoke', parametersMode: 'json', parametersJson: '{}' },
				capability: { __rl: true, mode: 'name', value: 'outside' },
				action: { __rl: true, mode: 'name', value: 'work' },
				...{ wait: 'callback', output: 'items' },
			},
		});
		const { id } = await n8n.createWorkflow(
			chain('Queued sleep', [webhook('queued-sleep'), invoke, setFields('Set', { woken: 1 })]),
		);
		await n8n.publish(id);
		await fetch(`${processor}/webhook/queued-sleep`);
		await until('the execution to sleep', async () =>
			(await n8n.executions(id)).find(({ status }) => status === 'waiting'),
		);
		finish();
		const execution = await n8n.executed(id);
		expect(execution.status).toBe('success');
		expect(outputOf(execution, 'Set').map(({ json }) => json)).toEqual([{ n: 1, woken: 1 }]);
	});
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import type { EngineProcess } from '../support/engine-process.ts';
import {
	createClient,
	killEngines,
	listAll,
	startEngineProcess,
} from '../support/engine-process.ts';
import type { Oracle } from '../support/oracle-run.ts';
import { startOracle } from '../support/oracle-run.ts';
import { newSchema, runSql, urlOf } from '../support/postgres-store.ts';
import { SHARED_KEYS } from '../support/shared-engines.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { DatabaseServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';
import { freePort } from './process.ts';

let server: DatabaseServer;
let folder: string;
let oracle: Oracle;
let callee: Receiver;
const schema = newSchema();

beforeAll(async () => {
	server = await startPostgres({ durable: false });
	folder = await mkdtemp(join(tmpdir(), 'cap-pg-roles-'));
	oracle = await startOracle();
	callee = await startReceiver();
}, 120_000);
afterAll(async () => {
	await killEngines();
	await Promise.all([oracle.close(), callee.close()]);
	await server.stop();
	await rm(folder, { recursive: true, force: true });
});

interface View {
	id: string;
	state: string;
}

async function startRoles(): Promise<(role: string) => Promise<EngineProcess>> {
	const port = await freePort();
	return async (role) =>
		startEngineProcess({
			CAPSCHEDULER_ROLES: role,
			CAPSCHEDULER_DATA_DIR: join(folder, role),
			CAPSCHEDULER_STORE: urlOf(server.port, schema),
			CAPSCHEDULER_KEYS: SHARED_KEYS,
			CAPSCHEDULER_PUBLIC_URL: `http://127.0.0.1:${port}`,
			// a public URL brings the full rules, and the targets of the test are on this machine
			CAPSCHEDULER_EGRESS_ALLOW: '127.0.0.1',
			CAPSCHEDULER_SMALLEST_INTERVAL: '1s',
			CAPSCHEDULER_NOTIFY_AFTER: '3s',
			...(role === 'api' ? { CAPSCHEDULER_PORT: String(port) } : {}),
		});
}

/** Asks again until it is so; the test's own time limit ends it. */
async function until<T>(look: () => Promise<T | false | undefined>): Promise<T> {
	for (;;) {
		const found = await look();
		if (found !== false && found !== undefined) return found;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

it('one engine answers, one decides what is due, one does the work, and each only that', async () => {
	const start = await startRoles();
	const api = await start('api');
	const client = createClient(api.url, api.firstKey ?? '');
	const job = await oracle.schedule(client, { schedules: 4, limit: 3 });

	// Nobody decides what is due: what was invoked waits, too.
	const scheduler = await start('scheduler');
	expect(scheduler.firstKey).toBeNull();
	const fired = await until(async () => {
		const runs = await listAll<View>(client, '/v1/runs');
		return runs.length > 0 && runs;
	});
	// Decided, and nobody there to carry it out.
	expect(new Set(fired.map(({ state }) => state))).toEqual(new Set(['queued']));

	const worker = await start('worker');
	await oracle.untilQuiet(server.port, schema);
	await oracle.check(client, job);

	// A capability that calls back reaches the engine that answers, and whoever waits there hears of it.
	callee.answer = (_request, response, { body }) => {
		response.statusCode = 202;
		response.end();
		void callBack(body);
	};
	async function callBack(body: Buffer): Promise<void> {
		const { callback } = JSON.parse(body.toString()) as {
			callback: { url: string; token: string };
		};
		expect(callback.url.startsWith(api.url)).toBe(true);
		await fetch(callback.url, {
			method: 'POST',
			headers: { authorization: `Bearer ${callback.token}`, 'content-type': 'application/json' },
			body: JSON.stringify({ result: { done: true } }),
		});
	}
	await client('PUT', '/v1/capabilities/later', {
		binding: { type: 'http', url: callee.url, mode: 'async' },
		actions: { go: {} },
	});
	const invoked = await client<View>(
		'POST',
		'/v1/capabilities/later/actions/go/invoke',
		{},
		{ prefer: 'wait=60' },
	);
	expect(invoked.state).toBe('succeeded');

	// Who did what, by the records.
	const { items } = await client<{ items: { id: string; roles: string[]; pid: number }[] }>(
		'GET',
		'/v1/engines',
	);
	expect(Object.fromEntries(items.map(({ pid, roles }) => [pid, roles]))).toEqual({
		[api.pid]: ['api'],
		[scheduler.pid]: ['scheduler'],
		[worker.pid]: ['worker'],
	});
	const owners = (await runSql(
		server.port,
		`SELECT DISTINCT owner FROM ${schema}.run_attempts`,
	)) as { owner: string }[];
	const workerId = items.find(({ pid }) => pid === worker.pid)?.id;
	expect(owners.map(({ owner }) => owner)).toEqual([workerId]);

	// Their ports are for probes and metrics.
	for (const engine of [scheduler, worker]) {
		for (const path of ['/healthz', '/readyz', '/metrics']) {
			expect((await fetch(engine.url + path)).status).toBe(200);
		}
		for (const path of ['/v1/runs', '/docs', '/openapi.json', '/r/lnk_x.y', '/']) {
			const refused = await fetch(engine.url + path, { redirect: 'manual' });
			expect(refused.status).toBe(404);
			const { detail } = (await refused.json()) as { detail: string };
			expect(detail).toContain('does not answer the API');
		}
	}
	for (const engine of [api, scheduler, worker]) {
		await engine.kill('SIGTERM');
		expect((await engine.ended).code).toBe(0);
		expect(engine.log()).not.toContain('"level":50');
	}
}, 180_000);

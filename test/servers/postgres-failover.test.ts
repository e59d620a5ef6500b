import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
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
import { newSchema, runSql, urlOf } from '../support/postgres-store.ts';
import { SHARED_KEYS } from '../support/shared-engines.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import { startHaproxy } from './haproxy.ts';
import type { DatabaseServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

/* One of three engines goes: told to (P13), or without a word (P6). In front of them is HAProxy, as in docs/clusters.md. */

const HANDS = 4;
const LEASE = 3_000;

let server: DatabaseServer;
let folder: string;
let callee: Receiver;

beforeAll(async () => {
	server = await startPostgres({ durable: false });
	folder = await mkdtemp(join(tmpdir(), 'cap-pg-failover-'));
	callee = await startReceiver();
}, 120_000);
afterAll(async () => {
	await killEngines();
	await callee.close();
	await server.stop();
	await rm(folder, { recursive: true, force: true });
});

interface Envelope {
	requestId: string;
	epoch: number;
}

interface Cluster {
	schema: string;
	engines: EngineProcess[];
	proxy: { url: string; stop(): Promise<void> };
	key: string;
}

async function startCluster(): Promise<Cluster> {
	const schema = newSchema();
	const settings = {
		CAPSCHEDULER_DATA_DIR: folder,
		CAPSCHEDULER_STORE: urlOf(server.port, schema),
		CAPSCHEDULER_KEYS: SHARED_KEYS,
		CAPSCHEDULER_LEASE: `${LEASE}ms`,
		CAPSCHEDULER_DRAIN: '1s',
		CAPSCHEDULER_CONCURRENCY: String(HANDS),
	};
	const engines = await Promise.all([1, 2, 3].map(async () => startEngineProcess(settings)));
	const proxy = await startHaproxy(engines.map(({ url }) => url));
	const key = engines.flatMap(({ firstKey }) => firstKey ?? [])[0] ?? '';
	const [first] = engines as [EngineProcess];
	await createClient(first.url, key)('PUT', '/v1/capabilities/work', {
		binding: { type: 'http', url: callee.url },
		actions: { go: {} },
	});
	return { schema, engines, proxy, key };
}

/** By run: what waits for its answer, and when it was asked for again. */
interface Held {
	first: Map<string, ServerResponse>;
	again: Map<string, number>;
}

/** The first request of each run waits; every later one is answered at once. */
function holdFirst(): Held {
	const held: Held = { first: new Map(), again: new Map() };
	callee.answer = (_request, response, { body }) => {
		const { requestId } = JSON.parse(body.toString()) as Envelope;
		if (!held.first.has(requestId)) {
			held.first.set(requestId, response);
			return;
		}
		held.again.set(requestId, performance.now());
		response.end('{}');
	};
	return held;
}

/** Asks again until it is so; the test's own time limit ends it. */
async function until<T>(look: () => Promise<T | false> | T | false): Promise<T> {
	for (;;) {
		const found = await look();
		if (found !== false) return found;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

const path = '/v1/capabilities/work/actions/go/invoke';
const policies = { retry: { attempts: 20, delay: '50ms', backoff: 'fixed' } };

/** Fills the hands of all engines with runs that hang. @returns those of each, by its pid */
async function fillHands({ engines, key, schema }: Cluster, held: Held): Promise<string[][]> {
	const [first] = engines as [EngineProcess];
	const client = createClient(first.url, key);
	for (let n = 0; n < HANDS * 3; n++) await client('POST', path, { policies });
	await until(() => held.first.size === HANDS * 3);
	const rows = (await runSql(
		server.port,
		`SELECT id, owner FROM ${schema}.runs WHERE state = 'running'`,
	)) as { id: string; owner: string }[];
	const { items } = await client<{ items: { id: string; pid: number }[] }>('GET', '/v1/engines');
	return engines.map(({ pid }) => {
		const engine = items.find((one) => one.pid === pid);
		return rows.filter(({ owner }) => owner === engine?.id).map(({ id }) => id);
	});
}

/** As a client does it that wants to be sure: the same key again, at another engine, until it is answered. */
async function postSurely(
	{ engines, key }: Cluster,
	{ idempotencyKey, from }: { idempotencyKey: string; from: number },
): Promise<{ status: number; tries: number }> {
	for (let tries = 1; ; tries++) {
		const { url } = engines[(from + tries) % engines.length]!;
		const response = await fetch(url + path, {
			method: 'POST',
			headers: {
				authorization: `Bearer ${key}`,
				'content-type': 'application/json',
				'idempotency-key': idempotencyKey,
			},
			body: JSON.stringify({ policies }),
		}).catch(() => null);
		if (response === null) continue;
		await response.text();
		if (response.status < 500) return { status: response.status, tries };
	}
}

/** Through the proxy, as a client does it that trusts it: once. @throws when the request fails */
async function postOnce(
	{ proxy, key }: Cluster,
	{ idempotencyKey, path: to, body }: { idempotencyKey: string; path: string; body: object },
): Promise<number> {
	const response = await fetch(proxy.url + to, {
		method: 'POST',
		headers: {
			authorization: `Bearer ${key}`,
			'content-type': 'application/json',
			'idempotency-key': idempotencyKey,
		},
		body: JSON.stringify(body),
	});
	const text = await response.text();
	if (!response.ok) throw new Error(`${idempotencyKey}: ${response.status} ${text}`);
	return response.status;
}

async function stopCluster({ engines, proxy }: Cluster): Promise<void> {
	await proxy.stop();
	await Promise.all(engines.slice(1).map(async (one) => one.kill('SIGTERM')));
}

it('SIGTERM: no request fails that is repeated, by its client or by the proxy, no run is lost, and others take over within 5 s', async () => {
	const cluster = await startCluster();
	const held = holdFirst();
	const [leaving = []] = await fillHands(cluster, held);
	expect(leaving).toHaveLength(HANDS);
	// The others have free hands; the requests of the one that leaves hang.
	for (const [id, response] of held.first) if (!leaving.includes(id)) response.end('{}');

	const [engine] = cluster.engines as [EngineProcess];
	let stop = false;
	const posted: string[] = [];
	const clients = Array.from({ length: 6 }, async (_, client) => {
		const statuses: number[] = [];
		for (let n = 0; !stop; n++) {
			const idempotencyKey = `client-${client}-${n}`;
			posted.push(idempotencyKey);
			// Half of them leave it to the proxy to ask again.
			const status =
				client % 2 === 0
					? await postOnce(cluster, { idempotencyKey, path, body: { policies } })
					: (await postSurely(cluster, { idempotencyKey, from: client + n })).status;
			statuses.push(status);
		}
		return statuses;
	});
	await until(() => posted.length > 60);
	// From here on the target answers whatever comes.
	for (const id of leaving) expect(held.again.has(id)).toBe(false);
	callee.answer = (_request, response, { body }) => {
		held.again.set((JSON.parse(body.toString()) as Envelope).requestId, performance.now());
		response.end('{}');
	};
	for (const [id, response] of held.first) if (!leaving.includes(id)) response.end('{}');
	const told = performance.now();
	await engine.kill('SIGTERM');
	expect((await engine.ended).code).toBe(0);
	const took = await until(
		() =>
			leaving.every((id) => held.again.has(id)) &&
			Math.max(...leaving.map((id) => (held.again.get(id) ?? 0) - told)),
	);
	expect(took).toBeLessThan(5_000);

	const before = posted.length;
	await until(() => posted.length > before + 30);
	stop = true;
	expect(new Set((await Promise.all(clients)).flat())).toEqual(new Set([202]));

	const client = createClient(cluster.engines[1]?.url ?? '', cluster.key);
	const all = await until(async () => {
		const runs = await listAll<{ id: string; state: string }>(client, '/v1/runs');
		return runs.every(({ state }) => state === 'succeeded') && runs;
	});
	// Each key made one run, whichever engines were asked.
	expect(all).toHaveLength(posted.length + HANDS * 3);
	await stopCluster(cluster);
}, 180_000);

it('kill -9: no request through the proxy fails, and others do the work again once the lease is over and the next sweep has come', async () => {
	const cluster = await startCluster();
	const held = holdFirst();
	const [lost = []] = await fillHands(cluster, held);
	for (const [id, response] of held.first) if (!lost.includes(id)) response.end('{}');
	let stop = false;
	const posted: string[] = [];
	const clients = Array.from({ length: 4 }, async (_, client) => {
		for (let n = 0; !stop; n++) {
			const idempotencyKey = `made-${client}-${n}`;
			const body = { action: 'go', time: 'in 300d' };
			await postOnce(cluster, { idempotencyKey, path: '/work/schedule', body });
			posted.push(idempotencyKey);
		}
	});
	await until(() => posted.length > 40);
	const killed = performance.now();
	await cluster.engines[0]?.kill('SIGKILL');
	const before = posted.length;
	await until(() => posted.length > before + 40);
	stop = true;
	await Promise.all(clients);
	const took = await until(
		() =>
			lost.every((id) => held.again.has(id)) &&
			Math.max(...lost.map((id) => (held.again.get(id) ?? 0) - killed)),
	);
	// It renewed its leases up to a moment before.
	expect(took).toBeLessThan(LEASE + 15_000 + 2_000);
	const client = createClient(cluster.engines[1]?.url ?? '', cluster.key);
	await until(async () =>
		(await listAll<{ state: string }>(client, '/v1/runs')).every(
			({ state }) => state === 'succeeded',
		),
	);
	// Each key made one, also where the proxy sent it to a second engine.
	expect(await listAll(client, '/v1/schedules')).toHaveLength(posted.length);
	await stopCluster(cluster);
}, 180_000);

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import type { EngineProcess } from '../support/engine-process.ts';
import {
	EngineDied,
	createClient,
	killEngines,
	listAll,
	startEngineProcess,
} from '../support/engine-process.ts';
import type { RunView } from '../support/oracle-schedule.ts';
import { checkOracleSchedule, createOracleSchedules } from '../support/oracle-schedule.ts';
import { randomFrom } from '../support/random.ts';
import type { Received, Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

/*
 * P1, P2 and P6: the engine is killed again and again while it works, at named fault points and at random
 * moments. Then an independent list of instants must equal the ledger, every run must have reached one
 * terminal state, and what went out must have gone out at least once under one key.
 *
 * The list is arithmetic done by the test: `anchor + n * every`. It shares no code with the engine.
 *
 * CAPSCHEDULER_TEST_KILLS sets how often (CI: 200), CAPSCHEDULER_TEST_SEED repeats a run.
 */

const KILLS = Number(
	process.env['CAPSCHEDULER_TEST_KILLS'] ?? (process.env['CI'] === undefined ? 8 : 200),
);
const SEED = Number(process.env['CAPSCHEDULER_TEST_SEED'] ?? Math.floor(Math.random() * 1e9));

const SCHEDULES = 8;
const POINTS = [
	'commit.before',
	'commit.sync',
	'commit.after',
	'send.before',
	'send.after',
	'deliver.before',
	'deliver.after',
	'notify.before',
	'notify.after',
];
const ACTIONS = ['kill', 'kill', 'kill', 'hang', 'throw'];

describe(`an engine that is killed ${KILLS} times (seed ${SEED})`, () => {
	let folder: string;
	let target: Receiver;
	let pushed: Receiver;
	let notified: Receiver;

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'cap-crash-'));
		[target, pushed, notified] = await Promise.all([
			startReceiver(),
			startReceiver(),
			startReceiver(),
		]);
		target.answer = (_request, response) => {
			response.setHeader('content-type', 'application/json');
			response.end('[{"id":1,"name":"a"},{"id":2,"name":"b"}]');
		};
	});

	afterAll(async () => {
		await killEngines();
		await Promise.all([target.close(), pushed.close(), notified.close()]);
		if (process.env['CAPSCHEDULER_TEST_KEEP'] === undefined) {
			await rm(folder, { recursive: true, force: true });
		}
	});

	it(
		'gives every occurrence one outcome, every run one end, and every target at least one call under one key',
		async () => {
			const random = randomFrom(SEED);
			const settings = {
				CAPSCHEDULER_DATA_DIR: folder,
				CAPSCHEDULER_LEASE: '3s',
				CAPSCHEDULER_SMALLEST_INTERVAL: '1s',
				CAPSCHEDULER_NOTIFY_AFTER: '3s',
			};
			const first = await startEngineProcess(settings);
			const key = first.firstKey ?? '';
			// Enough occurrences that work goes on until the last kill: about two seconds for each.
			const limit = KILLS * 2 + 5;
			const schedules = await createOracleSchedules(
				createClient(first.url, key),
				{ target: target.url, pushed: pushed.url, notified: notified.url },
				{ schedules: SCHEDULES, limit },
			);
			await pause(300);
			await first.kill();

			for (let kill = 0; kill < KILLS; kill++) await lifeAndDeath(settings, random, kill);

			const last = await startEngineProcess(settings);
			const client = createClient(last.url, key);
			await until(() => isQuiet(folder));
			for (const id of schedules) await checkOracleSchedule(client, id, limit);
			const runs = await listAll<RunView>(client, '/v1/runs');
			checkSends(runs);
			await last.kill('SIGTERM');
			const left = count(
				folder,
				`SELECT count(*) FROM agenda_jobs WHERE name NOT LIKE 'maintenance.%'`,
			);
			expect(left).toBe(0);
			expect(query(folder, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
		},
		KILLS * 8_000 + 120_000,
	);

	/** At least one call for each run, under the run's own key and with epochs that never fall. */
	function checkSends(runs: readonly RunView[]): void {
		const ids = runs.map(({ id }) => id).sort();
		const calls = Map.groupBy(target.received, ({ headers }) => headers['idempotency-key']);
		expect([...calls.keys()].sort()).toEqual(ids);
		for (const [id, received] of calls) {
			const envelopes = received.map(({ body }) => JSON.parse(body.toString()) as Envelope);
			expect(new Set(envelopes.map(({ requestId }) => requestId))).toEqual(new Set([id]));
			const epochs = envelopes.map(({ epoch }) => epoch);
			expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
			expect(new Set(epochs).size).toBe(epochs.length);
		}
		expect(idsByRun(pushed, ({ headers }) => String(headers['x-capscheduler-run']))).toEqual(ids);
		expect(idsByRun(notified, ({ body }) => noticeOf(body).data.runId)).toEqual(ids);
		const bodies = Map.groupBy(pushed.received, ({ headers }) => headers['webhook-id']);
		for (const same of bodies.values()) {
			expect(new Set(same.map(({ sha256 }) => sha256)).size).toBe(1);
		}
	}

	/** The runs that were told of, after showing that each was told of under one webhook-id. */
	function idsByRun(receiver: Receiver, runOf: (received: Received) => string): string[] {
		const ids = new Map<string, Set<string>>();
		for (const received of receiver.received.filter(({ complete }) => complete)) {
			const run = runOf(received);
			const known = ids.get(run) ?? new Set();
			ids.set(run, known.add(String(received.headers['webhook-id'])));
		}
		expect([...ids].filter(([, webhookIds]) => webhookIds.size !== 1)).toEqual([]);
		return [...ids.keys()].sort();
	}
});

/** Starts the engine with a fault in store for it, and ends it when the fault did not. */
async function lifeAndDeath(
	settings: Record<string, string>,
	random: () => number,
	kill: number,
): Promise<void> {
	const point = POINTS[kill % POINTS.length] ?? '';
	const action = ACTIONS[Math.floor(random() * ACTIONS.length)] ?? 'kill';
	const count = 1 + Math.floor(random() * 12);
	// Every third dies at a random moment instead of at a named point.
	const fault: Record<string, string> =
		kill % 3 === 2 ? {} : { CAPSCHEDULER_FAULT: `${point}:${count}:${action}` };
	let engine: EngineProcess;
	try {
		engine = await startEngineProcess({ ...settings, ...fault });
	} catch (error) {
		if (error instanceof EngineDied) return;
		throw error;
	}
	await Promise.race([engine.ended, pause(200 + random() * 1200)]);
	await engine.kill();
}

async function pause(milliseconds: number): Promise<void> {
	await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function until(condition: () => boolean): Promise<void> {
	while (!condition()) await pause(100);
}

interface Envelope {
	requestId: string;
	epoch: number;
}

function noticeOf(body: Buffer): { data: { runId: string } } {
	return JSON.parse(body.toString()) as { data: { runId: string } };
}

/** The store, read from outside: other processes may read it at any time. */
function query(folder: string, sql: string): unknown[] {
	const database = new DatabaseSync(join(folder, 'capscheduler.db'), { readOnly: true });
	try {
		return database
			.prepare(sql)
			.all()
			.map((row) => ({ ...row }));
	} finally {
		database.close();
	}
}

function count(folder: string, sql: string): number {
	return Object.values(query(folder, sql)[0] as Record<string, number>)[0] ?? Number.NaN;
}

/** All schedules are completed, and nothing that was begun is open. */
function isQuiet(folder: string): boolean {
	const open = count(
		folder,
		`SELECT (SELECT count(*) FROM schedules WHERE state <> 'completed')
			+ (SELECT count(*) FROM runs WHERE state IN ('queued', 'running', 'waiting', 'retrying'))
			+ (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending', 'failed'))
			+ (SELECT count(*) FROM notifications WHERE state IN ('pending', 'sending', 'failed'))`,
	);
	return open === 0;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { spawnCli } from '../support/cli.ts';
import {
	createClient,
	killEngines,
	listAll,
	startEngineProcess,
} from '../support/engine-process.ts';
import type { Oracle } from '../support/oracle-run.ts';
import { startOracle } from '../support/oracle-run.ts';
import type { Client } from '../support/oracle-schedule.ts';
import { newSchema, urlOf } from '../support/postgres-store.ts';
import { sharedSettings } from '../support/shared-engines.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { MongoServer } from './mongo.ts';
import { databaseUrl, startMongo } from './mongo.ts';
import type { PostgresServer } from './postgres.ts';
import { startPostgres } from './postgres.ts';

/*
 * Embedded, PostgreSQL, MongoDB's protocol, embedded: with schedules that go on being due all the while, and a run
 * that is in flight when its engine is killed. The list of instants is arithmetic of the test.
 */

const LIMIT = 25;

let postgres: PostgresServer;
let mongo: MongoServer;
let oracle: Oracle;
let slow: Receiver;
let folder: string;

beforeAll(async () => {
	[postgres, mongo] = await Promise.all([startPostgres(), startMongo('wiredtiger')]);
	oracle = await startOracle();
	slow = await startReceiver();
	folder = await mkdtemp(join(tmpdir(), 'cap-migrate-'));
}, 300_000);
afterAll(async () => {
	await killEngines();
	await Promise.all([oracle.close(), slow.close(), postgres.stop(), mongo.stop()]);
	await rm(folder, { recursive: true, force: true });
});

const settingsOf = (store: string, dataDir = 'scratch'): Record<string, string> =>
	sharedSettings(join(folder, dataDir), store);

async function move(from: string, to: string): Promise<Record<string, unknown>> {
	const done = await spawnCli(['migrate', '--from', from, '--to', to, '--json']);
	if (done.code !== 0) throw new Error(`${from} to ${to}: ${done.code} ${done.stderr}`);
	return done.json();
}

/** Waits until that many more occurrences have their outcome. */
async function untilDecided(client: Client, schedules: readonly string[], more: number) {
	const count = async (): Promise<number> => {
		const ledgers = schedules.map(async (id) =>
			listAll(client, `/v1/schedules/${id}/occurrences?outcome=decided`),
		);
		return (await Promise.all(ledgers)).flat().length;
	};
	const wanted = Math.min((await count()) + more, schedules.length * LIMIT);
	while ((await count()) < wanted) await pause(100);
}

async function pause(milliseconds: number): Promise<void> {
	await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Nothing that was begun is open in the data folder. */
function openIn(dataDir: string): number {
	const db = new DatabaseSync(join(dataDir, 'capscheduler.db'), { readOnly: true });
	try {
		const row = db
			.prepare(
				`SELECT (SELECT count(*) FROM schedules WHERE state <> 'completed')
				+ (SELECT count(*) FROM runs WHERE lookAt IS NOT NULL)
				+ (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending', 'failed'))
				+ (SELECT count(*) FROM notifications WHERE state IN ('pending', 'sending', 'failed')) AS open`,
			)
			.get() as { open: number };
		return row.open;
	} finally {
		db.close();
	}
}

interface RunDetails {
	state: string;
	attempts: { outcome: string }[];
}

describe('a store that is moved from one kind to the next, and back', () => {
	it('misses no occurrence, doubles none, and ends the run that was in flight', async () => {
		const [first, last] = [join(folder, 'first'), join(folder, 'last')];
		const onPostgres = urlOf(postgres.port, newSchema());
		const onMongo = databaseUrl(mongo);
		let answering = false;
		slow.answer = (_request, response) => {
			// the first one is never answered
			if (answering) response.setHeader('content-type', 'application/json').end('[]');
		};

		let engine = await startEngineProcess(settingsOf('sqlite', 'first'));
		const key = engine.firstKey ?? '';
		const client = (): Client => createClient(engine.url, key);
		const job = await oracle.schedule(client(), { schedules: 4, limit: LIMIT });
		await client()('PUT', '/v1/capabilities/slow', {
			binding: { type: 'http', url: slow.url },
			actions: { go: {} },
		});
		const path = '/v1/capabilities/slow/actions/go/invoke';
		const { id: inFlight } = await client()<{ id: string }>('POST', path, {});
		while (slow.received.length === 0) await pause(50);
		await untilDecided(client(), job.schedules, 4);
		await expectRefused(settingsOf('sqlite', 'first'), ['--from', `sqlite:${first}`]);
		await engine.kill();

		await move(`sqlite:${first}`, onPostgres);
		answering = true;
		await expectNoStart(settingsOf('sqlite', 'first'), 'was moved to postgres://');
		engine = await startEngineProcess(settingsOf(onPostgres));
		await untilDecided(client(), job.schedules, 8);
		await untilEnded(client(), inFlight);
		const { attempts } = await client()<RunDetails>('GET', `/v1/runs/${inFlight}`);
		expect(attempts.map(({ outcome }) => outcome)).toEqual(['unknown', 'succeeded']);
		await expectRefused({}, ['--from', onPostgres], 'an engine works on');
		await engine.kill('SIGTERM');

		await move(onPostgres, onMongo);
		await expectNoStart(settingsOf(onPostgres), 'was moved to mongodb://');
		engine = await startEngineProcess(settingsOf(onMongo));
		await untilDecided(client(), job.schedules, 8);
		await engine.kill();

		const report = await move(onMongo, `sqlite:${last}`);
		expect(report).toMatchObject({ missing: [], resumed: false });
		engine = await startEngineProcess(settingsOf('sqlite', 'last'));
		while (openIn(last) > 0) await pause(100);
		await oracle.check(client(), job);
		await engine.kill('SIGTERM');
		const doctor = await spawnCli(['doctor', '--json'], settingsOf('sqlite', 'last'));
		expect(doctor.json()).toMatchObject({ ok: true });
	}, 300_000);
});

async function untilEnded(client: Client, id: string): Promise<void> {
	for (;;) {
		const { state } = await client<RunDetails>('GET', `/v1/runs/${id}`);
		if (state === 'succeeded') return;
		await pause(100);
	}
}

/** While an engine works on the old store, or on the new one. */
async function expectRefused(
	settings: Record<string, string>,
	from: readonly string[],
	because = 'is in use',
): Promise<void> {
	const to = urlOf(postgres.port, newSchema());
	const { code, stderr } = await spawnCli(['migrate', ...from, '--to', to], settings);
	expect(code).toBe(1);
	expect(stderr).toContain(because);
}

async function expectNoStart(settings: Record<string, string>, because: string): Promise<void> {
	const { code, stderr } = await spawnCli(['start'], { ...settings, CAPSCHEDULER_PORT: '0' });
	expect(code).toBe(1);
	expect(stderr).toContain(because);
}

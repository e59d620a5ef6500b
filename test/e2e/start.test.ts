import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { nextSteps } from '../../engine/cli/start.ts';
import { runCli } from '../support/cli.ts';
import { paste } from '../support/doc-blocks.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { EngineDied, createClient, startEngineProcess } from '../support/engine-process.ts';

/* The first start, the second, and the end. */

let folder: string;
let settings: Record<string, string>;
const engines: EngineProcess[] = [];

async function start(more: Record<string, string> = {}): Promise<EngineProcess> {
	const engine = await startEngineProcess({ ...settings, ...more });
	engines.push(engine);
	return engine;
}

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'capscheduler-start-'));
	settings = { CAPSCHEDULER_DATA_DIR: join(folder, 'data') };
});

afterEach(async () => {
	for (const engine of engines.splice(0)) await engine.kill('SIGKILL');
	await rm(folder, { recursive: true, force: true });
});

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

async function logged(engine: EngineProcess, words: string): Promise<void> {
	while (!engine.log().includes(words)) await nextTurn();
}

const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('start', () => {
	it('needs nothing, prints an admin key once, and keeps the data to its owner', async () => {
		const first = await start();
		expect(first.firstKey).toMatch(/^csk_key_/);
		const me = await createClient(first.url, first.firstKey ?? '')('GET', '/v1/me');
		expect(me).toMatchObject({ tenant: 'default', scopes: ['admin'] });
		expect(await mode(join(folder, 'data'))).toBe(0o700);
		expect(await mode(join(folder, 'data', 'engine.key'))).toBe(0o600);
		await first.kill('SIGTERM');

		const second = await start();
		expect(second.firstKey).toBeNull();
		expect(await createClient(second.url, first.firstKey ?? '')('GET', '/v1/me')).toEqual(me);
	});

	it('prints lines that work as they are', async () => {
		const { url, firstKey } = await start();
		const lines = nextSteps({ url, firstKey, loopback: true });
		const [output = ''] = await paste([lines.slice(1).join('\n')], { cwd: folder, variables: {} });
		expect(output).toContain('"name":"health"');
		expect(output).toContain('"scheduleId":"sch_');
		expect(output).toContain('"items":[');
		expect(output).not.toContain('"errors"');
	});

	it('drains on SIGTERM and ends well', async () => {
		const engine = await start();
		await engine.kill('SIGTERM');
		expect(await engine.ended).toEqual({ code: 0, signal: null });
		expect(engine.log()).toContain('engine stopped');
	});

	it('exits at once on a second signal', async () => {
		const engine = await start();
		const client = createClient(engine.url, engine.firstKey ?? '');
		const called = Promise.withResolvers<void>();
		const silent = createServer(() => {
			called.resolve(); // and never answers
		}).listen(0, '127.0.0.1');
		silent.unref();
		await once(silent, 'listening');
		const { port } = silent.address() as AddressInfo;
		await client('PUT', '/v1/capabilities/silent', {
			binding: { type: 'http', url: `http://127.0.0.1:${port}/` },
			actions: { wait: {} },
		});
		await client('POST', '/v1/capabilities/silent/actions/wait/invoke', {});
		await called.promise;
		process.kill(engine.pid, 'SIGTERM');
		await logged(engine, 'engine drains');
		process.kill(engine.pid, 'SIGTERM');
		expect(await engine.ended).toEqual({ code: 143, signal: null });
		silent.closeAllConnections();
		silent.close();
	});

	it('goes on from a backup that was taken while it ran', async () => {
		const engine = await start();
		const client = createClient(engine.url, engine.firstKey ?? '');
		await client('PUT', '/v1/capabilities/health', {
			binding: { type: 'http', url: `${engine.url}/healthz`, secret: SECRET },
			actions: { check: {} },
		});
		await client('POST', '/health/schedule', { action: 'check', time: 'in 1h', name: 'kept' });
		const [from, to] = [join(folder, 'data'), join(folder, 'restored')];
		await mkdir(to);
		const database = new DatabaseSync(join(from, 'capscheduler.db'), { readOnly: true });
		await backup(database, join(to, 'capscheduler.db'));
		database.close();
		await cp(join(from, 'blobs'), join(to, 'blobs'), { recursive: true });
		await cp(join(from, 'engine.key'), join(to, 'engine.key'));

		const { url } = await start({ CAPSCHEDULER_DATA_DIR: to });
		const schedules = await createClient(url, engine.firstKey ?? '')('GET', '/v1/schedules');
		expect(schedules).toMatchObject({ items: [{ name: 'kept', status: 'active' }] });
	});

	it('refuses a data folder that another engine holds', async () => {
		const { pid } = await start();
		const second = start();
		await expect(second).rejects.toThrow(EngineDied);
		await expect(second).rejects.toThrow(`in use by another engine (pid ${pid})`);
	});

	it('takes an admin key from outside, and prints none', async () => {
		const key = (await runCli(['keys', 'generate'])).stdout.trim();
		const { url, firstKey } = await start({ CAPSCHEDULER_ADMIN_KEY: key });
		expect(firstKey).toBeNull();
		expect(await createClient(url, key)('GET', '/v1/me')).toMatchObject({ scopes: ['admin'] });
	});

	it('gives back an admin key that was lost, while the engine is stopped', async () => {
		const first = await start();
		const held = await runCli(['keys', 'create', 'rescue', '--local'], settings);
		expect(held).toMatchObject({ code: 1, stderr: expect.stringContaining('in use') });
		await first.kill('SIGTERM');
		const made = await runCli(['keys', 'create', 'rescue', '--local'], settings);
		expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^csk_/) });
		const token = made.stdout.split('\n')[0] ?? '';
		const { url } = await start();
		expect(await createClient(url, token)('GET', '/v1/me')).toMatchObject({ scopes: ['admin'] });
	});
});

describe('doctor', () => {
	const look = async (more: Record<string, string> = {}, ...options: string[]) => {
		const result = await runCli(['doctor', '--json', ...options], { ...settings, ...more });
		const { checks } = result.json() as {
			checks: { name: string; status: string; message: string }[];
		};
		return { code: result.code, checks };
	};

	it('finds nothing wrong before the first start, while it runs, and after', async () => {
		expect(await look()).toMatchObject({ code: 0 });
		const engine = await start();
		const port = new URL(engine.url).port;
		const running = await look({ CAPSCHEDULER_PORT: port });
		expect(running.code).toBe(0);
		expect(running.checks).toContainEqual(
			expect.objectContaining({ name: 'engine', message: expect.stringContaining('ready at') }),
		);
		await engine.kill('SIGTERM');
		const stopped = await look();
		expect(stopped.code).toBe(0);
		expect(stopped.checks).toContainEqual(expect.objectContaining({ name: 'store', status: 'ok' }));
	});

	it('finds settings, folders and permissions that are wrong', async () => {
		expect(await look({ CAPSCHEDULER_PORT: 'x', CAPSCHEDULER_LEASE: 'y' })).toMatchObject({
			code: 1,
			checks: [{ name: 'node' }, { status: 'problem' }, { status: 'problem' }],
		});
		const { code, checks } = await look({ CAPSCHEDULER_FILE_ROOTS: join(folder, 'nowhere') });
		expect(code).toBe(1);
		expect(checks).toContainEqual(
			expect.objectContaining({ name: 'file root', status: 'problem' }),
		);
	});

	it('--repair mends a store that was broken by hand, and says so once; not while the engine runs', async () => {
		const engine = await start();
		const client = createClient(engine.url, engine.firstKey ?? '');
		await client('PUT', '/v1/capabilities/rows', {
			binding: { type: 'http', url: 'http://127.0.0.1:9/' },
			actions: { go: {} },
		});
		const made = { action: 'go', time: '2090-01-01T00:00:00Z' };
		for (let n = 0; n < 2; n++) await client('POST', '/rows/schedule', made);
		const refused = await look({ CAPSCHEDULER_PORT: new URL(engine.url).port }, '--repair');
		expect(refused.code).toBe(1);
		expect(refused.checks).toContainEqual(
			expect.objectContaining({ name: 'repair', status: 'problem' }),
		);
		await engine.kill('SIGTERM');

		const store = new DatabaseSync(join(folder, 'data', 'capscheduler.db'));
		store.exec(`DELETE FROM agenda_jobs WHERE id = (SELECT id FROM agenda_jobs WHERE name = 'schedule.due' LIMIT 1);
			UPDATE agenda_jobs SET id = 'schedule.due:sch_gone' WHERE name = 'schedule.due';
			UPDATE tallies SET count = count + 1;
			INSERT INTO delivery_attempts (deliveryId, attempt, epoch, startedAt, endedAt, outcome)
				VALUES ('dlv_gone', 1, 1, 0, 0, 'delivered')`);
		store.close();
		const loose = join(folder, 'data', 'blobs', 'ab');
		await mkdir(loose, { recursive: true });
		await writeFile(join(loose, 'c'.repeat(62)), 'bytes');
		await utimes(join(loose, 'c'.repeat(62)), 0, 0);

		const found = await look();
		expect(found.code).toBe(1);
		const problems = ['SCHEDULE_WITHOUT_TIMER', 'COUNT_WRONG'];
		const said = found.checks.map(({ name }) => name);
		for (const name of [...problems, 'TIMER_WITHOUT_WORK', 'BLOB_UNREFERENCED']) {
			expect(said).toContain(name);
		}
		const repaired = await look({}, '--repair');
		expect(repaired.code).toBe(0);
		const mended = repaired.checks.filter(({ status }) => status === 'mended');
		expect(mended.map(({ name }) => name)).toEqual([
			'ORPHAN',
			'TIMER_WITHOUT_WORK',
			'HEALED',
			'COUNT_WRONG',
			'BLOB_UNREFERENCED',
		]);
		const again = await look({}, '--repair');
		expect(again.code).toBe(0);
		expect(again.checks).toContainEqual({
			name: 'repair',
			status: 'ok',
			message: 'nothing to mend',
		});
		expect(again.checks.filter(({ status }) => status !== 'ok')).toEqual([]);
		expect(await readdir(loose)).toEqual([]);
	});
});

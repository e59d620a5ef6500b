import { randomBytes } from 'node:crypto';
import {
	appendFile,
	mkdir,
	mkdtemp,
	readdir,
	readFile,
	rm,
	stat,
	writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import { runCli } from '../support/cli.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { createClient, killEngines, startEngineProcess } from '../support/engine-process.ts';

/* Backups of a data folder that an engine writes to, and engines on what was restored of them. */

/** More than is kept in the database itself, so it is a file. */
const LARGE = 40_000;
const INVOKE = '/v1/capabilities/reports/actions/make/invoke';
const WAIT = { prefer: 'wait=30' };

let folder: string;
let data: string;
let engine: EngineProcess;
let target: CapabilityServer;
let api: ReturnType<typeof createClient>;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'capscheduler-backup-'));
	data = join(folder, 'data');
	target = await new CapabilityServer().start();
	target.on('/large', (response) => {
		response.writeHead(200, { 'content-type': 'text/plain' });
		response.end(randomBytes(LARGE / 2).toString('hex'));
	});
	engine = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: data });
	api = createClient(engine.url, engine.firstKey ?? '');
	await api('PUT', '/v1/capabilities/reports', {
		binding: { type: 'http', url: target.url('/large'), envelope: false },
		actions: { make: {} },
	});
	await api('POST', '/v1/destinations', {
		name: 'hook',
		channel: 'webhook',
		settings: { url: target.url('/hook') },
	});
});
afterAll(async () => {
	await killEngines();
	await target.close();
	await rm(folder, { recursive: true, force: true });
});

/** Runs it and waits for its end. */
async function makeRun(): Promise<string> {
	const { id } = await api<{ id: string }>('POST', INVOKE, {}, WAIT);
	return id;
}

const capscheduler = (dataDir: string, ...args: string[]) =>
	runCli(args, { CAPSCHEDULER_DATA_DIR: dataDir });

async function blobNames(place: string): Promise<string[]> {
	const entries = await readdir(join(place, 'blobs'), { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => entry.isFile())
		.map(({ parentPath, name }) => parentPath.slice(-2) + name);
}

describe('a backup', () => {
	it('is whole although the engine works meanwhile, and an engine goes on with what was restored', async () => {
		const before = await makeRun();
		let working = true;
		const meanwhile = (async () => {
			while (working) await makeRun();
		})();
		const place = join(folder, 'whole');
		const made = await capscheduler(data, 'backup', place, '--with-key', '--json');
		working = false;
		await meanwhile;
		expect(made.stderr).toBe('');
		expect(made.code).toBe(0);
		expect(made.json()).toMatchObject({ missing: [], key: true });

		const restored = join(folder, 'restored');
		const done = await capscheduler(restored, 'restore', place);
		expect([done.code, done.stderr]).toEqual([0, '']);
		expect((await stat(join(restored, 'engine.key'))).mode & 0o777).toBe(0o600);
		const other = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: restored });
		const there = createClient(other.url, engine.firstKey ?? '');
		const { items } = await there<{ items: { id: string; state: string }[] }>(
			'GET',
			'/v1/runs?limit=200',
		);
		expect(items.map(({ id }) => id)).toContain(before);
		for (const { id, state } of items) {
			if (state !== 'succeeded') continue;
			const answer = await fetch(`${other.url}/v1/runs/${id}/result`, {
				headers: { authorization: `Bearer ${engine.firstKey ?? ''}` },
			});
			expect((await answer.text()).length).toBe(LARGE);
		}
		// a secret made before opens with the key that came along
		const { id } = await there<{ id: string }>('POST', INVOKE, {}, WAIT);
		expect(await there('GET', `/v1/runs/${id}`)).toMatchObject({ state: 'succeeded' });
		await other.kill('SIGTERM');
		const healthy = await capscheduler(restored, 'doctor', '--json');
		expect(healthy.json()['checks']).not.toContainEqual(
			expect.objectContaining({ status: 'problem' }),
		);
	});

	it('made again into the same folder copies what is new, and lets go of what is no longer there', async () => {
		const place = join(folder, 'again');
		await makeRun();
		await capscheduler(data, 'backup', place);
		const stray = join(place, 'blobs', 'ab', 'c'.repeat(62));
		await mkdir(join(stray, '..'), { recursive: true });
		await writeFile(stray, 'of a run that retention has removed');
		await makeRun();
		const again = await capscheduler(data, 'backup', place, '--json');
		expect(again.json()['copied']).toBe(1);
		expect((await blobNames(place)).sort()).toEqual((await blobNames(data)).sort());
		await expect(stat(stray)).rejects.toThrow('ENOENT');
	});

	it('has no key unless asked, and says what to do about it', async () => {
		const place = join(folder, 'keyless');
		const made = await capscheduler(data, 'backup', place);
		expect([made.code, made.stderr]).toEqual([
			0,
			expect.stringContaining('key that opens secrets'),
		]);
		expect(await readdir(place)).not.toContain('engine.key');
		const restored = await capscheduler(join(folder, 'keyless-data'), 'restore', place);
		expect(restored.stderr).toContain('CAPSCHEDULER_KEYS');
	});

	it('goes neither into the data folder nor over something else', async () => {
		expect(await capscheduler(data, 'backup', join(data, 'inside'))).toMatchObject({
			code: 2,
			stderr: expect.stringContaining('outside of the data folder'),
		});
		const taken = await mkdtemp(join(folder, 'taken-'));
		await writeFile(join(taken, 'thesis.txt'), 'mine');
		expect(await capscheduler(data, 'backup', taken)).toMatchObject({ code: 2 });
		expect(await readFile(join(taken, 'thesis.txt'), 'utf8')).toBe('mine');
		const shared = await runCli(['backup', join(folder, 'shared')], {
			CAPSCHEDULER_STORE: 'postgres://cap:secret@127.0.0.1:1/cap',
			CAPSCHEDULER_KEYS: `k1:${randomBytes(32).toString('base64')}`,
		});
		expect([shared.code, shared.stderr]).toEqual([
			2,
			expect.stringMatching(/pg_dump.*capscheduler export/s),
		]);
		expect(shared.stderr).not.toContain('secret');
		const nothing = await capscheduler(
			join(folder, 'nothing'),
			'backup',
			join(folder, 'of-nothing'),
		);
		expect([nothing.code, nothing.stderr]).toEqual([
			2,
			expect.stringContaining('found no capscheduler.db'),
		]);
	});
});

describe('restoring', () => {
	it('refuses a backup that is damaged, newer or not finished, and a folder that is in use', async () => {
		const place = join(folder, 'damaged');
		await makeRun();
		await capscheduler(data, 'backup', place);
		const into = join(folder, 'never');
		expect(await capscheduler(data, 'restore', place)).toMatchObject({
			code: 2,
			stderr: expect.stringContaining('does not exist or is empty'),
		});

		const [blob = ''] = await blobNames(place);
		const file = join(place, 'blobs', blob.slice(0, 2), blob.slice(2));
		const good = await readFile(file);
		await writeFile(file, Buffer.from(good).fill(0, 0, 1));
		expect(await capscheduler(into, 'restore', place)).toMatchObject({
			code: 2,
			stderr: expect.stringContaining('not those that were backed up'),
		});
		expect(await readdir(into)).not.toContain('capscheduler.db');
		await writeFile(file, good);
		await rm(into, { recursive: true });

		await appendFile(join(place, 'capscheduler.db'), 'x');
		expect(await capscheduler(into, 'restore', place)).toMatchObject({
			code: 2,
			stderr: expect.stringContaining('capscheduler.db: its bytes'),
		});
		const manifest = JSON.parse(await readFile(join(place, 'backup.json'), 'utf8')) as object;
		await writeFile(join(place, 'backup.json'), JSON.stringify({ ...manifest, schema: 999 }));
		expect(await capscheduler(into, 'restore', place)).toMatchObject({
			code: 2,
			stderr: expect.stringContaining('made by a newer engine'),
		});
		await rm(join(place, 'backup.json'));
		expect(await capscheduler(into, 'restore', place)).toMatchObject({
			code: 2,
			stderr: expect.stringContaining('expected a backup that was finished'),
		});
	});
});

import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import { runCli } from '../support/cli.ts';
import type { Bed } from '../support/engine.ts';
import { startBed } from '../support/engine.ts';

const keyOf = (fill: number): string => Buffer.alloc(32, fill).toString('base64');
const SECRET = `whsec_${keyOf(5)}`;

let bed: Bed;
let server: CapabilityServer;
let settings: Record<string, string>;
let out: string;

beforeEach(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed({ CAPSCHEDULER_KEYS: `k1:${keyOf(1)}` });
	out = join(bed.folder, 'export');
	settings = {
		CAPSCHEDULER_DATA_DIR: join(bed.folder, 'data'),
		CAPSCHEDULER_KEYS: `k1:${keyOf(1)}`,
	};
	await writeFile(join(bed.folder, 'pass'), 'correct horse battery\n');
	await fill();
});
afterEach(async () => {
	await bed.close();
	await server.close();
});

/** A destination with a secret, a schedule that delivers there, and a run that did. */
async function fill(): Promise<void> {
	const hook = server.on('/hook', (response) => response.end('{}'));
	const go = server.on('/go', (response) => {
		response
			.setHeader('content-type', 'application/json')
			.end(JSON.stringify(Array.from({ length: 5000 }, (_, id) => ({ id, name: `row ${id}` }))));
	});
	await bed.register('reports', go, { binding: { authorization: 'Bearer x' } });
	await bed.admin.post('/v1/destinations', {
		name: 'crm',
		channel: 'webhook',
		settings: { url: hook, secret: SECRET },
	});
	const { scheduleId } = await bed.schedule('reports', {
		timing: { every: '1h' },
		delivery: { targets: [{ destination: 'crm', format: 'csv' }] },
	});
	const { body } = await bed.admin.post(`/v1/schedules/${scheduleId}/trigger`, {});
	const run = await bed.runIn(body.id ?? body.runId);
	for (const { id } of run.deliveries) await bed.deliveryIn(id, 'delivered');
}

const other = (dataDir: string, keys = `k9:${keyOf(9)}`): Record<string, string> => ({
	CAPSCHEDULER_DATA_DIR: join(bed.folder, dataDir),
	CAPSCHEDULER_KEYS: keys,
});

describe('capscheduler export and import', () => {
	it('carry everything, secrets under a passphrase, to an engine with other keys', async () => {
		const pass = ['--passphrase-file', join(bed.folder, 'pass')];
		// while the engine runs
		const done = await runCli(['export', out, ...pass, '--json'], settings);
		expect(done.stderr).toBe('');
		expect(done.code).toBe(0);
		const text = await readFile(join(out, 'destinations.ndjson'), 'utf8');
		expect(text).not.toContain(SECRET);
		expect(text).not.toContain('v1.k1.');

		const wrong = join(bed.folder, 'wrong');
		await writeFile(wrong, 'incorrect horse battery');
		const bad = await runCli(['import', out, '--passphrase-file', wrong], other('data2'));
		expect(bad).toMatchObject({ code: 2 });
		expect(bad.stderr).toContain('the passphrase is not that of the export');
		const none = await runCli(['import', out], other('data2'));
		expect(none.stderr).toContain('the export holds secrets under a passphrase');

		const imported = await runCli(['import', out, ...pass, '--json'], other('data2'));
		expect(imported.stderr).toBe('');
		expect(imported.json()).toMatchObject({ missing: [], resumed: false, keysLeftOut: 1 });
		const doctor = await runCli(['doctor', '--json'], other('data2'));
		expect(doctor.json()).toMatchObject({ ok: true });
		const twice = await runCli(['import', out, ...pass], other('data2'));
		expect(twice.stderr).toContain('expected an empty store');

		const made = await runCli(['keys', 'create', 'x', '--local', '--json'], other('data2'));
		const { token } = made.json() as { token: string };
		await bed.restart(0, other('data2'));
		const client = bed.client(token);
		const [schedule] = (await client.get('/v1/schedules')).body.items;
		server.received.length = 0;
		const { body } = await client.post(`/v1/schedules/${schedule.id}/trigger`, {});
		const id = (body.id ?? body.runId) as string;
		await bed.until(async () => {
			const run = (await client.get(`/v1/runs/${id}`)).body;
			return run.deliveries?.[0]?.state === 'delivered';
		});
		expect(server.received.map(({ url }) => url)).toEqual(['/go', '/hook']);
		expect(server.received[0]?.headers.authorization).toBe('Bearer x');
	});

	it('leave secrets out without a passphrase, and say what has to be entered again', async () => {
		const done = await runCli(['export', out], settings);
		expect(done.stderr).toContain('destination crm of default');
		expect(done.stderr).toContain('capability reports of default');
		expect(done.stderr).toMatch(/schedule sch_\w+ of default comes paused/);
		const imported = await runCli(['import', out], other('data2', settings['CAPSCHEDULER_KEYS']));
		expect(imported.code).toBe(0);
		expect(imported.stderr).toMatch(/schedule sch_\w+ of default comes paused/);
		await bed.restart(0, other('data2', settings['CAPSCHEDULER_KEYS']));
		// the same keys: API keys go along
		const { items } = (await bed.admin.get('/v1/destinations')).body;
		expect(items).toMatchObject([{ name: 'crm', enabled: false }]);
		// It would fail at each of its instants: it rests until somebody has entered what is missing, and resumes it.
		const schedules = (await bed.admin.get('/v1/schedules')).body.items;
		expect(schedules).toMatchObject([{ status: 'paused', pauseReason: 'secrets_missing' }]);
		expect((await bed.engine.context.store.counts()).timers).toBe(0);
		const resumed = await bed.admin.post(`/v1/schedules/${schedules[0].id}/resume`, {});
		expect(resumed.body).toMatchObject({ status: 'active', pauseReason: null });
		expect(await bed.engine.context.store.doctor(bed.clock.now())).toEqual([]);
	});

	it('refuse an export that was changed, or is not whole', async () => {
		await runCli(['export', out], settings);
		const again = await runCli(['export', out], settings);
		expect(again.stderr).toContain('one is there already');
		await appendFile(join(out, 'runs.ndjson'), '{}\n');
		const changed = await runCli(['import', out], other('data2'));
		expect(changed).toMatchObject({ code: 2 });
		expect(changed.stderr).toContain('runs.ndjson: expected the file that was exported');
		await rm(join(out, 'export.json'));
		const half = await runCli(['import', out], other('data2'));
		expect(half.stderr).toContain('expected an export');
	});

	it('carry one tenant alone', async () => {
		const done = await runCli(['export', out, '--tenant', 'acme', '--json'], settings);
		const { sections } = done.json() as { sections: Record<string, { records: number }> };
		expect(sections['schedules']?.records).toBe(0);
		expect(sections['specs']?.records).toBe(0);
	});
});

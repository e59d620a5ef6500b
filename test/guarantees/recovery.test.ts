import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import { createClient, killEngines, startEngineProcess } from '../support/engine-process.ts';
import type { DataFolder } from '../support/folder.ts';
import { makeDataFolder } from '../support/folder.ts';
import { holdCalls } from '../support/held-target.ts';

/* P6: what an engine held when it was killed goes on within its lease and 15 s; here: as soon as the next starts. */

const LEASE = 30_000;

let server: CapabilityServer;
let folder: DataFolder;
beforeAll(async () => {
	[server, folder] = await Promise.all([new CapabilityServer().start(), makeDataFolder()]);
});
afterAll(async () => {
	await killEngines();
	await Promise.all([server.close(), folder.remove()]);
});

describe('after kill -9', () => {
	it('the run goes on in the next engine under the same key, and what is unknown goes the way of onUnknown', async () => {
		const { url, calls } = holdCalls(server, '/work');
		const settings = { CAPSCHEDULER_DATA_DIR: folder.path, CAPSCHEDULER_LEASE: `${LEASE}ms` };
		const first = await startEngineProcess(settings);
		const key = first.firstKey ?? '';
		const before = createClient(first.url, key);
		await before('PUT', '/v1/capabilities/work', {
			binding: { type: 'http', url },
			actions: { go: {} },
		});
		const ids: Record<string, string> = {};
		for (const onUnknown of ['retry', 'fail', 'manual']) {
			const path = '/v1/capabilities/work/actions/go/invoke';
			const { id } = await before<{ id: string }>('POST', path, { policies: { onUnknown } });
			ids[onUnknown] = id;
			await calls.next();
		}

		const killedAt = performance.now();
		await first.kill('SIGKILL');
		const second = await startEngineProcess(settings);
		const again = await calls.next();
		expect(performance.now() - killedAt).toBeLessThan(LEASE + 15_000);
		expect(again.request.headers['idempotency-key']).toBe(ids['retry']);
		expect(again.envelope).toMatchObject({ attempt: 2, epoch: 2 });
		again.answer(200, [{ a: 1 }]);

		const after = createClient(second.url, key);
		const run = async (name: string) =>
			after<{
				state: string;
				held: boolean;
				attempts: { outcome: string }[];
				error: { code: string } | null;
			}>('GET', `/v1/runs/${ids[name]}`);
		while ((await run('retry')).state !== 'succeeded') await new Promise(setImmediate);
		expect((await run('retry')).attempts.map(({ outcome }) => outcome)).toEqual([
			'unknown',
			'succeeded',
		]);
		expect(await run('fail')).toMatchObject({
			state: 'failed',
			error: { code: 'OUTCOME_UNKNOWN' },
		});
		expect(await run('manual')).toMatchObject({ state: 'waiting', held: true });
		await after('POST', `/v1/runs/${ids['manual']}/rerun`);
		const manual = await calls.next();
		expect(manual.request.headers['idempotency-key']).toBe(ids['manual']);
		manual.answer(200, []);
		while ((await run('manual')).state !== 'succeeded') await new Promise(setImmediate);
		await second.kill('SIGTERM');
	});
});

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import { runCli } from '../support/cli.ts';
import type { Bed } from '../support/engine.ts';
import { startBed } from '../support/engine.ts';

const keyOf = (fill: number): string => Buffer.alloc(32, fill).toString('base64');
const OLD = `k1:${keyOf(1)}`;
const BOTH = `k2:${keyOf(2)},${OLD}`;

let bed: Bed;
let server: CapabilityServer;
beforeEach(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed({ CAPSCHEDULER_KEYS: OLD });
});
afterEach(async () => {
	await bed.close();
	await server.close();
});

/** Every secret that lies in the database, by the key that seals it. */
function sealedBy(dataDir: string): Record<string, number> {
	const db = new DatabaseSync(join(dataDir, 'capscheduler.db'), { readOnly: true });
	const found: Record<string, number> = {};
	for (const table of ['capabilities', 'destinations', 'specs', 'deliveries', 'notifications']) {
		const text = JSON.stringify(db.prepare(`SELECT * FROM ${table}`).all());
		for (const [, kid = ''] of text.matchAll(/v1\.(k\d)\.[\w-]{80}/g)) {
			found[kid] = (found[kid] ?? 0) + 1;
		}
	}
	db.close();
	return found;
}

describe('capscheduler keys rewrap', () => {
	it('puts every secret under the new key, so that the old one can go', async () => {
		const dataDir = join(bed.folder, 'data');
		const hook = server.on('/hook', (response) => response.end('{}'));
		const go = server.on('/go', (response) => {
			response.setHeader('content-type', 'application/json').end('[{"a":1}]');
		});
		await bed.register('reports', go, { binding: { authorization: 'Bearer x' } });
		const secret = `whsec_${keyOf(5)}`;
		const made = await bed.admin.post('/v1/destinations', {
			name: 'crm',
			channel: 'webhook',
			settings: { url: hook, secret },
		});
		expect(made.status).toBe(201);
		const target = { channel: 'webhook', settings: { url: hook, secret }, format: 'json' };
		await bed.schedule('reports', {
			timing: { every: '1h' },
			delivery: { targets: [{ destination: 'crm', format: 'json' }, target] },
			notify: [{ url: hook, secret, on: ['succeeded'] }],
		});
		await bed.engine.stop();
		const before = sealedBy(dataDir);
		expect(Object.keys(before)).toEqual(['k1']);

		const settings = { CAPSCHEDULER_DATA_DIR: dataDir, CAPSCHEDULER_KEYS: BOTH };
		const done = await runCli(['keys', 'rewrap', '--json'], settings);
		expect(done.stderr).toBe('');
		expect(done.json()).toMatchObject({ active: 'k2', forgotten: true });
		expect(sealedBy(dataDir)).toEqual({ k2: before['k1'] });
		const again = await runCli(['keys', 'rewrap', '--json'], settings);
		expect(again.json()).toMatchObject({ rewrapped: 0 });

		// What is sealed still opens: both targets get their signed file.
		await bed.restart(0, { CAPSCHEDULER_KEYS: BOTH });
		const [schedule] = (await bed.admin.get('/v1/schedules')).body.items;
		const run = await bed.admin.post(`/v1/schedules/${schedule.id}/trigger`, {});
		const over = await bed.runIn(run.body.id ?? run.body.runId);
		expect(over.state).toBe('succeeded');
		for (const { id } of over.deliveries) await bed.deliveryIn(id, 'delivered');
	});

	it('is refused by an engine that lacks a key of the store', async () => {
		await bed.engine.stop();
		const settings = {
			CAPSCHEDULER_DATA_DIR: join(bed.folder, 'data'),
			CAPSCHEDULER_KEYS: `k2:${keyOf(2)}`,
		};
		const { code, stderr } = await runCli(['keys', 'rewrap'], settings);
		expect(code).toBe(1);
		expect(stderr).toContain('sealed with the key "k1"');
	});
});

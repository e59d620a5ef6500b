import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import {
	EngineDied,
	createClient,
	killEngines,
	startEngineProcess,
} from '../support/engine-process.ts';
import type { DataFolder } from '../support/folder.ts';
import { makeDataFolder } from '../support/folder.ts';
import type { HeldCall } from '../support/held-target.ts';
import { holdCalls } from '../support/held-target.ts';
import type { Inbox } from '../support/inbox.ts';

/*
 * P3: `overlap: skip` never has two live leases of one schedule. The owner is stopped for longer than its lease
 * and goes on. The embedded store belongs to one engine, so nobody else can take the run meanwhile: a second
 * engine is refused. What is shown is that the owner, back again, holds one lease at a time and that the
 * epoch tells the target which request is the living one. (Several engines: on the shared stores.)
 */

const LEASE = 1_000;

let server: CapabilityServer;
let folder: DataFolder;
let engine: EngineProcess;
let calls: Inbox<HeldCall>;
beforeAll(async () => {
	[server, folder] = await Promise.all([new CapabilityServer().start(), makeDataFolder()]);
	const held = holdCalls(server, '/work');
	({ calls } = held);
	engine = await startEngineProcess(settings());
	const client = createClient(engine.url, engine.firstKey ?? '');
	await client('PUT', '/v1/capabilities/work', {
		binding: { type: 'http', url: held.url },
		actions: { go: {} },
	});
	await client('POST', '/work/schedule', {
		action: 'go',
		timing: { every: '1s' },
		policies: { overlap: 'skip', retry: { attempts: 50, delay: '100ms', backoff: 'fixed' } },
	});
});
afterAll(async () => {
	await killEngines();
	await Promise.all([server.close(), folder.remove()]);
});

const settings = (): Record<string, string> => ({
	CAPSCHEDULER_DATA_DIR: folder.path,
	CAPSCHEDULER_SMALLEST_INTERVAL: '1s',
	CAPSCHEDULER_LEASE: `${LEASE}ms`,
	CAPSCHEDULER_RATE_LIMIT: '0',
});
const live = (): { id: string; epoch: number; leaseUntil: number }[] =>
	folder.query(`SELECT id, epoch, leaseUntil FROM runs WHERE state IN ('running', 'waiting')`);

describe('an owner that stands still for longer than its lease', () => {
	it('holds one lease at a time before, meanwhile and after', async () => {
		const first = await calls.next();
		process.kill(engine.pid, 'SIGSTOP');
		const [held] = live();
		expect(held?.id).toBe(first.envelope.requestId);
		await expect(startEngineProcess(settings())).rejects.toThrow(EngineDied);
		while (Date.now() < (held?.leaseUntil ?? 0) + LEASE) await new Promise(setImmediate);
		expect(live()).toEqual([held]);

		process.kill(engine.pid, 'SIGCONT');
		first.answer(200, []);
		const seen = [first];
		while (seen.length < 3) {
			const call = await calls.next();
			seen.push(call);
			expect(live().length).toBeLessThanOrEqual(1);
			call.answer(200, []);
		}
		const epochs = Map.groupBy(seen, ({ envelope }) => envelope.requestId as string);
		for (const same of epochs.values()) {
			const rising = same.map(({ envelope }) => envelope.epoch as number);
			expect(rising).toEqual([...new Set(rising)].sort((a, b) => a - b));
		}
		const ledger = folder.query<{ outcome: string }>(
			'SELECT outcome FROM occurrences ORDER BY nominalAt',
		);
		expect(ledger.length).toBeGreaterThanOrEqual(3);
		expect(ledger.map(({ outcome }) => outcome)).toContain('skipped_overlap');
	});
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import type { EngineProcess } from '../support/engine-process.ts';
import { createClient, killEngines, startEngineProcess } from '../support/engine-process.ts';
import type { DataFolder } from '../support/folder.ts';
import { makeDataFolder } from '../support/folder.ts';
import type { HeldCall } from '../support/held-target.ts';
import { holdCalls } from '../support/held-target.ts';
import type { Inbox } from '../support/inbox.ts';

/* P13: SIGTERM under load loses nothing: what is in flight ends, nothing new begins, the rest is there for the next. */

let server: CapabilityServer;
let folder: DataFolder;
let engine: EngineProcess;
let calls: Inbox<HeldCall>;
beforeAll(async () => {
	server = await new CapabilityServer().start();
});
beforeEach(async () => {
	folder = await makeDataFolder();
});
afterEach(async () => {
	await killEngines();
	await folder.remove();
});
afterAll(async () => {
	await server.close();
});

/** An engine that is at four of ten runs. */
async function startBusy(more: Record<string, string> = {}): Promise<void> {
	const held = holdCalls(server, '/work');
	({ calls } = held);
	engine = await startEngineProcess({
		CAPSCHEDULER_DATA_DIR: folder.path,
		CAPSCHEDULER_CONCURRENCY: '4',
		...more,
	});
	const client = createClient(engine.url, engine.firstKey ?? '');
	await client('PUT', '/v1/capabilities/work', {
		binding: { type: 'http', url: held.url },
		actions: { go: {} },
	});
	for (let n = 0; n < 10; n++) await client('POST', '/v1/capabilities/work/actions/go/invoke', {});
	await calls.atLeast(4);
}

const states = (): Record<string, number> =>
	Object.fromEntries(
		folder
			.query<{ state: string; n: number }>('SELECT state, count(*) AS n FROM runs GROUP BY state')
			.map(({ state, n }) => [state, n]),
	);
const logged = async (text: string): Promise<void> => {
	while (!engine.log().includes(text)) await new Promise(setImmediate);
};

describe('SIGTERM', () => {
	it('lets what is in flight end, begins nothing new, and leaves with code 0', async () => {
		await startBusy();
		process.kill(engine.pid, 'SIGTERM');
		await logged('engine drains');
		const ready = await fetch(`${engine.url}/readyz`);
		expect(ready.status).toBe(503);
		for (const call of calls.all) call.answer(200, []);
		expect(await engine.ended).toEqual({ code: 0, signal: null });
		expect(calls.all).toHaveLength(4);
		expect(states()).toEqual({ succeeded: 4, queued: 6 });
		expect(folder.query('SELECT id FROM runs WHERE owner IS NOT NULL')).toEqual([]);

		// And the next engine does the rest, each once.
		engine = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: folder.path });
		const rest = (await calls.atLeast(10)).slice(4);
		for (const call of rest) call.answer(200, []);
		while (states()['succeeded'] !== 10) await new Promise(setImmediate);
		expect(calls.all).toHaveLength(10);
		expect(new Set(calls.all.map(({ envelope }) => envelope.requestId)).size).toBe(10);
		expect(new Set(calls.all.map(({ envelope }) => envelope.attempt))).toEqual(new Set([1]));
	});

	it('a second one ends it at once, and nothing is lost by that either', async () => {
		await startBusy();
		process.kill(engine.pid, 'SIGTERM');
		await logged('engine drains');
		process.kill(engine.pid, 'SIGTERM');
		const { code, signal } = await engine.ended;
		expect(code !== 0 || signal !== null).toBe(true);
		engine = await startEngineProcess({ CAPSCHEDULER_DATA_DIR: folder.path });
		for (let n = 4; n < 14; n++) (await calls.atLeast(n + 1))[n]?.answer(200, []);
		while (states()['succeeded'] !== 10) await new Promise(setImmediate);
	});

	it('breaks off what does not end in time, as an attempt whose outcome is unknown', async () => {
		await startBusy({ CAPSCHEDULER_DRAIN: '100ms' });
		const begun = performance.now();
		process.kill(engine.pid, 'SIGTERM');
		expect(await engine.ended).toEqual({ code: 0, signal: null });
		expect(performance.now() - begun).toBeLessThan(10_000);
		expect(folder.query('SELECT id FROM runs WHERE owner IS NOT NULL')).toEqual([]);
		expect(states()).toEqual({ retrying: 4, queued: 6 });
	});
});

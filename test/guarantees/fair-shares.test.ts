import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { CapabilityServer } from '../support/capability-server.ts';
import type { Bed } from '../support/engine.ts';
import { demand, startBed } from '../support/engine.ts';
import type { HeldCall } from '../support/held-target.ts';
import { holdCalls } from '../support/held-target.ts';
import type { Inbox } from '../support/inbox.ts';

/* A tenant with ten thousand runs in the queue keeps nobody with five of them waiting. */

const HANDS = 4;
const QUEUED = 10_000;

let server: CapabilityServer;
let bed: Bed;
let calls: Inbox<HeldCall>;
/** Calls that are in hand: not answered yet. */
const open: HeldCall[] = [];
beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed({
		CAPSCHEDULER_CONCURRENCY: String(HANDS),
		CAPSCHEDULER_TENANT_WEIGHTS: 'heavy=3',
	});
	const held = holdCalls(server, '/work');
	({ calls } = held);
	await bed.register('work', held.url);
});
afterAll(async () => {
	// an engine that goes waits for what it has in hand
	server.on('/work', (response) => response.end('[]'));
	for (const call of open) call.answer(200, []);
	await bed.close();
	await server.close();
});

const path = '/v1/capabilities/work/actions/go/invoke';

/** @returns how to invoke the same capability as another tenant */
async function tenantOf(
	name: string,
): Promise<(body?: Record<string, unknown>) => Promise<string>> {
	const client = bed.client(await bed.keyOf(['admin'], { tenant: name }));
	const binding = { type: 'http', url: server.url('/work') };
	demand(await client.put('/v1/capabilities/work', { actions: { go: {} }, binding }), 201);
	return async (body = {}) => demand(await client.post(path, body), 202).body.id as string;
}

async function queueMany(): Promise<void> {
	const { store, newId } = bed.engine.context;
	const first = await bed.invoke('work');
	const run = await store.getRun('default', first as `run_${string}`);
	if (run === null) throw new Error('no run');
	const again = { state: 'queued', owner: null, leaseUntil: null, epoch: 0, attempt: 0 } as const;
	for (let left = QUEUED; left > 0; left -= 1000) {
		const runs = Array.from({ length: 1000 }, () => ({ ...run, ...again, id: newId('run') }));
		await store.addRuns({ runs, specs: [], settle: [], events: [] });
	}
	bed.engine.context.wake.poke();
}

it('gives the next free hands to who has fewer than its share, and by priority within a tenant', async () => {
	await queueMany();
	for (let n = 0; n < HANDS; n++) open.push(await calls.next());
	const tenants = (): string[] => open.map(({ envelope }) => envelope.tenant as string);
	expect(tenants()).toEqual(Array(HANDS).fill('default'));

	const small = await tenantOf('small');
	const ids: string[] = [];
	for (const priority of [0, 0, 0, 0, 50]) ids.push(await small({ policies: { priority } }));
	const begun: string[] = [];
	const next = async (): Promise<void> => {
		const call = await calls.next();
		open.push(call);
		if (call.envelope.tenant === 'small') begun.push(call.envelope.requestId as string);
	};

	// Half of the hands are its own: the first two that become free.
	open.shift()?.answer(200, []);
	await next();
	open.shift()?.answer(200, []);
	await next();
	expect(tenants()).toEqual(['default', 'default', 'small', 'small']);
	expect(begun[0]).toBe(ids[4]);
	// It keeps them while it has work: of the other's ten thousand, none comes in between.
	for (let n = 0; n < 3; n++) {
		open.splice(2, 1)[0]?.answer(200, []);
		await next();
	}
	expect(tenants()).toEqual(['default', 'default', 'small', 'small']);
	expect([...begun].sort()).toEqual([...ids].sort());

	// A tenant of three times the weight gets three hands of four.
	for (const call of open.splice(2, 2)) {
		call.answer(200, []);
		await next();
	}
	const heavy = await tenantOf('heavy');
	for (let n = 0; n < 10; n++) await heavy();
	for (let n = 0; n < 3; n++) {
		open.shift()?.answer(200, []);
		await next();
	}
	expect(tenants()).toEqual(['default', 'heavy', 'heavy', 'heavy']);
});

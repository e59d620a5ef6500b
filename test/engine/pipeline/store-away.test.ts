import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { CapError } from '../../../engine/contract/errors.ts';
import type { Body } from '../../support/api.ts';
import { CapabilityServer } from '../../support/capability-server.ts';
import type { Bed } from '../../support/engine.ts';
import { startBed } from '../../support/engine.ts';
import type { Receiver } from '../../support/webhook-receiver.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

let server: CapabilityServer;
let bed: Bed;
let hook: Receiver;
let notified: Receiver;
const undo: (() => void)[] = [];

beforeAll(async () => {
	server = await new CapabilityServer().start();
	bed = await startBed();
	const url = server.on('/rows', (response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]');
	});
	await bed.register('rows', url);
});
beforeEach(async () => {
	[hook, notified] = await Promise.all([startReceiver(), startReceiver()]);
});
afterEach(async () => {
	for (const one of undo.splice(0)) one();
	await Promise.all([hook.close(), notified.close()]);
});
afterAll(async () => {
	await bed.close();
	await server.close();
});

/** That method fails so many times, as when the database is away. @returns how often it has */
function failing<T extends object>(on: T, name: keyof T, times: number): () => number {
	const whole = on[name] as (...args: unknown[]) => unknown;
	let failed = 0;
	on[name] = ((...args: unknown[]) => {
		if (failed === times) return whole.apply(on, args);
		failed++;
		throw new CapError('STORAGE_UNAVAILABLE', 'the database is away', { retry: 'later' });
	}) as T[keyof T];
	undo.push(() => {
		on[name] = whole as T[keyof T];
	});
	return () => failed;
}

/** More often than a webhook is tried. */
const OFTEN = 15;
const PUSHED = (): Body => ({
	delivery: { targets: [{ channel: 'webhook', settings: { url: hook.url }, format: 'csv' }] },
});

/** The first delivery or notification, once it is in that state and `when` holds. */
async function first(
	run: string,
	of: 'deliveries' | 'notifications',
	state: string,
	when: () => boolean = () => true,
): Promise<Body> {
	return bed.until(async () => {
		const found = (await bed.run(run))[of]?.[0];
		return found?.state === state && when() && found;
	});
}

describe('a store that is away', () => {
	it('uses up no attempt of a delivery, which goes back for five seconds, as often as it takes', async () => {
		const failures = failing(bed.engine.context.store.blobs, 'open', OFTEN);
		const run = await bed.invoke('rows', PUSHED());
		for (let n = 1; n <= OFTEN; n++) {
			const back = await first(run, 'deliveries', 'pending', () => failures() === n);
			expect([back.attempt, back.error.code]).toEqual([0, 'STORAGE_UNAVAILABLE']);
			bed.clock.advance(5_000);
		}
		expect((await first(run, 'deliveries', 'delivered')).attempt).toBe(1);
		expect(hook.received).toHaveLength(1);
	});

	it('uses up no attempt of a notification', async () => {
		const failures = failing(bed.engine.context.store, 'deliveriesOfRun', OFTEN);
		const run = await bed.invoke('rows', { callback: notified.url });
		for (let n = 1; n <= OFTEN; n++) {
			const back = await first(run, 'notifications', 'pending', () => failures() === n);
			expect([back.attempt, back.error.code]).toEqual([0, 'STORAGE_UNAVAILABLE']);
			bed.clock.advance(5_000);
		}
		expect((await first(run, 'notifications', 'delivered')).attempt).toBe(1);
		expect(notified.received).toHaveLength(1);
	});

	it('gives no alert up: it is told once the store is back', async () => {
		const settings = { url: notified.url };
		const ops = { name: 'ops', channel: 'webhook', settings, alerts: ['delivery_dead'] };
		await bed.admin.post('/v1/destinations', ops);
		hook.answer = (_, response) => {
			response.writeHead(410).end();
		};
		const run = await bed.invoke('rows', PUSHED());
		await first(run, 'deliveries', 'dead');
		await bed.until(async () => (await bed.events('alert.raised')).length > 0);
		const failures = failing(bed.engine.context.store, 'getDestination', 1);
		bed.clock.advance(5_000);
		while (failures() < 1) await new Promise((resolve) => setImmediate(resolve));
		const told = notified.next();
		bed.clock.advance(120_000);
		expect(JSON.parse((await told).body.toString())).toMatchObject({ type: 'alert' });
	});

	it('uses up no attempt of a run that was not begun', async () => {
		const id = await bed.schedule('rows', { timing: { in: '1m' } }).then((body) => body.scheduleId);
		const failures = failing(bed.engine.context.store, 'getCapability', OFTEN);
		bed.clock.advance(60_000);
		const { runId } = await bed.until(async () => (await bed.ledger(id as string))[0]);
		const run = await bed.runIn(runId as string);
		expect([run.state, run.attempt, failures()]).toEqual(['succeeded', 1, OFTEN]);
	});

	it('uses up no attempt of a run that was claimed and cannot be read', async () => {
		const { store } = bed.engine.context;
		const failures: (() => number)[] = [];
		const claim = store.claimRuns;
		store.claimRuns = async (...args) => {
			const runs = await claim.apply(store, args);
			if (runs.length > 0 && failures.length === 0)
				failures.push(failing(store, 'getSpecs', OFTEN));
			return runs;
		};
		undo.push(() => {
			store.claimRuns = claim;
		});
		const run = await bed.runIn(await bed.invoke('rows'));
		expect([run.state, run.attempt, failures[0]?.()]).toEqual(['succeeded', 1, OFTEN]);
	});

	it('uses up no attempt of a run whose lease ended before it was begun', async () => {
		const { store } = bed.engine.context;
		const renewals = failing(store, 'renewLeases', Infinity);
		const whole = store.getCapability;
		const [asked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
		const id = await bed.schedule('rows', { timing: { in: '1m' } }).then((body) => body.scheduleId);
		store.getCapability = async (...args) => {
			asked.resolve();
			await gate.promise;
			return whole.apply(store, args);
		};
		undo.push(() => {
			store.getCapability = whole;
		});
		bed.clock.advance(60_000);
		await asked.promise;
		const before = renewals();
		bed.clock.advance(40_000);
		while (renewals() === before) await new Promise((resolve) => setImmediate(resolve));
		gate.resolve();
		const { runId } = await bed.until(async () => (await bed.ledger(id as string))[0]);
		const run = await bed.runIn(runId as string);
		expect([run.state, run.attempt]).toEqual(['succeeded', 1]);
	});

	it('loses nothing of a delivery that was sent, however long it stays away: it is sent once', async () => {
		const failures = failing(bed.engine.context.store, 'settleDeliveries', 400);
		const run = await bed.invoke('rows', PUSHED());
		// a hundred seconds: three leases
		for (let n = 1; n <= 400; n++) {
			// nothing is committed that could be waited for
			while (failures() < n) await new Promise((resolve) => setImmediate(resolve));
			bed.clock.advance(250);
		}
		expect((await first(run, 'deliveries', 'delivered')).attempt).toBe(1);
		expect(hook.received).toHaveLength(1);
	});
});
